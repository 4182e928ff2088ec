"""Limits on trades and positions, of an instrument as a whole or of one strategy in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sysproduction.domain.orders import BrokerOrder, size_of


@dataclass(frozen=True, slots=True)
class TradeLimit:
    """At most `contracts` sent in any `days` days; `strategy` None: of all strategies together."""

    instrument: str
    strategy: str | None
    days: float
    contracts: int


@dataclass(frozen=True, slots=True)
class PositionLimit:
    """At most `contracts` held, long or short; `strategy` None: of all strategies together."""

    instrument: str
    strategy: str | None
    contracts: int


def applies(limit: TradeLimit | PositionLimit, instrument: str, strategy: str) -> bool:
    """Whether an order of this strategy in this instrument counts."""
    return limit.instrument == instrument and limit.strategy in (None, strategy)


def counted(limit: TradeLimit, sent: Iterable[BrokerOrder], now: datetime) -> int:
    """Contracts that count now: the size of what was sent in the window that ends now, whatever became of it.

    The window rolls: nothing is ever reset, so there is no first trade that a reset could forget.
    """
    since = now - timedelta(days=limit.days)
    return sum(
        size_of(order.legs)
        for order in sent
        if order.submitted_at > since and applies(limit, order.instrument, order.strategy)
    )


def trade_room(
    limits: Sequence[TradeLimit], sent: Sequence[BrokerOrder], *, instrument: str, strategy: str, now: datetime
) -> int | None:
    """Contracts that may still be sent now: the least that any limit leaves, never below 0; None: no limit applies."""
    rooms = [
        max(0, limit.contracts - counted(limit, sent, now)) for limit in limits if applies(limit, instrument, strategy)
    ]
    return min(rooms, default=None)
