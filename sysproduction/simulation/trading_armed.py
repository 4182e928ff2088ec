"""Faults that wait for their occasion, and the count of all that struck."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sysproduction.simulation.trading_faults import POINT_OF, Point, TradingFault


@dataclass
class Armed:
    """`due` is asked at every occasion; while `masked` nothing is. `store_is_away`: nobody reaches the store."""

    say: Callable[[str], None]
    counts: Counter[TradingFault] = field(default_factory=Counter)
    masked: bool = False
    store_is_away: bool = False
    _waiting: dict[Point, list[tuple[int, TradingFault]]] = field(default_factory=dict)

    def arm(self, fault: TradingFault, occasions: int) -> None:
        """Let it strike after so many occasions."""
        self._waiting.setdefault(POINT_OF[fault], []).append((occasions, fault))

    def due(self, point: Point) -> TradingFault | None:
        """What strikes at this occasion."""
        waiting = self._waiting.get(point)
        if not waiting or self.masked:
            return None
        left, fault = waiting[0]
        if left > 0:
            waiting[0] = (left - 1, fault)
            return None
        del waiting[0]
        return fault

    def struck(self, fault: TradingFault, what: str = "") -> None:
        """Count and tell it."""
        self.counts[fault] += 1
        self.say(f"fault: {fault} {what}".rstrip())

    def calm(self) -> None:
        """Nothing waits any more, and the store is back."""
        self._waiting.clear()
        self.store_is_away = False
