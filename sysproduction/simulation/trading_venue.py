"""The broker that the programs of a simulated trading day share, with what others do there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final, Protocol, TypeVar

from sysproduction.domain.broker import (
    BrokerPosition,
    Execution,
    OpenOrder,
    OrderReport,
    OrderTicket,
    ReportedStatus,
    Submitted,
)
from sysproduction.domain.broker_faults import FaultKind
from sysproduction.domain.errors import OutcomeUnknown, Refused, Unavailable
from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import BrokerOrderType, Leg
from sysproduction.exchange.core import Changes, Exchange
from sysproduction.exchange.values import ExchangeRules
from sysproduction.ports import Broker
from sysproduction.simulation.trading_armed import Armed
from sysproduction.simulation.trading_faults import TradingFault
from sysproduction.simulation.trading_market import SimulatedMarket

FOREIGN: Final = "foreign"
_F: Final = TradingFault
_LATENCIES: Final = (0.0, 0.0, 1.0, 30.0)
_CALLS: Final = 4
_TWO: Final = 2
_T = TypeVar("_T")
_M = TypeVar("_M", OpenOrder, Execution)
_KINDS: Final = {
    _F.REJECT: FaultKind.REJECT,
    _F.LATE_REJECT: FaultKind.REJECT,
    _F.LOST_ACK: FaultKind.LOST_ACK,
    _F.LATE_ACK: FaultKind.LATE_ACK,
    _F.LOST_ORDER: FaultKind.LOST_ORDER,
    _F.PARTIAL: FaultKind.PARTIAL,
    _F.PARTIAL_THEN_DISCONNECT: FaultKind.PARTIAL,
    _F.DUPLICATE_EXECUTIONS: FaultKind.DUPLICATE,
    _F.OUT_OF_ORDER_EXECUTIONS: FaultKind.OUT_OF_ORDER,
    _F.LATE_EXECUTION: FaultKind.LATE,
    _F.CORRECTED_PRICE: FaultKind.CORRECTED,
    _F.BUSTED_EXECUTION: FaultKind.BUSTED,
}


class SteppedBroker(Broker, Protocol):
    """The simulated broker, as far as a simulation uses it."""

    exchange: Exchange

    def step(self) -> None:
        """Let time pass at the exchange."""
        ...


@dataclass
class VenueFaults:
    """The switchboard of the simulated broker: at most one fault, the one that was armed for the present call."""

    armed: Armed
    present: TradingFault | None = None
    away_calls: int = 0
    away_until: datetime | None = None

    def strikes(self, kind: FaultKind) -> bool:
        """Whether it is the one."""
        if self.present is None or _KINDS.get(self.present) is not kind:
            return False
        self.armed.struck(self.present)
        self.present = None
        return True

    def away(self, now: datetime) -> bool:
        """Whether nobody is there."""
        if self.away_calls > 0:
            self.away_calls -= 1
            return True
        return self.away_until is not None and now < self.away_until

    def go_away(self, calls: int) -> None:
        """For so many calls."""
        self.away_calls = max(self.away_calls, calls)


MakeBroker = Callable[
    [Exchange, SimulatedMarket, Callable[[], datetime], VenueFaults, Callable[[Changes], None]], Broker
]


@dataclass
class Venue:
    """`under_way` are orders that will arrive at the exchange later; of them the broker says nothing yet."""

    broker: SteppedBroker
    faults: VenueFaults
    market: SimulatedMarket
    random: Random
    now: Callable[[], datetime]
    under_way: list[tuple[datetime, OrderTicket]] = field(default_factory=list)
    strangers: int = 0

    def advance(self) -> None:
        """Let time pass: what was under way arrives."""
        now = self.now()
        for arrives, ticket in [one for one in self.under_way if one[0] <= now]:
            self.under_way.remove((arrives, ticket))
            self.broker.exchange.submit(ticket, now)
        self.broker.step()

    def submit(self, ticket: OrderTicket, fault: TradingFault | None) -> Submitted | Refused:
        """Place an order, or meet the fault."""
        if fault is _F.LATE_ORDER:
            self.broker.open_orders()  # raises Unavailable where nothing is sent at all
            self.faults.armed.struck(fault, ticket.client_order_id)
            self.under_way.append((self.now() + timedelta(seconds=self.random.randrange(1, 400)), ticket))
            raise OutcomeUnknown("no answer came in time")
        answer = self._with(fault, lambda: self.broker.submit(ticket))
        if fault is _F.PARTIAL_THEN_DISCONNECT:
            self.faults.go_away(_CALLS)
        if fault is _F.LATE_REJECT and isinstance(answer, Refused):
            raise OutcomeUnknown("the refusal was lost")
        return answer

    def cancel(self, client_order_id: str, fault: TradingFault | None) -> Refused | None:
        """Ask for an order's end, or meet the fault."""
        if fault is _F.CANCEL_LOST:
            self._lose(fault)
        if fault is _F.FILL_AFTER_CANCEL:
            self._cross(client_order_id)
        answer = self.broker.cancel(client_order_id)
        if fault is _F.CANCEL_ANSWER_LOST:
            self._lose(fault)
        return answer

    def modify(self, client_order_id: str, limit_price: float, fault: TradingFault | None) -> Refused | None:
        """Ask for another limit, or meet the fault."""
        if fault is _F.MODIFY_LOST:
            self._lose(fault)
        answer = self.broker.modify(client_order_id, limit_price)
        if fault is _F.MODIFY_ANSWER_LOST:
            self._lose(fault)
        return answer

    def find(self, client_order_id: str) -> OrderReport | None:
        """How an order stands; of one that is under way there is no evidence."""
        if any(ticket.client_order_id == client_order_id for _, ticket in self.under_way):
            raise Unavailable(f"{client_order_id}: the broker cannot say yet")
        return self.broker.find(client_order_id)

    def open_orders(self) -> list[OpenOrder]:
        """What stands; orders of others have no identifier of ours."""
        return [_masked(order) for order in self.broker.open_orders()]

    def executions(self, since: datetime, fault: TradingFault | None) -> list[Execution]:
        """What was executed; the fault may tell it badly, or revise it."""
        if fault is _F.REDUCED_EXECUTION:
            self._reduce()
        found = self._with(fault, lambda: self.broker.executions(since))
        return [_masked(execution) for execution in found]

    def positions(self) -> Sequence[BrokerPosition]:
        """What is held, by whomever."""
        return self.broker.positions()

    def stranger(self, instrument: str, contract: str, quantity: int, limit_price: float | None = None) -> None:
        """Somebody else places an order in our account."""
        self.strangers += 1
        kind = BrokerOrderType.MARKET if limit_price is None else BrokerOrderType.LIMIT
        legs = (Leg(contract, quantity),)
        ticket = OrderTicket(f"{FOREIGN}-{self.strangers}", instrument, legs, kind, limit_price)
        terms = self.market.terms(instrument, self.now())
        if terms is not None:
            self.broker.exchange.know(instrument, terms)
        self.broker.exchange.submit(ticket, self.now())
        self.broker.step()

    def end_strange_orders(self) -> None:
        """Whoever placed strange orders takes back those that stand."""
        for order in self.broker.exchange.open_orders():
            if order.client_order_id is not None and order.client_order_id.startswith(FOREIGN):
                self.broker.exchange.cancel(order.client_order_id, self.now())

    def cancel_one(self) -> bool:
        """The exchange itself ends one of the working orders, if there is one."""
        standing = self.broker.exchange.open_orders()
        if standing:
            self.broker.exchange.cancel(str(self.random.choice(standing).client_order_id), self.now())
        return bool(standing)

    def _with(self, fault: TradingFault | None, ask: Callable[[], _T]) -> _T:
        self.faults.present = fault
        try:
            return ask()
        finally:
            self.faults.present = None

    def _lose(self, fault: TradingFault) -> None:
        self.broker.open_orders()  # raises Unavailable where nobody is there at all
        self.faults.armed.struck(fault)
        raise OutcomeUnknown(f"{fault}")

    def _cross(self, client_order_id: str) -> None:
        """A quote at the order's own limit passes by, before its cancel arrives."""
        order = self.broker.find(client_order_id)
        if order is None or order.status is not ReportedStatus.WORKING or len(order.legs) > 1:
            return
        self.faults.armed.struck(_F.FILL_AFTER_CANCEL, client_order_id)
        contract, now = order.legs[0].contract, self.now()
        quote = self.market.quote(order.instrument, contract, now)
        if quote is not None:
            price = quote.bid if order.limit_price is None else order.limit_price
            self.broker.exchange.tick(order.instrument, contract, Quote(now, price, price, 9, 9), now)

    def _reduce(self) -> None:
        """The newest execution had one contract less."""
        recorded = self.broker.exchange.recorded
        if not recorded or abs(recorded[-1].execution.quantity) < _TWO:
            return
        newest = recorded[-1].execution
        self.faults.armed.struck(_F.REDUCED_EXECUTION, newest.execution_id)
        less = newest.quantity - (1 if newest.quantity > 0 else -1)
        self.broker.exchange.revise(newest.execution_id, less, newest.price, self.now())
        self.broker.step()


def rules_of(random: Random) -> ExchangeRules:
    """The exchange of a seed."""
    return ExchangeRules(latency=timedelta(seconds=random.choice(_LATENCIES)))


def _masked(one: _M) -> _M:
    if one.client_order_id is not None and one.client_order_id.startswith(FOREIGN):
        return replace(one, client_order_id=None)
    return one
