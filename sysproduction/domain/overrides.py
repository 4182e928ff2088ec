"""Overrides: an operator's or a list's word on how much of a strategy's wish is traded."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import prod


class OverrideKind(StrEnum):
    """FACTOR multiplies the desired position; CLOSE takes it to nothing; NO_TRADE leaves everything as it is."""

    FACTOR = "factor"
    REDUCE_ONLY = "reduce_only"
    CLOSE = "close"
    NO_TRADE = "no_trade"


_ORDER = tuple(OverrideKind)


@dataclass(frozen=True, slots=True)
class Override:
    """`factor`, from 0 to 1, belongs to the kind FACTOR; 0 is the same as CLOSE."""

    kind: OverrideKind = OverrideKind.FACTOR
    factor: float = 1.0

    @property
    def effective(self) -> OverrideKind:
        """The kind, with a factor of 0 read as CLOSE."""
        return OverrideKind.CLOSE if self.kind is OverrideKind.FACTOR and self.factor == 0 else self.kind

    @property
    def is_valid(self) -> bool:
        """Whether the factor lies in [0, 1]."""
        return 0 <= self.factor <= 1


NO_OVERRIDE = Override()


def combined(overrides: Iterable[Override]) -> Override:
    """What several add up to: no-trade before close before reduce-only before the product of all factors."""
    several = list(overrides)
    strongest = max((one.effective for one in several), key=_ORDER.index, default=OverrideKind.FACTOR)
    if strongest is not OverrideKind.FACTOR:
        return Override(strongest)
    return Override(factor=prod(one.factor for one in several))
