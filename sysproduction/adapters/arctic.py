"""Series in ArcticDB: on LMDB in a folder, in MongoDB or in S3, with writers serialised by leases."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, Generic, Protocol, TypeVar

import pandas as pd

from sysproduction.adapters.arctic_store import ArcticStore, complete, let_go, opened
from sysproduction.adapters.series_frames import (
    checked_frame,
    checked_library,
    checked_moment,
    checked_symbol,
    continued,
    first_segment,
)
from sysproduction.ports import Version

_APPENDS_MAX: Final = 100
_MICROSECOND: Final = pd.Timedelta(microseconds=1) - pd.Timedelta(nanoseconds=1)


class Lease(Protocol):
    """The right to write; whoever holds it later has a larger token."""

    @property
    def token(self) -> int: ...


LeaseT = TypeVar("LeaseT", bound=Lease)


class Leases(Protocol[LeaseT]):
    """Where the right to write comes from: see sysproduction/stores/leases.py."""

    def hold(self, name: str, wait_seconds: float) -> AbstractContextManager[LeaseT]: ...

    def advance(self, lease: LeaseT, beyond: int) -> LeaseT: ...


@dataclass(frozen=True, slots=True)
class _Pen(Generic[LeaseT]):
    """What one writer holds while it writes: a library and the lease."""

    store: ArcticStore
    library: Any
    lease: LeaseT


class ArcticSeries(Generic[LeaseT]):
    """The Series port on ArcticDB at `uri` (lmdb://FOLDER, mongodb://…, s3://…).

    Opens at first use, which must come after any fork (a child forked later gets RuntimeError); several instances
    in one process share what is open. Every write holds the lease LIBRARY/NAME and stores its token with the version;
    finding a larger one there, the writer has been superseded and gets Conflict. (A deleted symbol keeps no token: on
    several hosts, a writer that outlived its lease could bring one back.) Moments of writing are the machine's real
    UTC, not market time, in microseconds.

    Besides what the port says, all methods raise ConfigError for an address that is wrong or holds something
    else, DataError for names and frames that series_frames refuses, and Unavailable when less than
    `disk_reserve_bytes` would be left on the disk of an LMDB folder.
    """

    def __init__(
        self,
        uri: str,
        leases: Leases[LeaseT],
        *,
        lease_wait_seconds: float = 30.0,
        disk_reserve_bytes: int = 64 * 2**20,
    ) -> None:
        self._uri = complete(uri)
        self._leases = leases
        self._wait = lease_wait_seconds
        self._reserve = disk_reserve_bytes

    def read(
        self,
        library: str,
        symbol: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: int | datetime | None = None,
    ) -> pd.DataFrame | None:
        """As the port; only the segments that hold the range are read."""
        low, high = checked_moment(start, "start"), checked_moment(end, "end")
        date_range = None if low is None and high is None else (low, high)
        stored = self._stored(library, symbol, "read", date_range=date_range, as_of=_version_query(as_of))
        return None if stored is None else _restored(stored.data)

    def last_versions(self, library: str, symbols: Sequence[str]) -> dict[str, int]:
        """As the port."""
        found = self._batch(library, symbols, "read_metadata_batch", list(symbols))
        return {symbol: int(item.version) for symbol, item in found.items()}

    def read_many(
        self, library: str, versions: Mapping[str, int], *, start: datetime | None = None
    ) -> dict[str, pd.DataFrame]:
        """As the port."""
        from arcticdb import ReadRequest

        low = checked_moment(start, "start")
        date_range = None if low is None else (low, None)
        wanted = [
            ReadRequest(symbol, as_of=_version_query(number), date_range=date_range)
            for symbol, number in versions.items()
        ]
        found = self._batch(library, list(versions), "read_batch", wanted)
        return {symbol: _restored(item.data) for symbol, item in found.items()}

    def append(self, library: str, symbol: str, frame: pd.DataFrame) -> int:
        """As the port; appending no rows to a symbol that exists makes no version."""
        where = f"{library} {checked_symbol(symbol)}"
        new = checked_frame(frame, where)
        with self._writing(library, symbol) as pen:
            stored = _found(pen.store, pen.library.tail, symbol, n=1)
            if stored is None:
                return self._write(pen, symbol, new, {})
            last = _restored(stored.data)
            new = continued(last, new, where)
            if new.empty:
                return int(stored.version)
            if last.empty:
                return self._write(pen, symbol, new, stored.metadata)
            return self._extend(pen, symbol, new, stored.metadata)

    def replace(self, library: str, symbol: str, frame: pd.DataFrame) -> int:
        """As the port."""
        new = checked_frame(frame, f"{library} {checked_symbol(symbol)}")
        with self._writing(library, symbol) as pen:
            stored = _found(pen.store, pen.library.read_metadata, symbol)
            return self._write(pen, symbol, new, stored.metadata if stored else {})

    def replace_many(self, library: str, frames: Mapping[str, pd.DataFrame]) -> None:
        """As the port; nothing is written if one of the names or frames is refused."""
        checked = {checked_symbol(name): checked_frame(frame, f"{library} {name}") for name, frame in frames.items()}
        for _, group in groupby(sorted(checked, key=lambda name: (first_segment(name), name)), key=first_segment):
            names = list(group)
            with self._writing(library, names[0]) as pen:
                self._write_batch(pen, {name: checked[name] for name in names})

    def delete(self, library: str, symbol: str) -> None:
        """As the port; a symbol made anew goes on with the next version number."""
        if self._stored(library, symbol, "read_metadata") is None:
            return
        with self._writing(library, symbol) as pen:
            stored = _found(pen.store, pen.library.read_metadata, symbol)
            if stored is not None:
                self._token(pen, stored.metadata)
                with pen.store.translated():
                    pen.library.delete(symbol)

    def symbols(self, library: str, prefix: str = "") -> list[str]:
        """As the port; a symbol whose first write was cut off is none."""
        store = self._store()
        found = store.library(checked_library(library), create=False)
        if found is None:
            return []
        with store.translated():
            # ArcticDB's symbol list names symbols whose first write was killed, and is compacted by readers: this
            # asks for the symbols themselves.
            names = found._nvs.list_symbols(use_symbol_list=False)
        return sorted(name for name in names if name.startswith(prefix))

    def versions(self, library: str, symbol: str) -> list[Version]:
        """As the port."""
        infos = self._stored(library, symbol, "list_versions") or {}
        found = [Version(key.version, info.date.floor("us").to_pydatetime()) for key, info in infos.items()]
        return sorted(found, key=lambda version: version.number)

    def close(self) -> None:
        """As the port; a later call opens anew."""
        let_go(self._uri, self)

    def _store(self) -> ArcticStore:
        return opened(self._uri, self, self._reserve)

    def _stored(self, library: str, symbol: str, question: str, **conditions: Any) -> Any:
        store = self._store()
        found = store.library(checked_library(library), create=False)
        return None if found is None else _found(store, getattr(found, question), checked_symbol(symbol), **conditions)

    def _batch(self, library: str, symbols: Sequence[str], question: str, requests: list[Any]) -> dict[str, Any]:
        """ArcticDB's answers by symbol, without those that it has not; what else goes wrong is raised."""
        from arcticdb import DataError as Failure
        from arcticdb_ext.exceptions import ErrorCode

        store = self._store()
        names = [checked_symbol(symbol) for symbol in symbols]
        where = store.library(checked_library(library), create=False)
        if where is None or not names:
            return {}
        with store.translated():
            answers = getattr(where, question)(requests)
        absent = (ErrorCode.E_NO_SUCH_VERSION, ErrorCode.E_SYMBOL_NOT_FOUND)
        failures = [a for a in answers if isinstance(a, Failure) and a.error_code not in absent]
        if failures:
            told = "; ".join(f"{item.symbol}: {item.exception_string}" for item in failures[:3])
            raise store.failure(f"{len(failures)} of {len(answers)} series were not read: {told}")
        return {name: a for name, a in zip(names, answers, strict=True) if not isinstance(a, Failure)}

    @contextmanager
    def _writing(self, library: str, symbol: str) -> Iterator[_Pen[LeaseT]]:
        store = self._store()
        with self._leases.hold(f"{checked_library(library)}/{first_segment(symbol)}", self._wait) as lease:
            yield _Pen(store, store.library(library, create=True), lease)

    def _token(self, pen: _Pen[LeaseT], *metadata: Mapping[str, int] | None) -> int:
        """The token to write with; raises Conflict if one of the stored ones shows that we were superseded."""
        newest = max((m.get("token", 0) for m in metadata if m), default=0)
        if newest <= pen.lease.token:
            return pen.lease.token
        return self._leases.advance(pen.lease, newest).token

    def _write(self, pen: _Pen[LeaseT], symbol: str, frame: pd.DataFrame, metadata: Mapping[str, int] | None) -> int:
        fresh = {"token": self._token(pen, metadata), "appends": 0}
        pen.store.check_room(_size(frame))
        with pen.store.translated():
            written = pen.library.write(symbol, frame, metadata=fresh, prune_previous_versions=False)
        return int(written.version)

    def _extend(self, pen: _Pen[LeaseT], symbol: str, rows: pd.DataFrame, metadata: Mapping[str, int] | None) -> int:
        # Each append adds a segment, and each version an index of all segments: now and then they are put together.
        appends = (metadata or {}).get("appends", 0) + 1
        compact = appends >= _APPENDS_MAX
        fresh = {"token": self._token(pen, metadata), "appends": 0 if compact else appends}
        pen.store.check_room(_size(rows))
        with pen.store.translated():
            written = pen.library.append(
                symbol, rows, metadata=fresh, prune_previous_versions=False, compact_data=compact
            )
        return int(written.version)

    def _write_batch(self, pen: _Pen[LeaseT], frames: Mapping[str, pd.DataFrame]) -> None:
        from arcticdb import DataError as Failure
        from arcticdb import WritePayload

        with pen.store.translated():
            stored = pen.library.read_metadata_batch(list(frames))
        token = self._token(pen, *(item.metadata for item in stored if not isinstance(item, Failure)))
        fresh = {"token": token, "appends": 0}
        pen.store.check_room(sum(map(_size, frames.values())))
        payloads = [WritePayload(name, frame, metadata=fresh) for name, frame in frames.items()]
        with pen.store.translated():
            written = pen.library.write_batch(payloads, prune_previous_versions=False)
        failures = [item for item in written if isinstance(item, Failure)]
        if failures:
            told = "; ".join(f"{item.symbol}: {item.exception_string}" for item in failures[:3])
            raise pen.store.failure(f"{len(failures)} of {len(written)} series were not written: {told}")


def _found(store: ArcticStore, question: Any, symbol: str, **conditions: Any) -> Any:
    """ArcticDB's answer, or None where it has no such symbol or version."""
    from arcticdb.exceptions import NoDataFoundException

    try:
        with store.translated():
            return question(symbol, **conditions)
    except NoDataFoundException:
        return None


def _version_query(as_of: int | datetime | None) -> int | pd.Timestamp | None:
    """ArcticDB counts versions from the newest for negative numbers, and stamps them in nanoseconds."""
    if isinstance(as_of, datetime):
        moment = checked_moment(as_of, "as_of")
        return None if moment is None else moment + _MICROSECOND
    return as_of if as_of is None or as_of >= 0 else 2**62


def _restored(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it was given: ArcticDB forgets the time zone of an empty index."""
    index = frame.index
    if isinstance(index, pd.DatetimeIndex) and index.tz is None:
        frame.index = index.tz_localize("UTC")
    return frame


def _size(frame: pd.DataFrame) -> int:
    """Bytes, about: only text has to be looked at."""
    texts = [frame.iloc[:, place] for place, kind in enumerate(frame.dtypes) if pd.api.types.is_object_dtype(kind)]
    return 8 * (frame.size + len(frame)) + sum(int(text.memory_usage(index=False, deep=True)) for text in texts)
