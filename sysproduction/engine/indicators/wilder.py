"""Wilder's indicators (New Concepts in Technical Trading Systems, 1978)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.domain.errors import ConfigError
from sysproduction.engine.indicators.base import BarStream, Indicator, Stream, ValueStream, whole
from sysproduction.engine.indicators.prices import CLOSE, named


@dataclass(frozen=True)
class RSI:
    """Relative strength index, 0 to 100; 50 where nothing moved."""

    length: int = 14
    of: Indicator = CLOSE

    def __post_init__(self) -> None:
        whole(self.length, "RSI")

    @property
    def name(self) -> str:
        """As `rsi_14`."""
        return named("rsi", self.of, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.strength(self._start(), self.of.batch(bars))

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return ValueStream(kernels.strength_step, self._start(), self.of.stream())

    def _start(self) -> Floats:
        return np.array([self.length, *[0.0] * 6])


@dataclass(frozen=True)
class ATR:
    """Average true range, in price; the first bar's is its high less its low."""

    length: int = 14

    def __post_init__(self) -> None:
        whole(self.length, "ATR")

    @property
    def name(self) -> str:
        """As `atr_14`."""
        return named("atr", CLOSE, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.ranges(self._start(), bars.high, bars.low, bars.close)

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return BarStream(kernels.range_step, self._start())

    def _start(self) -> Floats:
        return np.array([self.length, *[0.0] * 4])


@dataclass(frozen=True)
class _Directional:
    """One number of the directional movement system."""

    length: int = 14
    kind: ClassVar[str]
    wanted: ClassVar[float]

    def __post_init__(self) -> None:
        whole(self.length, type(self).__name__)

    @property
    def name(self) -> str:
        """As `adx_14`."""
        return named(self.kind, CLOSE, self.length)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.directional(self._start(), bars.high, bars.low, bars.close)

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return BarStream(kernels.directional_step, self._start())

    def _start(self) -> Floats:
        return np.array([self.length, *[0.0] * 12, self.wanted])


class PlusDI(_Directional):
    """Directional indicator of rises: their average as a percentage of the average true range."""

    kind, wanted = "plus_di", 1.0


class MinusDI(_Directional):
    """Directional indicator of falls: their average as a percentage of the average true range."""

    kind, wanted = "minus_di", -1.0


class ADX(_Directional):
    """Average directional index: how far the two indicators are apart, 0 to 100."""

    kind, wanted = "adx", 0.0


@dataclass(frozen=True)
class ParabolicSAR:
    """Stop and reverse, a price that follows the trend: at the second bar, the first with a value, up if the close did
    not fall. The factor begins with `first`, grows by `step` with each new extreme, and ends at `limit`."""

    first: float = 0.02
    step: float = 0.02
    limit: float = 0.2

    def __post_init__(self) -> None:
        if not (0 < self.first <= self.limit <= 1 and 0 <= self.step <= 1):
            raise ConfigError(
                f"ParabolicSAR: factors {self.first}, {self.step}, {self.limit} cannot be; they need "
                "0 < first <= limit <= 1 and 0 <= step <= 1"
            )

    @property
    def name(self) -> str:
        """As `parabolic_sar_0.02_0.02_0.2`."""
        return named("parabolic_sar", CLOSE, self.first, self.step, self.limit)

    def batch(self, bars: BarColumns) -> Floats:
        """Over a history."""
        from sysproduction.engine.indicators import kernels

        return kernels.parabolic(self._start(), bars.high, bars.low, bars.close)

    def stream(self) -> Stream:
        """Bar by bar."""
        from sysproduction.engine.indicators import kernels

        return BarStream(kernels.parabolic_step, self._start())

    def _start(self) -> Floats:
        return np.array([self.first, self.step, self.limit, *[0.0] * 10])
