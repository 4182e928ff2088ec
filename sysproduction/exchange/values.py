"""What the exchange goes by and what it keeps: terms of instruments, rules, and the state of each order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import gcd

from sysproduction.domain.broker import OrderTicket, ReportedStatus, Session


@dataclass(frozen=True, slots=True)
class Terms:
    """How an instrument trades. `rate` brings its currency to the account's; `per_contract` commission in its currency
    and `percentage` as a fraction of value; `tick_size` 0: any price; `sessions` None: open while quoted. `expiries`
    has the contracts that are listed, with their last day; None: any contract is, without end."""

    point_size: float
    rate: float = 1.0
    per_contract: float = 0.0
    percentage: float = 0.0
    tick_size: float = 0.0
    margin_rate: float = 0.1
    sessions: tuple[Session, ...] | None = None
    expiries: Mapping[str, date] | None = None

    @property
    def margin_per_point(self) -> float:
        """What has to be posted for one contract at a price of 1, in the account's currency."""
        return self.point_size * self.rate * self.margin_rate

    def is_open(self, now: datetime) -> bool:
        """Whether it trades at `now`."""
        return self.sessions is None or any(s.opens <= now < s.closes for s in self.sessions)

    def is_listed(self, contract: str, now: datetime) -> bool:
        """Whether there is such a contract, and its last day is not over (UTC)."""
        if self.expiries is None:
            return True
        last = self.expiries.get(contract)
        return last is not None and now.date() <= last


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """The account's name and currency, what it begins with, and how long an order or a cancel travels."""

    account: str = "PAPER"
    currency: str = "USD"
    cash: float = 1_000_000.0
    latency: timedelta = timedelta(0)


@dataclass(slots=True)
class Order:
    """An order as the exchange keeps it; `units_filled` counts spreads of `ratios`, of one leg contracts."""

    broker_id: str
    ticket: OrderTicket
    status: ReportedStatus
    active_from: datetime
    limit_price: float | None
    units_filled: int = 0
    triggered: bool = False
    cancel_at: datetime | None = None
    why: str = ""
    units: int = field(init=False)
    ratios: tuple[int, ...] = field(init=False)
    buys: bool = field(init=False)

    def __post_init__(self) -> None:
        quantities = [leg.quantity for leg in self.ticket.legs]
        self.units = gcd(*quantities) if quantities else 0
        self.ratios = tuple(quantity // self.units for quantity in quantities) if self.units else ()
        self.buys = bool(quantities) and quantities[0] > 0

    @property
    def filled(self) -> int:
        """Contracts of the largest leg."""
        return self.units_filled * max((abs(ratio) for ratio in self.ratios), default=0)


@dataclass(slots=True)
class Holding:
    """One contract's position, what it cost in points (sum of quantity x price since it was last settled), the last
    price that it was marked at, and the day of that mark."""

    quantity: int = 0
    cost: float = 0.0
    mark: float = 0.0
    marked_on: date | None = None
