"""Whether an instrument order can be worked on at all, whoever put it on the stack; pure."""

from math import isfinite
from typing import Final

from sysproduction.domain.errors import Refused
from sysproduction.domain.orders import InstrumentOrder, OrderType

QUANTITY_MAX: Final = 1_000_000

_TRADED: Final = (OrderType.BEST, OrderType.MARKET, OrderType.LIMIT)


def malformed(order: InstrumentOrder, key: str) -> Refused | None:
    """None if it is well formed and stored under its own identifier; otherwise what is wrong with it."""
    quantity, limit = order.quantity, order.limit_price
    if order.order_id != key:
        return Refused(f"it is stored as {key}, but is {order.order_id}")
    if type(quantity) is not int or abs(quantity) > QUANTITY_MAX:
        return Refused(f"{quantity!r} is not a whole number of contracts")
    if order.plan is not None:
        return None
    if quantity == 0:
        return Refused("0 contracts are no trade")
    if order.order_type not in _TRADED:
        return Refused(f"a {order.order_type} order comes with its plan, and this one has none")
    if limit is not None and not (isinstance(limit, int | float) and isfinite(limit)):
        return Refused(f"its limit price is {limit}")
    if order.order_type is OrderType.LIMIT and limit is None:
        return Refused("a limit order without a limit price")
    return None
