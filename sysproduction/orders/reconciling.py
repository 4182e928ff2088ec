"""Reads all books that must agree: the broker's orders, executions and positions, the ledger, the stack."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sysproduction.domain.broker import BrokerPosition, Execution, OpenOrder
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.fills import Fill, Key, latest
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import BrokerOrder
from sysproduction.domain.reconciliation import Books
from sysproduction.orders.evidence import SWEEP_BACK
from sysproduction.ports import Broker
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_stack import OrderStack

_ATTEMPTS: Final = 5


def held(positions: Sequence[BrokerPosition]) -> dict[Key, int]:
    """Contracts at the broker by instrument and contract."""
    return {(one.instrument, one.contract): one.quantity for one in positions if one.quantity}


def read_steady(stack: OrderStack, ledger: FillLedger, broker: Broker, now: datetime) -> Books:
    """All books while nothing moved in any of them, beside a stack handler that works. Raises Unavailable if the broker
    is away, or if they never stand still."""
    for _ in range(_ATTEMPTS):
        theirs, ours = held(broker.positions()), ledger.positions()
        books = read_books(stack, ledger, broker, theirs, now)
        if (held(broker.positions()), ledger.positions()) == (theirs, ours):
            return books
    raise Unavailable("fills come in while positions are compared: try again")


def read_books(
    stack: OrderStack, ledger: FillLedger, broker: Broker, theirs: Mapping[Key, int], now: datetime
) -> Books:
    """All books, where `theirs` was just read of the broker."""
    ours = ledger.positions()
    executions = broker.executions(now - SWEEP_BACK)
    standing = broker.open_orders()
    return Books(
        ours=ours,
        theirs=theirs,
        open_orders=standing,
        executions=executions,
        fills=_fills(ledger, executions, now),
        orders=_orders(stack, [*executions, *standing]),
        lost=lost_orders(stack.active_brokers(), broker, standing, executions),
    )


def lost_orders(
    live: Sequence[BrokerOrder], broker: Broker, standing: Sequence[OpenOrder], executions: Sequence[Execution] = ()
) -> list[BrokerOrder]:
    """Orders of `live` that do not work at the broker and whose end a human must tell: it cannot say what became of
    them, or it says that it never had one that it acknowledged."""
    known = {one.client_order_id for one in standing} | {one.client_order_id for one in executions}
    return [order for order in live if order.client_order_id not in known and not _is_told(broker, order)]


def _is_told(broker: Broker, order: BrokerOrder) -> bool:
    """The stack handler believes the broker that it never had an order without an answer, such as one under way."""
    try:
        report = broker.find(order.client_order_id)
    except Unavailable:
        return False
    return report is not None or order.status in (BrokerStatus.SUBMITTING, BrokerStatus.UNKNOWN)


def _fills(ledger: FillLedger, executions: Sequence[Execution], now: datetime) -> dict[str, Fill]:
    """What the ledger has of these executions, the last revision of each."""
    recent = {fill.execution: fill for fill in latest(ledger.executed_between(now - SWEEP_BACK, None))}
    found: dict[str, Fill] = {}
    for execution in executions:
        name = f"{execution.account}/{execution.execution_id}"
        known = recent.get(name)
        if known is None or known.revision < execution.revision:
            known = next(iter(latest(ledger.of_execution(execution.account, execution.execution_id))), None)
        if known is not None:
            found[name] = known
    return found


def _orders(stack: OrderStack, told: Sequence[Execution | OpenOrder]) -> dict[str, BrokerOrder]:
    names = sorted({one.client_order_id for one in told if one.client_order_id})
    found = {name: stack.get_broker(name) for name in names}
    return {name: order for name, order in found.items() if order is not None}
