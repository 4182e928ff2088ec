"""What is said between us and a broker: our tickets, and its reports of orders, executions and the account.

Identity follows what Interactive Brokers can keep: an order is known by the client order id in its reference field and
by the broker's own lasting id; an execution by account and execution id, where a higher revision replaces a lower.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sysproduction.domain.orders import BrokerOrderType, Leg


@dataclass(frozen=True, slots=True)
class OrderTicket:
    """An order as it goes to the broker. A price is per unit of quotation; of several legs it is
    `domain.fills.spread_price`, and the order buys if its first leg does. `expires_at` None: it stands until it is
    filled or cancelled."""

    client_order_id: str
    instrument: str
    legs: tuple[Leg, ...]
    order_type: BrokerOrderType
    limit_price: float | None = None
    stop_price: float | None = None
    account: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The broker has the order, under this lasting id of its own."""

    broker_id: str


class ReportedStatus(StrEnum):
    """How an order stands at the broker."""

    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the broker says of one order; `filled` counts contracts of its largest leg, `why` is its word."""

    client_order_id: str
    broker_id: str
    instrument: str
    legs: tuple[Leg, ...]
    status: ReportedStatus
    filled: int = 0
    limit_price: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that stands at the broker, ours or not (`client_order_id` None: placed by other means)."""

    client_order_id: str | None
    broker_id: str
    instrument: str
    legs: tuple[Leg, ...]
    filled: int
    order_type: BrokerOrderType
    limit_price: float | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """Contracts of one leg traded: `quantity` signed, 0 once it was taken back by a higher `revision`; `price` per unit
    of quotation, `commission` positive money in the instrument's currency."""

    execution_id: str
    revision: int
    client_order_id: str | None
    broker_id: str
    account: str
    instrument: str
    contract: str
    quantity: int
    price: float
    commission: float
    at: datetime


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """Contracts held at the broker, signed, never 0."""

    instrument: str
    contract: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a moment: what it is worth and the margin that it has to post, in `currency`."""

    account: str
    currency: str
    value: float
    margin_used: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """Trading from `opens` to before `closes`, aware UTC."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class ContractDetails:
    """What the broker says of a contract; None where it does not say. `sessions` None: its hours are not known;
    `margin` is money in the account's currency for one contract."""

    instrument: str
    contract: str
    tick_size: float | None
    point_size: float
    expiry: date | None
    sessions: tuple[Session, ...] | None = None
    margin: float | None = None
