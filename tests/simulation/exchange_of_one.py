"""A broker that does at once what it is told, unless it is to lose, refuse or delay an answer: for crash tests."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from sysproduction.domain.broker import (
    Account,
    BrokerPosition,
    ContractDetails,
    Execution,
    OpenOrder,
    OrderReport,
    OrderTicket,
    ReportedStatus,
    Submitted,
)
from sysproduction.domain.errors import OutcomeUnknown, Refused, Unavailable
from sysproduction.domain.instruments import Quote


class Answer(StrEnum):
    """What becomes of the next submission."""

    ACCEPT = "accept"
    REJECT = "reject"
    LOST = "lost"
    NEVER_ARRIVED = "never arrived"
    LATE = "late"


@dataclass
class Standing:
    """An order as this broker has it."""

    ticket: OrderTicket
    broker_id: str
    status: ReportedStatus
    filled: int = 0


@dataclass
class ExchangeOfOne:
    """The Broker port. `tick` fills one contract of everything that works; `late` orders, then `coming`, work only
    after two ticks, and until then nobody can say what became of them.
    `submissions` counts calls by client order id, `wrong` what no client may do."""

    now: datetime
    answers: list[Answer] = field(default_factory=list)
    orders: dict[str, Standing] = field(default_factory=dict)
    fills: list[Execution] = field(default_factory=list)
    late: list[OrderTicket] = field(default_factory=list)
    coming: list[OrderTicket] = field(default_factory=list)
    submissions: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    is_away: bool = False
    is_dry: bool = False
    """Nothing is filled."""

    def submit(self, ticket: OrderTicket) -> Submitted | Refused:
        self._there()
        self.submissions[ticket.client_order_id] += 1
        if self.submissions[ticket.client_order_id] > 1:
            self.wrong.append(f"{ticket.client_order_id} was submitted twice")
        answer = self.answers.pop(0) if self.answers else Answer.ACCEPT
        if answer is Answer.NEVER_ARRIVED:
            raise OutcomeUnknown("no answer")
        if answer is Answer.REJECT:
            self.orders[ticket.client_order_id] = Standing(ticket, self._next_id(), ReportedStatus.REJECTED)
            return Refused("not today")
        if answer is Answer.LATE:
            self.late.append(ticket)
            raise OutcomeUnknown("no answer yet")
        taken = self._take(ticket)
        if answer is Answer.LOST:
            raise OutcomeUnknown("the answer was lost")
        return Submitted(taken.broker_id)

    def _take(self, ticket: OrderTicket) -> Standing:
        taken = Standing(ticket, self._next_id(), ReportedStatus.WORKING)
        self.orders[ticket.client_order_id] = taken
        working = [o for o in self.orders.values() if o.status is ReportedStatus.WORKING]
        if len([o for o in working if o.ticket.legs[0].contract == ticket.legs[0].contract]) > 1:
            self.wrong.append(f"two orders work in {ticket.legs[0].contract}")
        return taken

    def tick(self) -> None:
        """Time passes at the exchange: late orders arrive, and one contract of each working order is traded."""
        arriving, self.coming, self.late = self.coming, self.late, []
        for order in list(self.orders.values()):
            if order.status is ReportedStatus.WORKING and not self.is_dry:
                self._fill_one(order)
        for ticket in arriving:
            self._take(ticket)

    def _fill_one(self, order: Standing) -> None:
        size = max(abs(leg.quantity) for leg in order.ticket.legs)
        for leg in order.ticket.legs:
            sign = 1 if leg.quantity > 0 else -1
            self.fills.append(
                Execution(
                    execution_id=f"E{len(self.fills)}",
                    revision=0,
                    client_order_id=order.ticket.client_order_id,
                    broker_id=order.broker_id,
                    account="A",
                    instrument=order.ticket.instrument,
                    contract=leg.contract,
                    quantity=sign,
                    price=100.0,
                    commission=1.0,
                    at=self.now,
                )
            )
        order.filled += 1
        if order.filled == size:
            order.status = ReportedStatus.FILLED

    def cancel(self, client_order_id: str) -> Refused | None:
        self._there()
        order = self.orders.get(client_order_id)
        if order is None or order.status is not ReportedStatus.WORKING:
            return Refused("nothing to cancel")
        order.status = ReportedStatus.CANCELLED
        return None

    def modify(self, client_order_id: str, limit_price: float) -> Refused | None:
        self._there()
        order = self.orders[client_order_id]
        order.ticket = replace(order.ticket, limit_price=limit_price)
        return None

    def find(self, client_order_id: str) -> OrderReport | None:
        self._there()
        if any(ticket.client_order_id == client_order_id for ticket in (*self.late, *self.coming)):
            raise Unavailable("that order is under way: no evidence yet")
        order = self.orders.get(client_order_id)
        if order is None:
            return None
        ticket = order.ticket
        return OrderReport(client_order_id, order.broker_id, ticket.instrument, ticket.legs, order.status, order.filled)

    def open_orders(self) -> Sequence[OpenOrder]:
        self._there()
        return [
            OpenOrder(key, o.broker_id, o.ticket.instrument, o.ticket.legs, o.filled, o.ticket.order_type)
            for key, o in sorted(self.orders.items())
            if o.status is ReportedStatus.WORKING
        ]

    def executions(self, since: datetime) -> Sequence[Execution]:
        self._there()
        return [fill for fill in self.fills if fill.at >= since]

    def positions(self) -> Sequence[BrokerPosition]:
        self._there()
        held: Counter[tuple[str, str]] = Counter()
        for fill in self.fills:
            held[fill.instrument, fill.contract] += fill.quantity
        return [BrokerPosition(*key, quantity) for key, quantity in sorted(held.items()) if quantity]

    def account(self) -> Account:
        self._there()
        return Account("A", "USD", 1e7, 0.0, self.now)

    def contract_details(self, instrument: str, contract: str) -> ContractDetails | None:
        self._there()
        return ContractDetails(instrument, contract, 0.25, 50.0, date(2030, 1, 1), None, 1000.0)

    def quote(self, instrument: str, contract: str) -> Quote | None:
        self._there()
        return Quote(self.now, 99.75, 100.25, 50, 50)

    def _next_id(self) -> str:
        return f"B{len(self.orders) + 1}"

    def _there(self) -> None:
        if self.is_away:
            raise Unavailable("the broker is away")
