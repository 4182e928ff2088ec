"""The exchange: a state machine that takes orders and quotes with the time at which they come, and trades them."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sysproduction.domain.broker import (
    Account,
    BrokerPosition,
    Execution,
    OpenOrder,
    OrderReport,
    OrderTicket,
    ReportedStatus,
    Submitted,
)
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import BrokerOrderType, Leg
from sysproduction.exchange.accounting import Accounting, Key
from sysproduction.exchange.checks import price_fault, why_not
from sysproduction.exchange.depth import Depth, crossing_price, units_left
from sysproduction.exchange.values import ExchangeRules, Holding, Order, Terms

_PEGGED = {BrokerOrderType.SNAP}
_STOPPED = {BrokerOrderType.STOP, BrokerOrderType.STOP_LIMIT}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An execution's revision and when it became known."""

    at: datetime
    execution: Execution


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new since it was last asked for; `cash` and `holdings` are the whole present account."""

    orders: tuple[Order, ...]
    executions: tuple[Recorded, ...]
    cash: float
    holdings: dict[Key, Holding]


class Exchange:
    """Orders by client order id, a book per contract, executions and one account.

    `now` never goes back between calls. A quote is new if it differs from the contract's last; its sizes can be
    traded once. An order meets only quotes that come, or still stand, after its latency.
    """

    def __init__(self, rules: ExchangeRules) -> None:
        self.rules = rules
        self.recorded: list[Recorded] = []
        self._terms: dict[str, Terms] = {}
        self._accounting = Accounting(rules.cash, self._terms.get)
        self._orders: dict[str, Order] = {}
        self._live: dict[str, Order] = {}
        self._books: dict[Key, dict[str, Order]] = {}
        self._depths: dict[Key, Depth] = {}
        self._next_execution = 1
        self._dirty: dict[str, Order] = {}
        self._stored_executions = 0

    def know(self, instrument: str, terms: Terms) -> None:
        """How the instrument trades from now on."""
        self._terms[instrument] = terms

    def terms(self, instrument: str) -> Terms | None:
        """How it trades; None: not here."""
        return self._terms.get(instrument)

    def submit(self, ticket: OrderTicket, now: datetime, *, veto: str = "") -> Submitted | Refused:
        """Take an order, or refuse it (for `veto`, if there is one); the same id again gets the same answer."""
        known = self._orders.get(ticket.client_order_id)
        if known is not None:
            if known.ticket != ticket:
                return Refused(f"{ticket.client_order_id}: this id belongs to another order")
            return Refused(known.why) if known.status is ReportedStatus.REJECTED else Submitted(known.broker_id)
        reason = veto or why_not(ticket, self._terms.get(ticket.instrument), self.rules.account, now)
        reason = reason or self._margin_fault(ticket)
        status = ReportedStatus.REJECTED if reason else ReportedStatus.WORKING
        broker_id = f"X{len(self._orders) + 1:09d}"
        order = Order(broker_id, ticket, status, now + self.rules.latency, ticket.limit_price, why=reason or "")
        self._orders[ticket.client_order_id] = self._dirty[ticket.client_order_id] = order
        if reason:
            return Refused(reason)
        self._rest(order)
        self._try(order, now)
        return Submitted(broker_id)

    def cancel(self, client_order_id: str, now: datetime) -> Refused | None:
        """End an order once the word has travelled."""
        order = self._orders.get(client_order_id)
        if order is None:
            return Refused(f"{client_order_id}: there is no such order")
        if order.status is ReportedStatus.CANCELLED:
            return None
        if order.status is not ReportedStatus.WORKING:
            return Refused(f"{client_order_id}: it is {order.status}")
        if order.cancel_at is None:
            order.cancel_at = now + self.rules.latency
            self._dirty[client_order_id] = order
        self._end_if_over(order, now)
        return None

    def modify(self, client_order_id: str, limit_price: float, now: datetime) -> Refused | None:
        """Give a working order another limit."""
        order = self._orders.get(client_order_id)
        if order is None or order.status is not ReportedStatus.WORKING or order.cancel_at is not None:
            state = "there is no such order" if order is None else "it is over, or about to be"
            return Refused(f"{client_order_id}: {state}")
        if order.ticket.order_type not in (BrokerOrderType.LIMIT, BrokerOrderType.STOP_LIMIT):
            return Refused(f"{client_order_id}: a {order.ticket.order_type} order has no limit")
        if reason := price_fault(limit_price, self._terms[order.ticket.instrument]):
            return Refused(f"limit price {limit_price}: {reason}")
        order.limit_price = limit_price
        order.active_from = max(order.active_from, now + self.rules.latency)
        self._dirty[client_order_id] = order
        self._try(order, now)
        return None

    def tick(self, instrument: str, contract: str, quote: Quote, now: datetime) -> None:
        """Let a quote meet the orders in its contract, in the order in which they came."""
        key = (instrument, contract)
        depth = self._depths.get(key)
        if depth is None or depth.quote != quote:
            self._depths[key] = Depth.of(quote)
            self._accounting.mark(key, (quote.bid + quote.ask) / 2, quote.at.date())
        for order in list(self._books.get(key, {}).values()):
            self._try(order, now)

    def forget_quote(self, instrument: str, contract: str) -> None:
        """There is no usable quote of this contract any more: nothing trades on the last one."""
        self._depths.pop((instrument, contract), None)

    def advance(self, now: datetime) -> None:
        """End what has expired by now, or whose cancel has arrived."""
        for order in list(self._live.values()):
            self._end_if_over(order, now)

    def watched(self) -> list[Key]:
        """Contracts whose quotes matter: those of working orders, and those that are held; sorted."""
        return sorted({*self._books, *self._accounting.holdings})

    def find(self, client_order_id: str) -> OrderReport | None:
        """How an order stands; None: it never came here."""
        order = self._orders.get(client_order_id)
        return None if order is None else _report(order)

    def open_orders(self) -> list[OpenOrder]:
        """What stands, by broker id."""
        return [_open(self._live[key]) for key in sorted(self._live)]

    def executions(self, since: datetime) -> list[Execution]:
        """What became known at or after `since`."""
        start = bisect_left(self.recorded, since, key=lambda one: one.at)
        return [one.execution for one in self.recorded[start:]]

    def positions(self) -> list[BrokerPosition]:
        """What is held."""
        held = sorted(self._accounting.holdings.items())
        return [BrokerPosition(*key, holding.quantity) for key, holding in held if holding.quantity]

    def account(self, now: datetime) -> Account:
        """What the account is worth at the last marks."""
        books = self._accounting
        return Account(self.rules.account, self.rules.currency, books.value(), books.margin(), now)

    def revise(self, execution_id: str, quantity: int, price: float, now: datetime) -> None:
        """Correct an execution, or take it back (quantity 0); DataError if there is none of that id."""
        last = next((r.execution for r in reversed(self.recorded) if r.execution.execution_id == execution_id), None)
        if last is None:
            raise DataError(f"{execution_id}: there is no such execution")
        key = (last.instrument, last.contract)
        self._accounting.trade(key, -last.quantity, last.price, 0.0)
        self._accounting.trade(key, quantity, price, 0.0)
        revised = replace(last, revision=last.revision + 1, quantity=quantity, price=price)
        self.recorded.append(Recorded(now, revised))

    def changes(self) -> Changes:
        """What is new since the last call, to be stored before anybody is told."""
        orders, self._dirty = tuple(self._dirty.values()), {}
        new = tuple(self.recorded[self._stored_executions :])
        self._stored_executions = len(self.recorded)
        return Changes(orders, new, self._accounting.cash, dict(self._accounting.holdings))

    def restore(self, orders: Iterable[Order], executions: Iterable[Recorded], account: Changes | None) -> None:
        """Take up what was stored, in the order of broker ids and of recording; of an exchange that is still empty."""
        for order in orders:
            self._orders[order.ticket.client_order_id] = order
            if order.status is ReportedStatus.WORKING:
                self._rest(order)
        self.recorded = list(executions)
        self._stored_executions = len(self.recorded)
        self._next_execution = len(self.recorded) + 1
        if account is not None:
            self._accounting.cash, self._accounting.holdings = account.cash, dict(account.holdings)

    def _rest(self, order: Order) -> None:
        self._live[order.broker_id] = order
        for key in _keys(order):
            self._books.setdefault(key, {})[order.broker_id] = order

    def _finish(self, order: Order, status: ReportedStatus) -> None:
        order.status = status
        self._dirty[order.ticket.client_order_id] = order
        self._live.pop(order.broker_id, None)
        for key in _keys(order):
            book = self._books.get(key, {})
            book.pop(order.broker_id, None)
            if not book:
                self._books.pop(key, None)

    def _end_if_over(self, order: Order, now: datetime) -> bool:
        if order.status is not ReportedStatus.WORKING:
            return True
        if order.ticket.expires_at is not None and now >= order.ticket.expires_at:
            self._finish(order, ReportedStatus.EXPIRED)
        elif order.cancel_at is not None and now >= order.cancel_at:
            self._finish(order, ReportedStatus.CANCELLED)
        elif not all(self._terms[order.ticket.instrument].is_listed(contract, now) for _, contract in _keys(order)):
            self._finish(order, ReportedStatus.EXPIRED)
        return order.status is not ReportedStatus.WORKING

    def _try(self, order: Order, now: datetime) -> None:
        """Trade what the standing quotes offer at the order's price or better."""
        if self._end_if_over(order, now) or now < order.active_from:
            return
        depths = [depth for key in _keys(order) if (depth := self._depths.get(key)) is not None]
        if len(depths) < len(order.ratios) or not self._terms[order.ticket.instrument].is_open(now):
            return
        price = crossing_price(order.ratios, depths)
        if not self._may_trade(order, price):
            return
        units = min(order.units - order.units_filled, units_left(order.ratios, depths))
        if units > 0:
            self._execute(order, depths, units, now)

    def _may_trade(self, order: Order, price: float) -> bool:
        kind = order.ticket.order_type
        if kind in _STOPPED and not order.triggered:
            stop = order.ticket.stop_price
            assert stop is not None
            if price < stop if order.buys else price > stop:
                return False
            order.triggered = True
            self._dirty[order.ticket.client_order_id] = order
        if kind in _PEGGED and order.limit_price is None:
            order.limit_price = price
            self._dirty[order.ticket.client_order_id] = order
        limit = order.limit_price
        return limit is None or (price <= limit if order.buys else price >= limit)

    def _execute(self, order: Order, depths: Sequence[Depth], units: int, now: datetime) -> None:
        terms, ticket = self._terms[order.ticket.instrument], order.ticket
        for key, ratio, depth in zip(_keys(order), order.ratios, depths, strict=True):
            quantity, price = ratio * units, depth.price(ratio)
            depth.take(quantity)
            value = abs(quantity * price) * terms.point_size
            commission = abs(quantity) * terms.per_contract + value * terms.percentage
            execution = Execution(
                execution_id=f"E{self._next_execution:09d}",
                revision=0,
                client_order_id=ticket.client_order_id,
                broker_id=order.broker_id,
                account=self.rules.account,
                instrument=ticket.instrument,
                contract=key[1],
                quantity=quantity,
                price=price,
                commission=commission,
                at=now,
            )
            self._next_execution += 1
            self.recorded.append(Recorded(now, execution))
            self._accounting.trade(key, quantity, price, commission)
            self._accounting.mark(key, (depth.quote.bid + depth.quote.ask) / 2, depth.quote.at.date())
        order.units_filled += units
        self._dirty[ticket.client_order_id] = order
        if order.units_filled == order.units:
            self._finish(order, ReportedStatus.FILLED)

    def _margin_fault(self, ticket: OrderTicket) -> str | None:
        priced = {(ticket.instrument, leg.contract): (leg.quantity, self._middle(ticket, leg)) for leg in ticket.legs}
        after, before = self._accounting.margin(priced), self._accounting.margin()
        value = self._accounting.value()
        if after > before and after > value:
            return f"it needs a margin of {after:.0f} {self.rules.currency}, and the account is worth {value:.0f}"
        return None

    def _middle(self, ticket: OrderTicket, leg: Leg) -> float:
        depth = self._depths.get((ticket.instrument, leg.contract))
        if depth is not None:
            return (depth.quote.bid + depth.quote.ask) / 2
        return ticket.limit_price or 0.0 if len(ticket.legs) == 1 else 0.0


def _keys(order: Order) -> list[Key]:
    return [(order.ticket.instrument, leg.contract) for leg in order.ticket.legs]


def _report(order: Order) -> OrderReport:
    ticket = order.ticket
    return OrderReport(
        ticket.client_order_id,
        order.broker_id,
        ticket.instrument,
        ticket.legs,
        order.status,
        order.filled,
        order.limit_price,
        order.why,
    )


def _open(order: Order) -> OpenOrder:
    ticket = order.ticket
    return OpenOrder(
        ticket.client_order_id,
        order.broker_id,
        ticket.instrument,
        ticket.legs,
        order.filled,
        ticket.order_type,
        order.limit_price,
    )
