"""What an indicator is: one function of a symbol's bars, over a whole history or bar by bar."""

from collections.abc import Callable
from typing import Any, Protocol

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.domain.errors import ConfigError


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


class ValueStream:
    """Takes a kernel's step over the values of another stream."""

    def __init__(self, step: Callable[[Floats, float], float], state: Floats, source: Stream) -> None:
        self._step, self._state, self._source = step, state, source

    def step(self, open_: float, high: float, low: float, close: float, volume: float) -> float:
        """The kernel's value at the bar."""
        return self._step(self._state, self._source.step(open_, high, low, close, volume))


class BarStream:
    """Takes a kernel's step over high, low and close of the bars."""

    def __init__(self, step: Callable[[Floats, float, float, float], float], state: Floats) -> None:
        self._step, self._state = step, state

    def step(self, open_: float, high: float, low: float, close: float, volume: float) -> float:
        """The kernel's value at the bar."""
        del open_, volume
        return self._step(self._state, high, low, close)


class JoinedStream:
    """A function of the values of several streams."""

    def __init__(self, join: Callable[..., Any], *sources: Stream) -> None:
        self._join, self._sources = join, sources

    def step(self, open_: float, high: float, low: float, close: float, volume: float) -> float:
        """The function's value at the bar."""
        return float(self._join(*(source.step(open_, high, low, close, volume) for source in self._sources)))


def whole(length: int, what: str, least: int = 1) -> None:
    """Raise ConfigError unless a length is a whole number of bars, and at least that many."""
    if not isinstance(length, int) or isinstance(length, bool) or length < least:
        raise ConfigError(f"{what}: a length of {length!r} cannot be; it must be a whole number from {least} on")
