"""Capital as stored: the last entry and the last split as documents, and the whole history as series.

A document is the authority and is written first: it holds the entry that the history gets afterwards, so that what a
crash cut off is made up for whenever the document is read to be changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import pandas as pd

from sysproduction.domain.capital import Allocation, Capital, Measure, Share
from sysproduction.domain.errors import AlreadyExists, Conflict, DataError
from sysproduction.ports import Document, Documents, Series

COLLECTION: Final = "capital"
LIBRARY: Final = "capital"
TOTAL: Final = "total"
ALLOCATION: Final = "allocation"
STRATEGIES: Final = "strategies"
_TOTAL_COLUMNS: Final = ("number", "account_value", "capital", "maximum", "profit", "margin", "by", "why")


@dataclass(frozen=True, slots=True)
class CapitalStanding:
    """The last entry (None: never measured), and a measure that waits for an operator's word. Version 0: not stored."""

    last: Capital | None = None
    pending: Measure | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class AllocationStanding:
    """The last split (None: there was none)."""

    last: Allocation | None = None
    version: int = 0


class CapitalStore:
    """Typed access to the collection and the library `capital`.

    Writes compare and set: they raise Conflict if the standing they start from is no longer the stored one.
    """

    def __init__(self, documents: Documents, series: Series) -> None:
        self._documents, self._series = documents, series
        documents.declare(COLLECTION)

    def total(self) -> CapitalStanding:
        """The present standing; writes nothing."""
        document = self._documents.get(COLLECTION, TOTAL)
        return CapitalStanding() if document is None else _standing(document)

    def allocation(self) -> AllocationStanding:
        """The present split; writes nothing."""
        document = self._documents.get(COLLECTION, ALLOCATION)
        return AllocationStanding() if document is None else _allocation_standing(document)

    def recover(self) -> None:
        """Give the history what a crash kept from it."""
        if (last := self.total().last) is not None:
            self._enter(TOTAL, last.at, _total_row(last))
        if (split := self.allocation().last) is not None:
            self._enter_shares(split)

    def record(self, standing: CapitalStanding, entry: Capital) -> CapitalStanding:
        """Make this the last entry; nothing waits any more."""
        written = self._write(TOTAL, {"last": _entry_body(entry), "pending": None}, standing.version)
        self._enter(TOTAL, entry.at, _total_row(entry))
        return CapitalStanding(entry, None, written.version)

    def hold(self, standing: CapitalStanding, pending: Measure) -> CapitalStanding:
        """Let this measure wait for an operator's word."""
        assert standing.last is not None
        body = {"last": _entry_body(standing.last), "pending": _pending_body(pending)}
        return replace(standing, pending=pending, version=self._write(TOTAL, body, standing.version).version)

    def drop_pending(self, standing: CapitalStanding) -> CapitalStanding:
        """Nothing waits any more, and nothing came of it."""
        assert standing.last is not None
        body = {"last": _entry_body(standing.last), "pending": None}
        return replace(standing, pending=None, version=self._write(TOTAL, body, standing.version).version)

    def allocate(self, standing: AllocationStanding, split: Allocation) -> AllocationStanding:
        """Make this the last split."""
        written = self._write(ALLOCATION, {"last": _split_body(split)}, standing.version)
        self._enter_shares(split)
        return AllocationStanding(split, written.version)

    def history(self) -> pd.DataFrame:
        """Every entry by its moment; columns number, account_value, capital, maximum, profit, margin, by, why."""
        return self._read(TOTAL, _TOTAL_COLUMNS)

    def history_of(self, strategy: str) -> pd.DataFrame:
        """What the strategy has had, by moment; columns number, capital, margin."""
        return self._read(f"{STRATEGIES}/{strategy}", ("number", "capital", "margin"))

    def _read(self, symbol: str, columns: Sequence[str]) -> pd.DataFrame:
        frame = self._series.read(LIBRARY, symbol)
        empty = pd.DatetimeIndex([], tz="UTC")
        return pd.DataFrame(columns=list(columns), index=empty) if frame is None else frame

    def _enter_shares(self, split: Allocation) -> None:
        for strategy, share in sorted(split.shares.items()):
            row = {"number": split.number, "capital": share.capital, "margin": share.margin}
            self._enter(f"{STRATEGIES}/{strategy}", split.at, row)

    def _enter(self, symbol: str, at: datetime, row: Mapping[str, Any]) -> None:
        """Append the row unless the history reaches its moment."""
        if self._reaches(symbol, at):
            return
        try:
            self._series.append(LIBRARY, symbol, pd.DataFrame([dict(row)], index=pd.DatetimeIndex([at])))
        except DataError:
            if not self._reaches(symbol, at):  # otherwise another program made up for it at the same time
                raise

    def _reaches(self, symbol: str, at: datetime) -> bool:
        known = self._series.read(LIBRARY, symbol, start=at)
        return known is not None and len(known) > 0

    def _write(self, key: str, body: Mapping[str, Any], version: int) -> Document:
        if version:
            return self._documents.replace(COLLECTION, key, body, version)
        try:
            return self._documents.insert(COLLECTION, key, body)
        except AlreadyExists as reason:
            raise Conflict(f"capital ({key}) was stored by somebody else: try again") from reason


def _total_row(entry: Capital) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _TOTAL_COLUMNS}


def _entry_body(entry: Capital) -> dict[str, Any]:
    """Moments as text: stored ones are kept to the millisecond only."""
    return asdict(entry) | {"at": entry.at.isoformat(), "measured_at": entry.measured_at.isoformat()}


def _entry(body: Mapping[str, Any]) -> Capital:
    moments = {name: datetime.fromisoformat(body[name]) for name in ("at", "measured_at")}
    return Capital(**{**body, **moments})


def _pending_body(measure: Measure) -> dict[str, Any]:
    return asdict(measure) | {"at": measure.at.isoformat()}


def _standing(document: Document) -> CapitalStanding:
    last, pending = document.body["last"], document.body["pending"]
    return CapitalStanding(
        _entry(last) if last else None,
        Measure(**{**pending, "at": datetime.fromisoformat(pending["at"])}) if pending else None,
        document.version,
    )


def _split_body(split: Allocation) -> dict[str, Any]:
    return asdict(split) | {"at": split.at.isoformat()}


def _allocation_standing(document: Document) -> AllocationStanding:
    body = document.body["last"]
    shares = {name: Share(**share) for name, share in body["shares"].items()}
    split = Allocation(body["number"], datetime.fromisoformat(body["at"]), body["total"], shares)
    return AllocationStanding(split, document.version)
