"""The bars of one symbol as columns: what a feed gives and a run goes over."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sysproduction.domain.errors import DataError
from sysproduction.domain.events import BarPeriod

Floats = npt.NDArray[np.float64]
Stamps = npt.NDArray[np.int64]

PRICES: Final = ("open", "high", "low", "close")
COLUMNS: Final = ("ts", *PRICES, "volume")

_AT_ONCE: Final = 16_384
"""Bars that are looked at together: their columns fit into a processor's cache."""


@dataclass(frozen=True, eq=False)
class BarColumns:
    """Bars of one symbol and period, oldest first. `ts` has opening stamps in ns since 1970 (UTC); `volume` None: the
    source has none. All columns are equally long, contiguous, and not to be written to."""

    symbol: str
    period: BarPeriod
    ts: Stamps
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats | None = None

    def __len__(self) -> int:
        return len(self.ts)

    def columns(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """The columns that there are, with their names, in the order of `COLUMNS`."""
        for name in COLUMNS:
            column = getattr(self, name)
            if column is not None:
                yield name, column

    def between(self, start_ns: int | None, end_ns: int | None) -> "BarColumns":
        """The bars stamped from `start_ns` to `end_ns`, both included; None: without that bound."""
        first = 0 if start_ns is None else int(np.searchsorted(self.ts, start_ns, "left"))
        last = len(self) if end_ns is None else int(np.searchsorted(self.ts, end_ns, "right"))
        if (first, last) == (0, len(self)):
            return self
        cut = {name: column[first:last] for name, column in self.columns()}
        return BarColumns(self.symbol, self.period, **cut)

    @cached_property
    def column_hashes(self) -> dict[str, str]:
        """The `column_hash` of each column that there is, by name."""
        return {name: column_hash(column) for name, column in self.columns()}

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of period and columns, in hexadecimal; the symbol's name is no part of it."""
        told = [f"{name} {found}" for name, found in self.column_hashes.items()]
        return hashlib.sha256("\n".join([f"{self.period} {len(self)}", *told]).encode()).hexdigest()


def column_hash(values: npt.NDArray[Any]) -> str:
    """SHA-256 of the numbers of a column, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def check_bars(bars: BarColumns) -> None:
    """Raise DataError naming symbol, stamp and fault for the first fault that `first_fault` finds."""
    found = first_fault(bars)
    if found is not None:
        row, fault = found
        stamp = np.datetime64(int(bars.ts[row]), "ns")
        raise DataError(f"{bars.symbol}, bar {row + 1} of {len(bars)} at {stamp}: {fault}")


def first_fault(bars: BarColumns) -> tuple[int, str] | None:
    """Row and fault of a bar that cannot be, None if all can: stamps that do not increase, a price that is not finite,
    a high below or a low above another price of the bar, a volume below zero or NaN."""
    steps = np.diff(bars.ts)
    if len(steps) and not (steps > 0).all():
        at = int(np.argmin(steps > 0)) + 1
        what = "the same stamp as" if steps[at - 1] == 0 else "an earlier stamp than"
        return at, f"{what} the bar before it; sort the bars and remove duplicates"
    for first in range(0, len(bars), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        open_, high, low, close = (getattr(bars, name)[part] for name in PRICES)
        values = zip(PRICES, (open_, high, low, close), strict=True)
        wrong = [(~np.isfinite(column), f"{name} is not a finite number") for name, column in values]
        wrong.append((high < np.maximum(np.maximum(open_, close), low), "high is below another price of the bar"))
        wrong.append((low > np.minimum(open_, close), "low is above another price of the bar"))
        if bars.volume is not None:
            wrong.append((~(bars.volume[part] >= 0), "volume is below zero or not a number"))
        for rows, fault in wrong:
            if rows.any():
                return first + int(np.argmax(rows)), fault
    return None
