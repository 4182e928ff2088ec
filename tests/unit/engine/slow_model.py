"""What a run on bars should come to, written as plainly as it can be: it shares nothing with the engine but its events.

Everything that happens is published at once, to the journal and to the strategy that is asked what it wants next.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, isfinite
from typing import Any

from sysproduction.domain.events import (
    BarPeriod,
    BarProcessed,
    BarReceived,
    CancellationAccepted,
    CancellationRejected,
    Event,
    FillEvent,
    ModificationAccepted,
    ModificationRejected,
    OrderAccepted,
    OrderCancellationRequest,
    OrderExpired,
    OrderModificationRequest,
    OrderRejected,
    OrderSubmissionRequest,
    OrderType,
    Rejection,
    Side,
    TimeInForce,
)
from tests.unit.engine.made_cases import Bar, Cancel, Modify, Request, Settings, Submit

DAY = BarPeriod.DAY.nanoseconds


@dataclass
class Order:
    """An order and what has become of it."""

    id: int
    want: Submit
    quantity: int
    limit: float | None
    stop: float | None
    submitted: int
    later_than: int
    is_active: bool
    is_over: bool = False
    is_triggered: bool = False
    filled: int = 0
    paid: float = 0.0
    traded: float = 0.0
    children: list["Order"] = field(default_factory=list)

    def phase(self) -> int:
        """When in a bar it is looked at: 1 at the open, 2 stops, 3 stop-limits, 4 limits."""
        if self.want.order_type is OrderType.MARKET:
            return 1
        if self.want.order_type is OrderType.STOP:
            return 1 if self.is_triggered else 2
        if self.want.order_type is OrderType.STOP_LIMIT:
            return 4 if self.is_triggered else 3
        return 4


@dataclass
class Own:
    """What a strategy holds in a symbol, by its own fills."""

    units: int = 0
    average: float = 0.0

    def trade(self, units: int, price: float) -> None:
        held, self.units = self.units, self.units + units
        if self.units == 0:
            self.average = 0.0
        elif held == 0 or (held > 0) != (self.units > 0):
            self.average = price
        elif abs(self.units) > abs(held):
            self.average = (held * self.average + units * price) / self.units


class SlowModel:
    """`strategies` have symbols by name. `asked` is told which strategy it is and what happened to it ("bar", "fill" or
    "order"), and says what it wants then. `seen` is what they could see of their own holdings at each such moment."""

    def __init__(
        self,
        strategies: Mapping[str, Sequence[str]],
        settings: Settings,
        asked: Callable[[str, str], Iterator[Request]],
    ) -> None:
        self.strategies, self.settings, self.asked = strategies, settings, asked
        self.log: list[Event] = []
        self.orders: list[Order] = []
        self.asked_for: dict[int, tuple[str, str]] = {}
        self.cash = settings.cash
        self.positions = dict.fromkeys((s for symbols in strategies.values() for s in symbols), 0)
        self.own = {name: {s: Own() for s in self.positions} for name in strategies}
        self.last: dict[str, Bar] = {}
        self.left: dict[str, int | None] = {}
        self.fills = 0
        self.equities: list[float] = []
        self.seen: list[tuple[Any, ...]] = []

    def run(self, bars: Sequence[Bar]) -> None:
        """Play the bars, which are in their order."""
        for bar in bars:
            self.now, self.symbol = bar.ts, bar.symbol
            self.publish(BarReceived, bar.symbol, BarPeriod.HOUR, *bar.values())
            self.last[bar.symbol] = bar
            share = self.settings.volume_share
            unlimited = share is None or bar.volume is None
            self.left[bar.symbol] = None if unlimited else floor(bar.volume * share)
            self.match(bar)
            for name, symbols in self.strategies.items():
                if bar.symbol in symbols:
                    self.publish(BarProcessed, name, bar.symbol, BarPeriod.HOUR, *bar.values(), {})
                    if name in bar.wakes:
                        self.tell(name, "bar")
            self.equities.append(self.equity())

    def tell(self, name: str, what: str) -> None:
        held = tuple((one.units, one.average) for one in (self.own[name][s] for s in self.strategies[name]))
        self.seen.append((name, what, held))
        for request in self.asked(name, what):
            if isinstance(request, Submit):
                self.submit(name, request)
            elif isinstance(request, Modify):
                self.modify(name, request)
            else:
                self.cancel(name, request)

    def publish(self, kind: Any, *values: Any) -> None:
        event = kind(len(self.log), self.now, 0, *values)
        self.log.append(event)
        owner, _ = self.asked_for.get(getattr(event, "associated_order_id", 0), (None, None))
        if owner is not None and isinstance(event, FillEvent):
            units = event.quantity_filled if event.side is Side.BUY else -event.quantity_filled
            self.own[owner][event.symbol].trade(units, event.fill_price)
            self.tell(owner, "fill")
        elif owner is not None:
            self.tell(owner, "order")

    def symbol_of(self, name: str, number: int) -> str:
        """The symbol of an order, as far as the strategy knows."""
        owner, symbol = self.asked_for.get(number, (None, ""))
        return symbol if owner == name else self.symbol

    def equity(self) -> float:
        held = [(n * self.last[s].close, s) for s, n in self.positions.items() if n]
        return self.cash + sum(value * self.settings.of("multiplier", s) for value, s in held)

    # Bars.

    def match(self, bar: Bar) -> None:
        live = sorted((o for o in self.orders if not o.is_over and o.is_active), key=lambda o: o.id)
        for order in live:
            if order.want.symbol == bar.symbol and not order.is_over and order.later_than < bar.ts and self.late(order):
                self.end(order, OrderExpired)
        eligible = [
            order
            for order in sorted(self.orders, key=lambda o: o.id)
            if order.want.symbol == bar.symbol and order.is_active and not order.is_over and order.later_than < bar.ts
        ]
        for phase in (1, 2, 3, 4):
            for order in eligible:
                if not order.is_over and order.later_than < bar.ts and order.phase() == phase:
                    self.meet(order, bar)
        for order in eligible:
            if not order.is_over and order.want.time_in_force is TimeInForce.IOC:
                self.end(order, OrderExpired)

    def late(self, order: Order) -> bool:
        if order.want.time_in_force is TimeInForce.GTD:
            assert order.want.expires is not None
            return self.now >= order.want.expires
        return order.want.time_in_force is TimeInForce.DAY and self.now // DAY > order.submitted // DAY

    def meet(self, order: Order, bar: Bar) -> None:
        buys = order.want.side is Side.BUY
        slippage = self.settings.of("slippage", bar.symbol)
        worse = slippage if buys else -slippage
        if order.phase() == 1:
            self.fill(order, bar.open + worse)
        elif order.phase() == 2:
            assert order.stop is not None
            if bar.high >= order.stop if buys else bar.low <= order.stop:
                order.is_triggered = True
                self.fill(order, (max(order.stop, bar.open) if buys else min(order.stop, bar.open)) + worse)
        elif order.phase() == 3:
            self.meet_stop_limit(order, bar, buys=buys)
        else:
            assert order.limit is not None
            if bar.low <= order.limit if buys else bar.high >= order.limit:
                self.fill(order, min(order.limit, bar.open) if buys else max(order.limit, bar.open))

    def meet_stop_limit(self, order: Order, bar: Bar, *, buys: bool) -> None:
        stop, limit = order.stop, order.limit
        assert stop is not None
        assert limit is not None
        if not (bar.high >= stop if buys else bar.low <= stop):
            return
        order.is_triggered = True
        if bar.open >= stop if buys else bar.open <= stop:
            return  # a limit order of this bar
        order.later_than = bar.ts
        if stop <= limit if buys else stop >= limit:
            self.fill(order, stop)
        elif bar.close <= limit if buys else bar.close >= limit:
            self.fill(order, limit)

    def fill(self, order: Order, price: float) -> None:
        quantity = order.quantity - order.filled
        left = self.left[order.want.symbol]
        if left is not None:
            quantity = min(quantity, left)
            self.left[order.want.symbol] = left - quantity
        if quantity == 0:
            return
        symbol, sign = order.want.symbol, 1 if order.want.side is Side.BUY else -1
        per_unit, least, fraction, multiplier = (
            self.settings.of(name, symbol)
            for name in ("commission_per_unit", "commission_minimum", "commission_fraction", "multiplier")
        )
        order.filled += quantity
        order.traded += abs(quantity * price * multiplier)
        due = max(order.filled * per_unit, least) + order.traded * fraction
        commission, order.paid = due - order.paid, due
        self.cash -= sign * quantity * price * multiplier + commission
        self.positions[symbol] += sign * quantity
        self.fills += 1
        order.is_over = order.filled == order.quantity
        words = (symbol, self.fills, f"F{self.fills}", order.want.side, quantity, price, commission)
        self.publish(FillEvent, self.now, order.id, f"S{order.id}", *words, "SIMULATED")
        if order.want.group is not None:
            for other in sorted(self.orders, key=lambda o: o.id):
                if other is not order and other.want.group == order.want.group and not other.is_over:
                    self.end(other, CancellationAccepted)
        if order.is_over:
            self.settle(order)

    def settle(self, parent: Order) -> None:
        for child in parent.children:
            if not child.is_over and parent.filled:
                child.quantity = min(child.quantity, parent.filled)
                child.is_active, child.later_than = True, self.now
            elif not child.is_over:
                self.end(child, CancellationAccepted)

    def end(self, order: Order, kind: Any) -> None:
        order.is_over = True
        symbol = (order.want.symbol,) if kind is OrderExpired else ()
        self.publish(kind, self.now, order.id, f"S{order.id}", *symbol)
        self.settle(order)

    # Requests.

    def submit(self, name: str, want: Submit) -> None:
        number = len(self.asked_for) + 1
        self.asked_for[number] = (name, want.symbol)
        words: tuple[Any, ...] = (name, number, want.symbol, want.order_type, want.side, want.quantity)
        words += (want.limit, want.stop, "ENTRY", "", want.time_in_force, want.expires, want.group, want.parent)
        self.publish(OrderSubmissionRequest, *words)
        reason = self.why_not(want)
        if reason is not None:
            self.publish(OrderRejected, self.now, number, reason, "")
            return
        active = want.parent is None
        order = Order(number, want, want.quantity, want.limit, want.stop, self.now, self.now, active)
        self.orders.append(order)
        if want.parent is not None:
            self.live(want.parent).children.append(order)  # type: ignore[union-attr]
        self.publish(OrderAccepted, self.now, number, f"S{number}")
        at_close = self.settings.fill_at == "close" and want.order_type is OrderType.MARKET
        bar = self.last.get(want.symbol)
        if at_close and order.is_active and not order.is_over and bar is not None and bar.ts == self.now:
            slippage = self.settings.of("slippage", want.symbol)
            self.fill(order, bar.close + (slippage if want.side is Side.BUY else -slippage))

    def live(self, number: int) -> Order | None:
        found = [order for order in self.orders if order.id == number and not order.is_over]
        return found[0] if found else None

    def why_not(self, want: Submit) -> Rejection | None:
        if want.symbol not in self.positions:
            return Rejection.UNKNOWN_SYMBOL
        if want.quantity <= 0:
            return Rejection.QUANTITY
        if not self.prices_fit(want.order_type, want.limit, want.stop):
            return Rejection.PRICE
        if not self.on_tick(want.symbol, want.limit, want.stop):
            return Rejection.TICK
        if want.time_in_force is TimeInForce.GTD:
            if want.expires is None or want.expires <= self.now:
                return Rejection.EXPIRY
        elif want.expires is not None:
            return Rejection.EXPIRY
        if want.parent is not None and self.live(want.parent) is None:
            return Rejection.UNKNOWN_ORDER
        return Rejection.MARGIN if self.too_much(want) else None

    def prices_fit(self, kind: OrderType, limit: float | None, stop: float | None) -> bool:
        has_limit = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
        has_stop = kind in (OrderType.STOP, OrderType.STOP_LIMIT)
        if (limit is not None) != has_limit or (stop is not None) != has_stop:
            return False
        return all(isfinite(p) and (p > 0 or self.settings.negative_prices) for p in (limit, stop) if p is not None)

    def on_tick(self, symbol: str, *prices: float | None) -> bool:
        tick = self.settings.of("tick_size", symbol)
        return tick == 0 or all(abs(p / tick - round(p / tick)) <= 1e-9 for p in prices if p is not None)

    def too_much(self, want: Submit) -> bool:
        after = dict(self.positions)
        after[want.symbol] += want.quantity if want.side is Side.BUY else -want.quantity
        needs, has = (
            sum(self.settings.of("margin", s) * abs(n) for s, n in held.items()) for held in (after, self.positions)
        )
        return needs > has and needs > self.equity()

    def modify(self, name: str, want: Modify) -> None:
        symbol = self.symbol_of(name, want.order)
        self.publish(OrderModificationRequest, want.order, symbol, want.quantity, want.limit, want.stop)
        order = self.live(want.order)
        reason = Rejection.UNKNOWN_ORDER if order is None else self.why_not_change(order, want)
        if order is None or reason is not None:
            self.publish(ModificationRejected, self.now, want.order, reason, "")
            return
        order.quantity = order.quantity if want.quantity is None else want.quantity
        order.limit = order.limit if want.limit is None else want.limit
        order.stop = order.stop if want.stop is None else want.stop
        self.publish(ModificationAccepted, self.now, order.id, f"S{order.id}")

    def why_not_change(self, order: Order, want: Modify) -> Rejection | None:
        if want.quantity is not None and want.quantity <= order.filled:
            return Rejection.QUANTITY
        limit = order.limit if want.limit is None else want.limit
        stop = order.stop if want.stop is None else want.stop
        if not self.prices_fit(order.want.order_type, limit, stop):
            return Rejection.PRICE
        if not self.on_tick(order.want.symbol, want.limit, want.stop):
            return Rejection.TICK
        return None

    def cancel(self, name: str, want: Cancel) -> None:
        self.publish(OrderCancellationRequest, want.order, self.symbol_of(name, want.order))
        order = self.live(want.order)
        if order is None:
            self.publish(CancellationRejected, self.now, want.order, Rejection.UNKNOWN_ORDER, "")
        else:
            self.end(order, CancellationAccepted)
