"""Strategies as configured: which system each runs, with what part of the capital, and how it trades."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PositionMethod(StrEnum):
    """BUFFERED: each instrument trades to the edge of its own buffer. DYNAMIC: whole contracts of all instruments are
    chosen together."""

    BUFFERED = "buffered"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Strategy:
    """`system` is a file, or the name of a shipped system. `weight` is its part of the capital (None: equal parts).
    `order_type` is best or market. Whether positions are buffered or optimised is the system's affair."""

    name: str
    system: str
    weight: float | None = None
    order_type: str = "best"


@dataclass(frozen=True, slots=True)
class TradingLists:
    """Instruments whose positions may only become smaller, and those that are not traded at all."""

    reduce_only: frozenset[str] = frozenset()
    no_trade: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Strategies:
    """All configured strategies by name, and the lists that hold for each of them."""

    by_name: Mapping[str, Strategy] = field(default_factory=dict)
    lists: TradingLists = TradingLists()

    def weights(self) -> dict[str, float | None]:
        """Each strategy's part of the capital."""
        return {name: strategy.weight for name, strategy in self.by_name.items()}
