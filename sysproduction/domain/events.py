"""The thirteen events of a run on bars, and the words they are written in; immutable facts, told in order.

Every event begins with three numbers: `sequence`, its place among all events of its run, counted from 0;
`ts_event_ns`, the simulated time in nanoseconds since 1970 (UTC); `ts_created_ns`, the machine's time of the batch in
which it was made, 0 where nobody keeps it: it is no part of what two equal runs share.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class BarPeriod(StrEnum):
    """How long a bar lasts."""

    SECOND = "SECOND"
    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"

    @property
    def nanoseconds(self) -> int:
        """Its length; a bar stamped t has what happened in [t, t + length)."""
        return _NANOSECONDS[self]


_NANOSECONDS: Final = {
    BarPeriod.SECOND: 1_000_000_000,
    BarPeriod.MINUTE: 60_000_000_000,
    BarPeriod.HOUR: 3_600_000_000_000,
    BarPeriod.DAY: 86_400_000_000_000,
}


class OrderType(StrEnum):
    """When and at what price an order trades."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"


class Side(StrEnum):
    """Which way an order trades; `sign` is 1 for a purchase, -1 for a sale."""

    BUY = "BUY", 1
    SELL = "SELL", -1

    sign: int

    def __new__(cls, word: str, sign: int) -> "Side":
        """The member of that word."""
        side = str.__new__(cls, word)
        side._value_, side.sign = word, sign
        return side


class TimeInForce(StrEnum):
    """How long an order stands: until cancelled, to the end of its (UTC) day, until a stated time, or for one bar."""

    GTC = "GTC"
    DAY = "DAY"
    GTD = "GTD"
    IOC = "IOC"


class Action(StrEnum):
    """What a strategy means by an order."""

    ENTRY = "ENTRY"
    ENTRY_LONG = "ENTRY_LONG"
    ENTRY_SHORT = "ENTRY_SHORT"
    EXIT = "EXIT"
    EXIT_LONG = "EXIT_LONG"
    EXIT_SHORT = "EXIT_SHORT"
    ADD_LONG = "ADD_LONG"
    ADD_SHORT = "ADD_SHORT"
    REDUCE_LONG = "REDUCE_LONG"
    REDUCE_SHORT = "REDUCE_SHORT"
    FLATTEN = "FLATTEN"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    PARTIAL_TAKE_PROFIT_LONG = "PARTIAL_TAKE_PROFIT_LONG"
    PARTIAL_TAKE_PROFIT_SHORT = "PARTIAL_TAKE_PROFIT_SHORT"


class Rejection(StrEnum):
    """Why a request was refused."""

    QUANTITY = "QUANTITY"
    PRICE = "PRICE"
    TICK = "TICK"
    MARGIN = "MARGIN"
    EXPIRY = "EXPIRY"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    UNKNOWN = "UNKNOWN"


class BarReceived(NamedTuple):
    """A bar came from the feed; `ts_event_ns` is its opening stamp. Without volume it is None."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    symbol: str
    bar_period: BarPeriod
    open: float
    high: float
    low: float
    close: float
    volume: float | None


class BarProcessed(NamedTuple):
    """A strategy's indicators have advanced over a bar; `indicators` by their names, NaN while warming up."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    strategy: str
    symbol: str
    bar_period: BarPeriod
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    indicators: dict[str, float]


class OrderSubmissionRequest(NamedTuple):
    """A strategy asks for an order. Of those that share a `group` the first fill cancels the others (OCO);
    one with a `parent_order_id` stands only once that order is filled (bracket)."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    strategy: str
    system_order_id: int
    symbol: str
    order_type: OrderType
    side: Side
    quantity: int
    limit_price: float | None
    stop_price: float | None
    action: Action
    signal: str
    time_in_force: TimeInForce
    expires_at_ns: int | None
    group: int | None
    parent_order_id: int | None


class OrderModificationRequest(NamedTuple):
    """A strategy asks for another quantity or price of a standing order; what is None stays as it is."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    system_order_id: int
    symbol: str
    quantity: int | None
    limit_price: float | None
    stop_price: float | None


class OrderCancellationRequest(NamedTuple):
    """A strategy asks for the end of a standing order."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    system_order_id: int
    symbol: str


class OrderAccepted(NamedTuple):
    """The broker has the order."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    broker_order_id: str | None


class OrderRejected(NamedTuple):
    """The broker refuses the order."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    reason: Rejection
    message: str


class ModificationAccepted(NamedTuple):
    """The order stands as asked."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    broker_order_id: str | None


class ModificationRejected(NamedTuple):
    """The order stands as it did, or there is none."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    reason: Rejection
    message: str


class CancellationAccepted(NamedTuple):
    """The order is over: asked for, or because another of its group was filled or its parent ended."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    broker_order_id: str | None


class CancellationRejected(NamedTuple):
    """There is no such standing order."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    reason: Rejection
    message: str


class FillEvent(NamedTuple):
    """So much of an order was traded at one price; `commission` in the account's currency, for this fill."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    broker_order_id: str | None
    symbol: str
    fill_id: int
    broker_fill_id: str | None
    side: Side
    quantity_filled: int
    fill_price: float
    commission: float
    exchange: str


class OrderExpired(NamedTuple):
    """The order's time is over; what was filled before stays filled."""

    sequence: int
    ts_event_ns: int
    ts_created_ns: int
    ts_broker_ns: int
    associated_order_id: int
    broker_order_id: str | None
    symbol: str


OrderEvent = (
    OrderSubmissionRequest
    | OrderModificationRequest
    | OrderCancellationRequest
    | OrderAccepted
    | OrderRejected
    | ModificationAccepted
    | ModificationRejected
    | CancellationAccepted
    | CancellationRejected
    | FillEvent
    | OrderExpired
)
Event = BarReceived | BarProcessed | OrderEvent

ORDER_EVENTS: Final[tuple[type[OrderEvent], ...]] = OrderEvent.__args__
EVENTS: Final[tuple[type[Event], ...]] = (BarReceived, BarProcessed, *ORDER_EVENTS)
