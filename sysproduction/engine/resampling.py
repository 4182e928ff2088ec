"""Bars of a longer period out of shorter ones, without looking ahead."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.events import BarPeriod


def resampled(bars: BarColumns, period: BarPeriod) -> tuple[BarColumns, npt.NDArray[np.int64]]:
    """The bars of `period` (stamped with its start, UTC), and for each given bar the number of the last one of them
    that was complete when it closed, -1 before the first.

    A bar is complete when its time is over: at the close of the bar that ends it, or of the next one that there is.
    Raises ConfigError unless the period is longer than that of the bars.
    """
    if period.nanoseconds <= bars.period.nanoseconds:
        raise ConfigError(f"bars of a {bars.period} give no bars of a {period}: it is not longer")
    starts = bars.ts - bars.ts % period.nanoseconds
    firsts = np.flatnonzero(np.diff(starts, prepend=starts[:1] - 1)) if len(bars) else np.zeros(0, np.int64)
    lasts = np.append(firsts[1:], len(bars)) - 1 if len(bars) else firsts
    longer = BarColumns(
        bars.symbol,
        period,
        ts=starts[firsts],
        open=bars.open[firsts],
        high=np.maximum.reduceat(bars.high, firsts) if len(bars) else bars.high,
        low=np.minimum.reduceat(bars.low, firsts) if len(bars) else bars.low,
        close=bars.close[lasts],
        volume=None if bars.volume is None else np.add.reduceat(bars.volume, firsts) if len(bars) else bars.volume,
    )
    over = longer.ts + period.nanoseconds
    return longer, np.searchsorted(over, bars.ts + bars.period.nanoseconds, "right") - 1


class Growing:
    """Bars of a longer period out of shorter ones that come one by one; `values` is for what is made of them."""

    def __init__(self, period: BarPeriod, longer: BarPeriod) -> None:
        if longer.nanoseconds <= period.nanoseconds:
            raise ConfigError(f"bars of a {period} give no bars of a {longer}: it is not longer")
        self._length, self._longer = period.nanoseconds, longer.nanoseconds
        self._start: int | None = None
        self._bar = (0.0, 0.0, 0.0, 0.0, 0.0)
        self.values: list[float] = []

    def take(
        self, ts: int, open_: float, high: float, low: float, close: float, volume: float
    ) -> Iterator[tuple[float, float, float, float, float]]:
        """The longer bars (open, high, low, close, volume) complete once this one has closed: none, one or two."""
        start = ts - ts % self._longer
        if self._start is not None and start != self._start:
            yield self._bar
            self._start = None
        first, top, bottom, _, before = self._bar if self._start is not None else (open_, high, low, close, 0.0)
        self._start, self._bar = start, (first, max(top, high), min(bottom, low), close, before + volume)
        if ts + self._length >= start + self._longer:
            yield self._bar
            self._start = None
