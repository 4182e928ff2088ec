"""How far values go: bands, extremes, channels, and changes."""

from dataclasses import dataclass
from math import nan
from operator import neg
from typing import Any, ClassVar

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.domain.errors import ConfigError
from sysproduction.engine.indicators.averages import SMA
from sysproduction.engine.indicators.base import Indicator, JoinedStream, Stream, ValueStream, whole
from sysproduction.engine.indicators.prices import CLOSE, High, Low, named


@dataclass(frozen=True)
class Deviation:
    """The population standard deviation of the last `length` values."""

    length: int
    of: Indicator = CLOSE

    def __post_init__(self) -> None:
        whole(self.length, "Deviation")

    @property
    def name(self) -> str:
        """As `deviation_20`."""
        return named("deviation", self.of, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.deviation(kernels.window_state(self.length, 3), self.of.batch(bars))

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return ValueStream(kernels.deviation_step, kernels.window_state(self.length, 3), self.of.stream())


@dataclass(frozen=True)
class _Bollinger:
    """Made of the mean of the last values and of their standard deviation; `kind` begins its name."""

    length: int = 20
    width: float = 2.0
    of: Indicator = CLOSE
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        whole(self.length, type(self).__name__)
        if not self.width > 0:
            raise ConfigError(f"{type(self).__name__}: a width of {self.width} cannot be; it must be above 0")

    @property
    def name(self) -> str:
        """As `bollinger_upper_20_2`."""
        return named(self.kind, self.of, self.length, self.width)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        found: Floats = self._joined(SMA(self.length, self.of).batch(bars), Deviation(self.length, self.of).batch(bars))
        return found

    def stream(self) -> Stream:
        """Bar by bar."""
        return JoinedStream(self._joined, SMA(self.length, self.of).stream(), Deviation(self.length, self.of).stream())

    def _joined(self, mean: Any, deviation: Any) -> Any:
        raise NotImplementedError


class BollingerUpper(_Bollinger):
    """The mean and `width` standard deviations."""

    kind = "bollinger_upper"

    def _joined(self, mean: Any, deviation: Any) -> Any:
        return mean + self.width * deviation


class BollingerLower(_Bollinger):
    """The mean less `width` standard deviations."""

    kind = "bollinger_lower"

    def _joined(self, mean: Any, deviation: Any) -> Any:
        return mean - self.width * deviation


class BollingerBandwidth(_Bollinger):
    """What lies between the two bands, as a fraction of the mean; NaN where that is 0."""

    kind = "bollinger_bandwidth"

    def _joined(self, mean: Any, deviation: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.divide(2.0 * self.width * deviation, mean)
        return np.where(np.equal(mean, 0.0), nan, found)


@dataclass(frozen=True)
class PeriodHigh:
    """The highest of the last `length` values."""

    length: int
    of: Indicator = CLOSE

    def __post_init__(self) -> None:
        whole(self.length, type(self).__name__)

    @property
    def name(self) -> str:
        """As `period_high_20`."""
        return named("period_high", self.of, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.highest(kernels.window_state(self.length, 2), self.of.batch(bars))

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return ValueStream(kernels.highest_step, kernels.window_state(self.length, 2), self.of.stream())


@dataclass(frozen=True)
class PeriodLow:
    """The lowest of the last `length` values."""

    length: int
    of: Indicator = CLOSE

    def __post_init__(self) -> None:
        whole(self.length, type(self).__name__)

    @property
    def name(self) -> str:
        """As `period_low_20`."""
        return named("period_low", self.of, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return -kernels.highest(kernels.window_state(self.length, 2), -self.of.batch(bars))

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        turned = JoinedStream(neg, self.of.stream())
        return JoinedStream(neg, ValueStream(kernels.highest_step, kernels.window_state(self.length, 2), turned))


@dataclass(frozen=True)
class DonchianUpper:
    """The highest price of the last `length` bars."""

    length: int = 20

    def __post_init__(self) -> None:
        whole(self.length, type(self).__name__)

    @property
    def name(self) -> str:
        """As `donchian_upper_20`."""
        return named("donchian_upper", CLOSE, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        return PeriodHigh(self.length, High()).batch(bars)

    def stream(self) -> Stream:
        """Bar by bar."""
        return PeriodHigh(self.length, High()).stream()


@dataclass(frozen=True)
class DonchianLower:
    """The lowest price of the last `length` bars."""

    length: int = 20

    def __post_init__(self) -> None:
        whole(self.length, type(self).__name__)

    @property
    def name(self) -> str:
        """As `donchian_lower_20`."""
        return named("donchian_lower", CLOSE, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        return PeriodLow(self.length, Low()).batch(bars)

    def stream(self) -> Stream:
        """Bar by bar."""
        return PeriodLow(self.length, Low()).stream()


@dataclass(frozen=True)
class ROC:
    """By what percentage the value exceeds that of `length` bars before; NaN where that was 0."""

    length: int
    of: Indicator = CLOSE

    def __post_init__(self) -> None:
        whole(self.length, "ROC")

    @property
    def name(self) -> str:
        """As `roc_10`."""
        return named("roc", self.of, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.change(kernels.window_state(self.length, 1), self.of.batch(bars))

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return ValueStream(kernels.change_step, kernels.window_state(self.length, 1), self.of.stream())
