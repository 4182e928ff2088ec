"""Ends that operators want: their broker orders are cancelled, nothing more is sent of them, then they end."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from sysproduction.domain.errors import Conflict
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import ContractOrder
from sysproduction.orders.cancelling import ask_again, ask_cancel
from sysproduction.orders.desk import OrderDesk
from sysproduction.stores.order_controls import Word


def wish_for(child: ContractOrder, wishes: Mapping[str, Word]) -> Word | None:
    """Whose word ends this contract order, by itself or with its whole family; None: nobody's."""
    return wishes.get(child.order_id) or wishes.get(child.parent)


def cancel_unwanted(desk: OrderDesk, wishes: Mapping[str, Word], now: datetime) -> None:
    """Ask the broker for the end of every live order that is not wanted any more. One whose outcome is not known waits
    for evidence first. Raises Unavailable if the broker is away."""
    for order in desk.stores.stack.active_brokers():
        word = wishes.get(order.parent) or wishes.get(order.instrument_order)
        if word is None:
            continue
        with suppress(Conflict):
            if order.status is BrokerStatus.WORKING:
                ask_cancel(desk, order, f"{word.by}: {word.why}", now)
            elif order.status is BrokerStatus.CANCELLING:
                ask_again(desk, order, now)


def forget_fulfilled(desk: OrderDesk, wishes: Mapping[str, Word]) -> None:
    """Drop the wishes of orders that have ended, with all that was sent of them."""
    stack = desk.stores.stack
    for order_id in sorted(wishes):
        order = stack.get_instrument(order_id) or stack.get_contract(order_id)
        sent = stack.brokers_of(order_id) or stack.brokers_of_instrument(order_id)
        if (order is None or not order.active) and not any(attempt.active for attempt in sent):
            stack.end_wishes.fulfilled(order_id)
