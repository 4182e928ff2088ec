"""An order as the simulated broker keeps it, and what it must be to be taken."""

from math import isfinite

from sysproduction.domain.events import OrderSubmissionRequest, OrderType, Rejection, TimeInForce

LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
STOPPED = (OrderType.STOP, OrderType.STOP_LIMIT)


class Order:
    """A live order. `acts_as` is how it trades now: a triggered stop as a market order, a triggered stop-limit as a
    limit. It may trade on bars stamped later than `since`. `charged` is the commission so far, `traded` the value."""

    __slots__ = (
        "acts_as",
        "broker_id",
        "charged",
        "children",
        "expires_at_ns",
        "filled",
        "group",
        "id",
        "is_active",
        "limit",
        "live",
        "order_type",
        "quantity",
        "side",
        "sign",
        "since",
        "stop",
        "submitted",
        "symbol",
        "time_in_force",
        "traded",
    )

    def __init__(self, request: OrderSubmissionRequest) -> None:
        self.id, self.symbol = request.system_order_id, request.symbol
        self.order_type = self.acts_as = request.order_type
        self.broker_id = f"S{self.id}"
        self.side = request.side
        self.sign = request.side.sign
        self.quantity, self.limit, self.stop = request.quantity, request.limit_price, request.stop_price
        self.time_in_force, self.expires_at_ns = request.time_in_force, request.expires_at_ns
        self.group = request.group
        self.since = self.submitted = request.ts_event_ns
        self.is_active = request.parent_order_id is None
        self.live = True
        self.filled, self.charged, self.traded = 0, 0.0, 0.0
        self.children: list[Order] = []


def quantity_fault(quantity: int, filled: int = 0) -> str | None:
    """Why an order of that quantity cannot be, if so."""
    if quantity <= 0:
        return f"quantity {quantity}: it must be at least 1"
    if quantity <= filled:
        return f"quantity {quantity}: {filled} are filled already; cancel the order instead"
    return None


def price_fault(
    order_type: OrderType, limit_price: float | None, stop_price: float | None, *, negative_prices: bool
) -> str | None:
    """Why an order of that type cannot have these prices, if so."""
    for name, price, needed in (
        ("limit", limit_price, order_type in LIMITED),
        ("stop", stop_price, order_type in STOPPED),
    ):
        if price is None:
            if needed:
                return f"a {order_type} order needs a {name} price"
        elif not needed:
            return f"a {order_type} order has no {name} price"
        elif not isfinite(price) or (price <= 0 and not negative_prices):
            return f"{name} price {price}: it must be a positive number"
    return None


def tick_fault(prices: tuple[float | None, ...], tick_size: float) -> str | None:
    """Which price is between two ticks, if any; within a billionth of a tick is on it."""
    for price in prices:
        if price is not None and abs(price / tick_size - round(price / tick_size)) > 1e-9:
            return f"price {price}: it is not a multiple of the tick size {tick_size}"
    return None


def expiry_fault(time_in_force: TimeInForce, expires_at_ns: int | None, now: int) -> str | None:
    """Why an order cannot expire like that, if so."""
    if time_in_force is TimeInForce.GTD:
        if expires_at_ns is None:
            return "a GTD order needs expires_at_ns"
        if expires_at_ns <= now:
            return f"expires_at_ns {expires_at_ns}: it is not later than now, {now}"
    elif expires_at_ns is not None:
        return f"a {time_in_force} order has no expires_at_ns"
    return None


def submission_fault(
    request: OrderSubmissionRequest, *, tick_size: float, negative_prices: bool
) -> tuple[Rejection, str] | None:
    """Why the request cannot be an order whatever the account is worth, if so."""
    if request.order_type is OrderType.MARKET and request.limit_price is None and request.stop_price is None:
        wrong = None
    else:
        wrong = price_fault(
            request.order_type, request.limit_price, request.stop_price, negative_prices=negative_prices
        )
    if fault := quantity_fault(request.quantity):
        return Rejection.QUANTITY, fault
    if wrong:
        return Rejection.PRICE, wrong
    if tick_size and (fault := tick_fault((request.limit_price, request.stop_price), tick_size)):
        return Rejection.TICK, fault
    if fault := expiry_fault(request.time_in_force, request.expires_at_ns, request.ts_event_ns):
        return Rejection.EXPIRY, fault
    return None
