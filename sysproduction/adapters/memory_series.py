"""Series kept in this process, behaving as the ArcticDB ones do: for simulations and fast tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock

import pandas as pd

from sysproduction.adapters.series_frames import (
    checked_frame,
    checked_library,
    checked_moment,
    checked_symbol,
    continued,
)
from sysproduction.ports import Version


@dataclass(slots=True)
class _Symbol:
    """Versions oldest first; `numbered` goes on counting when the symbol is deleted and made anew."""

    versions: list[tuple[Version, pd.DataFrame]] = field(default_factory=list)
    numbered: int = 0


class MemorySeries:
    """The Series port in memory, safe for threads; `now` tells the moment of each write (aware UTC)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._stored: dict[tuple[str, str], _Symbol] = {}
        self._lock = RLock()

    def read(
        self,
        library: str,
        symbol: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: int | datetime | None = None,
    ) -> pd.DataFrame | None:
        """As the port."""
        low, high = checked_moment(start, "start"), checked_moment(end, "end")
        with self._lock:
            frame = _as_of(self._symbol(library, symbol).versions, as_of)
        if frame is None:
            return None
        return frame.loc[low:high].copy() if low is None or high is None or low <= high else frame.iloc[:0].copy()

    def last_versions(self, library: str, symbols: Sequence[str]) -> dict[str, int]:
        """As the port."""
        found = {symbol: self.versions(library, symbol) for symbol in symbols}
        return {symbol: versions[-1].number for symbol, versions in found.items() if versions}

    def read_many(
        self, library: str, versions: Mapping[str, int], *, start: datetime | None = None
    ) -> dict[str, pd.DataFrame]:
        """As the port."""
        found = {symbol: self.read(library, symbol, start=start, as_of=number) for symbol, number in versions.items()}
        return {symbol: frame for symbol, frame in found.items() if frame is not None}

    def append(self, library: str, symbol: str, frame: pd.DataFrame) -> int:
        """As the port; appending no rows to a symbol that exists makes no version."""
        new = checked_frame(frame, f"{library} {symbol}")
        with self._lock:
            stored = self._symbol(library, symbol)
            if stored.versions:
                version, last = stored.versions[-1]
                new = continued(last, new, f"{library} {symbol}")
                if new.empty:
                    return version.number
                new = new if last.empty else pd.concat([last, new])
            return self._write(stored, new)

    def replace(self, library: str, symbol: str, frame: pd.DataFrame) -> int:
        """As the port."""
        new = checked_frame(frame, f"{library} {symbol}")
        with self._lock:
            return self._write(self._symbol(library, symbol), new)

    def replace_many(self, library: str, frames: Mapping[str, pd.DataFrame]) -> None:
        """As the port; nothing is written if one of the names or frames is refused."""
        checked = {checked_symbol(name): checked_frame(frame, f"{library} {name}") for name, frame in frames.items()}
        with self._lock:
            for symbol, frame in checked.items():
                self._write(self._symbol(library, symbol), frame)

    def delete(self, library: str, symbol: str) -> None:
        """As the port; a symbol made anew goes on with the next version number."""
        with self._lock:
            self._symbol(library, symbol).versions.clear()

    def symbols(self, library: str, prefix: str = "") -> list[str]:
        """As the port."""
        checked_library(library)
        with self._lock:
            return sorted(
                symbol
                for (where, symbol), stored in self._stored.items()
                if where == library and stored.versions and symbol.startswith(prefix)
            )

    def versions(self, library: str, symbol: str) -> list[Version]:
        """As the port."""
        with self._lock:
            return [version for version, _ in self._symbol(library, symbol).versions]

    def close(self) -> None:
        """As the port; what is stored stays."""

    def _symbol(self, library: str, symbol: str) -> _Symbol:
        return self._stored.setdefault((checked_library(library), checked_symbol(symbol)), _Symbol())

    def _write(self, stored: _Symbol, frame: pd.DataFrame) -> int:
        version = Version(stored.numbered, self._now())
        stored.versions.append((version, frame))
        stored.numbered += 1
        return version.number


def _as_of(versions: list[tuple[Version, pd.DataFrame]], as_of: int | datetime | None) -> pd.DataFrame | None:
    if isinstance(as_of, datetime):
        checked_moment(as_of, "as_of")
        fitting = [frame for version, frame in versions if version.written_at <= as_of]
    else:
        fitting = [frame for version, frame in versions if as_of in (None, version.number)]
    return fitting[-1] if fitting else None
