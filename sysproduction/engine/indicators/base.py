"""What an indicator is: one function of a symbol's bars, over a whole history or bar by bar."""

from typing import Protocol

from sysproduction.domain.bar_columns import BarColumns, Floats


class Stream(Protocol):
    """An indicator on its way through a symbol's bars."""

    def step(self, open_: float, high: float, low: float, close: float, volume: float) -> float:
        """Take the next bar, in time that does not grow with the history; the value at it, NaN while warming up.
        `volume` is NaN where the source has none."""
        ...


class Indicator(Protocol):
    """Both forms give the same bits: `batch(bars)[i]` is what the stream's step of bar i returns."""

    @property
    def name(self) -> str:
        """What a record and a plot call it, with what sets it apart from others of its kind, as `sma_20`."""
        ...

    def batch(self, bars: BarColumns) -> Floats:
        """Its values over a history, one a bar; value i depends on no later bar than i."""
        ...

    def stream(self) -> Stream:
        """A new start, before the first bar."""
        ...
