"""When estimates are fitted and to which rows, so that none ever sees what came later."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.systems.smoothing import Panel

DAYS_A_CALENDAR_YEAR: Final = 365.25
FRIDAY: Final = 4
WEEKS_A_YEAR: Final = 52


@dataclass(frozen=True, slots=True)
class Fit:
    """An estimate from rows `start` up to, not including, `row`, in force from `row` up to `end`."""

    start: int
    row: int
    end: int


def annual_fits(days: pd.DatetimeIndex, years: float | None) -> list[Fit]:
    """One fit at the first business day of each calendar year after the first, from all rows before it or from those of
    the last `years`."""
    rows = [int(row) for row in np.flatnonzero(days.year[1:] != days.year[:-1]) + 1]
    fits = []
    for row, end in zip(rows, [*rows[1:], len(days)], strict=True):
        start = 0
        if years is not None:
            start = int(days.searchsorted(days[row] - pd.Timedelta(days=years * DAYS_A_CALENDAR_YEAR)))
        fits.append(Fit(start, row, end))
    return fits


def stepwise(
    fits: Sequence[Fit], values: Sequence[NDArray[np.float64]], before: NDArray[np.float64], count: int
) -> Panel:
    """Fitted values by day, days x values; `before` until the first fit."""
    out = np.empty((count, len(before)), order="F")
    out[:] = before
    for fit, value in zip(fits, values, strict=True):
        out[fit.row : fit.end] = value
    return out


def week_ends(days: pd.DatetimeIndex) -> NDArray[np.int64]:
    """The rows of Fridays, on which a week is complete."""
    return np.flatnonzero(days.weekday == FRIDAY)


def weekly_sums(returns: Panel, ends: NDArray[np.int64]) -> Panel:
    """Returns summed up to each week's end, weeks x columns; NaN for a week in which none is known."""
    known = np.isfinite(returns)
    sums = np.cumsum(np.where(known, returns, 0.0), axis=0)[ends]
    counts = np.cumsum(known, axis=0)[ends]
    zero = np.zeros((1, returns.shape[1]))
    weeks, seen = np.diff(sums, axis=0, prepend=zero), np.diff(counts, axis=0, prepend=zero)
    return np.where(seen > 0, weeks, np.nan)


def within(fit: Fit, ends: NDArray[np.int64]) -> slice:
    """The weeks that a fit may use: those that end before it is made."""
    return slice(int(np.searchsorted(ends, fit.start)), int(np.searchsorted(ends, fit.row)))
