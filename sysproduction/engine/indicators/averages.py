"""Averages of a price or of another indicator, and what is made of two of them."""

from dataclasses import dataclass

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.engine.indicators.base import Indicator, JoinedStream, Stream, ValueStream, whole
from sysproduction.engine.indicators.prices import CLOSE, named


@dataclass(frozen=True)
class SMA:
    """The mean of the last `length` values."""

    length: int
    of: Indicator = CLOSE

    def __post_init__(self) -> None:
        whole(self.length, "SMA")

    @property
    def name(self) -> str:
        """As `sma_20`."""
        return named("sma", self.of, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.mean(kernels.window_state(self.length, 2), self.of.batch(bars))

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return ValueStream(kernels.mean_step, kernels.window_state(self.length, 2), self.of.stream())


@dataclass(frozen=True)
class EMA:
    """The exponentially weighted mean, a new value's weight being 2 / (length + 1); it begins with the first value, and
    is told from the `length`th on."""

    length: int
    of: Indicator = CLOSE

    def __post_init__(self) -> None:
        whole(self.length, "EMA")

    @property
    def name(self) -> str:
        """As `ema_20`."""
        return named("ema", self.of, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.exponential(self._start(), self.of.batch(bars))

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return ValueStream(kernels.exponential_step, self._start(), self.of.stream())

    def _start(self) -> Floats:
        return np.array([self.length, 0.0, 0.0, 2.0 / (self.length + 1)])


@dataclass(frozen=True)
class Difference:
    """One indicator less another."""

    first: Indicator
    second: Indicator
    name: str

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        return self.first.batch(bars) - self.second.batch(bars)

    def stream(self) -> Stream:
        """Bar by bar."""
        return JoinedStream(lambda first, second: first - second, self.first.stream(), self.second.stream())


def detrend(of: Indicator = CLOSE) -> Difference:
    """The oscillator SMA 3 less SMA 7."""
    return Difference(SMA(3, of), SMA(7, of), named("detrend", of))


def macd(fast: int = 12, slow: int = 26, of: Indicator = CLOSE) -> Difference:
    """Moving average convergence and divergence: the fast EMA less the slow one."""
    return Difference(EMA(fast, of), EMA(slow, of), named("macd", of, fast, slow))


def macd_signal(fast: int = 12, slow: int = 26, signal: int = 9, of: Indicator = CLOSE) -> EMA:
    """The EMA of the MACD."""
    return EMA(signal, macd(fast, slow, of))


def macd_histogram(fast: int = 12, slow: int = 26, signal: int = 9, of: Indicator = CLOSE) -> Difference:
    """The MACD less its signal."""
    line = macd(fast, slow, of)
    return Difference(line, EMA(signal, line), named("macd_histogram", of, fast, slow, signal))
