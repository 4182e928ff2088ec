"""Asking the broker for the end of an order: the wish is stored first, and evidence tells when it is over."""

from datetime import datetime, timedelta
from typing import Final

from sysproduction.domain.errors import OutcomeUnknown, Refused
from sysproduction.domain.order_states import BrokerEvent
from sysproduction.domain.orders import BrokerOrder
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.evidence import store_event

REPEAT_AFTER: Final = timedelta(seconds=30)


def ask_cancel(desk: OrderDesk, order: BrokerOrder, why: str, now: datetime) -> None:
    """Store that its end is wanted, then ask the broker for it; asking again does no harm."""
    _ask(desk, store_event(desk, order, BrokerEvent.CANCEL_ASKED, now, why=why), now)


def ask_again(desk: OrderDesk, order: BrokerOrder, now: datetime) -> None:
    """Ask for the end of an order that is CANCELLING, unless this program did so a moment ago: a crash, or a broker
    that was away, may have kept the first word from arriving."""
    asked = desk.memory.cancels.get(order.client_order_id)
    if asked is None or now - asked >= REPEAT_AFTER:
        _ask(desk, order, now)


def _ask(desk: OrderDesk, order: BrokerOrder, now: datetime) -> None:
    try:
        answer = desk.broker.cancel(order.client_order_id)
    except OutcomeUnknown:
        answer = None
    desk.memory.cancels[order.client_order_id] = now
    if isinstance(answer, Refused):
        store_event(desk, order, BrokerEvent.CANCEL_REFUSED, now, why=answer.reason)
