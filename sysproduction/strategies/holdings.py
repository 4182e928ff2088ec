"""What strategies hold and have under way, as of one state of the ledger of fills."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sysproduction.domain.errors import DataError
from sysproduction.domain.fills import filled
from sysproduction.domain.orders import InstrumentOrder
from sysproduction.domain.required_trades import Holding
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_stack import OrderStack
from sysproduction.strategies.restraining import Controls

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Books:
    """Orders, fills, and what restrains both."""

    stack: OrderStack
    ledger: FillLedger
    controls: Controls


def holdings_of(books: Books, strategy: str) -> Callable[[str], Holding]:
    """By instrument what the strategy and the others hold and have under way. Raises DataError while fills keep coming
    in."""
    for _ in range(_TRIES):
        positions = books.ledger.positions().strategies
        active = books.stack.active_instruments()
        outstanding = [(order.strategy, order.instrument, _unfilled(books, order)) for order in active]
        if books.ledger.positions().strategies == positions:
            break
    else:
        raise DataError(f"fills kept coming in while the positions of {strategy} were read: it will be tried again")

    def holding(instrument: str) -> Holding:
        held = {s: quantity for (s, i), quantity in positions.items() if i == instrument}
        due = [(s, quantity) for s, i, quantity in outstanding if i == instrument]
        ours = sum(quantity for s, quantity in due if s == strategy)
        whole = sum(held.values()) + sum(quantity for _, quantity in due)
        own = held.get(strategy, 0)
        return Holding(own, ours, whole - own - ours)

    return holding


def _unfilled(books: Books, order: InstrumentOrder) -> int:
    """What an active order may still add; nothing beyond its quantity."""
    done = sum(filled(books.ledger.of_instrument_order(order.order_id)).values())
    left = order.quantity - done
    return left if left * order.quantity > 0 else 0
