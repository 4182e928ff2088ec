"""Indicators as a strategy sees them: the value at the bar that is now, and those behind it."""

from math import nan

import numpy as np
import numpy.typing as npt

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.domain.events import BarPeriod
from sysproduction.engine.indicators import Indicator, Stream
from sysproduction.engine.resampling import Growing, resampled
from sysproduction.engine.stage import HISTORY, Bar, Stage


class Reading:
    """An indicator in a strategy. `now` or `[-1]` is its value at the bar that is now, `[-2]` the one before; `["ES",
    -1]` is that of another symbol of the strategy. NaN where there is none yet; at most `HISTORY` values back.

    With a longer `period` it goes over the bars of that period which were complete when the present bar closed.
    """

    __slots__ = ("_complete", "_growing", "_stage", "_streams", "column", "full", "indicator", "name", "period")

    def __init__(self, stage: Stage, indicator: Indicator, period: BarPeriod | None) -> None:
        self._stage, self.column = stage, stage.new_column()
        self.indicator, self.period = indicator, period
        self.name = indicator.name if period is None else f"{indicator.name}_{period.lower()}"
        self.full: dict[str, Floats] = {}
        self._complete: dict[str, tuple[Floats, npt.NDArray[np.int64]]] = {}
        self._streams: dict[str, Stream] = {}
        self._growing: dict[str, Growing] = {}

    @property
    def now(self) -> float:
        """The value at the bar that is now."""
        bar = self._stage.bar
        value: float = bar.columns[self.column][bar.row]
        return value

    def __getitem__(self, back: int | tuple[str, int]) -> float:
        symbol, back = back if isinstance(back, tuple) else (None, back)
        bar = self._stage.now() if symbol is None else self._stage.bar_of(symbol)
        if not -HISTORY <= back < 0:
            raise IndexError(f"{self.name}[{back}]: -1 is the value now, -2 the one before, back to -{HISTORY}")
        if bar.index < 0:
            return nan
        return self._value(bar, back) if self.period is None else self._complete_value(bar, back)

    def over(self, bars: BarColumns) -> Floats:
        """Its values over a symbol's history, kept in `full`; row i is the one at bar i."""
        if self.period is None:
            values = self.indicator.batch(bars)
        else:
            longer, last = resampled(bars, self.period)
            found = self.indicator.batch(longer)
            self._complete[bars.symbol] = (found, last)
            values = np.where(last >= 0, found[np.maximum(last, 0)], nan) if len(found) else np.full(len(bars), nan)
        self.full[bars.symbol] = values
        return values

    def advance(self, bar: Bar) -> None:
        """Take a bar that came from a feed without columns."""
        volume = nan if bar.volume is None else bar.volume
        stream = self._streams.get(bar.symbol)
        if stream is None:
            stream = self._streams[bar.symbol] = self.indicator.stream()
        if self.period is None:
            value = stream.step(bar.open, bar.high, bar.low, bar.close, volume)
        else:
            growing = self._growing.setdefault(bar.symbol, Growing(bar.period, self.period))
            for longer in growing.take(bar.ts, bar.open, bar.high, bar.low, bar.close, volume):
                growing.values.append(stream.step(*longer))
            value = growing.values[-1] if growing.values else nan
        bar.columns[self.column].append(value)

    def _value(self, bar: Bar, back: int) -> float:
        row = bar.row + 1 + back
        if row >= 0:
            value: float = bar.columns[self.column][row]
            return value
        row += bar.offset
        return nan if row < 0 or bar.symbol not in self.full else float(self.full[bar.symbol][row])

    def _complete_value(self, bar: Bar, back: int) -> float:
        if bar.symbol in self._growing:
            grown = self._growing[bar.symbol].values
            return grown[back] if len(grown) >= -back else nan
        values, last = self._complete[bar.symbol]
        row = int(last[bar.index]) + 1 + back
        return nan if row < 0 else float(values[row])
