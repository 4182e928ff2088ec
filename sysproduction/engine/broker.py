"""The simulated broker: takes requests at once, and lets standing orders meet each bar of their symbol."""

from math import floor
from operator import attrgetter
from typing import Final

from sysproduction.domain.events import (
    CancellationAccepted,
    CancellationRejected,
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
    TimeInForce,
)
from sysproduction.engine import orders as checks
from sysproduction.engine.broker_settings import BrokerSettings, FillAt
from sysproduction.engine.bus import EventBus
from sysproduction.engine.orders import Order
from sysproduction.engine.stage import CLOSE, HIGH, LOW, OPEN, VOLUME, Bar, Stage
from sysproduction.exchange import bar_matching as matching

EXCHANGE: Final = "SIMULATED"
DAY_NS: Final = 86_400_000_000_000
PHASES: Final = (OrderType.MARKET, OrderType.STOP, OrderType.STOP_LIMIT, OrderType.LIMIT)


class SimulatedBroker(BrokerSettings):
    """A broker and the account it keeps, common to all strategies; configured by the class attributes of its base.

    An order may trade from the first bar of its symbol with a later stamp on. In a bar market orders trade first, then
    stops, stop-limits, limits, each in the order of their ids: a bar that touches both a stop-loss and a take-profit
    is taken to have hit the stop. Prices: `exchange/bar_matching.py`. Stops and market orders pay `slippage`.
    """

    def __init__(self, bus: EventBus, stage: Stage) -> None:
        self._bus, self._stage, self._publish = bus, stage, bus.publish
        self._live: dict[int, Order] = {}
        self._groups: dict[int, list[Order]] = {}
        self._timed = self._fills = 0
        self._left: dict[str, int | None] = {}
        self._allowed: dict[str, int] = {}
        self._terms = self.terms(list(stage.bars))
        self._at_close = self.fill_at == FillAt.CLOSE
        self.cash_now = self.cash
        self.positions = dict.fromkeys(self._terms, 0)
        self.multipliers = {symbol: terms.multiplier for symbol, terms in self._terms.items()}
        bus.subscribe(OrderSubmissionRequest, self._submit)
        bus.subscribe(OrderModificationRequest, self._modify)
        bus.subscribe(OrderCancellationRequest, self._cancel)

    def connect(self) -> None:
        """There is nobody to connect to."""

    def disconnect(self) -> None:
        """Take no more requests; what stands, stands."""
        self._bus.unsubscribe(OrderSubmissionRequest, self._submit)
        self._bus.unsubscribe(OrderModificationRequest, self._modify)
        self._bus.unsubscribe(OrderCancellationRequest, self._cancel)

    def equity(self) -> float:
        """The account at the last closes: cash and what the positions would bring."""
        held = ((symbol, quantity) for symbol, quantity in self.positions.items() if quantity)
        bar_of = self._stage.bar_of
        return self.cash_now + sum(n * bar_of(symbol).close * self.multipliers[symbol] for symbol, n in held)

    def match(self, bar: Bar) -> None:
        """Let the symbol's orders meet its bar that is now."""
        now = bar.ts
        if self._timed:
            self._expire(bar, now)
        eligible = [order for order in bar.book.values() if order.since < now]
        if len(eligible) > 1:
            eligible.sort(key=_ID)
        if self.volume_share is not None:
            self._allow(bar, self.volume_share)
        for phase in PHASES:
            for order in eligible:
                if order.acts_as is phase and order.live and order.since < now:
                    self._trade(order, bar, now)
        if self._timed:
            for order in eligible:
                if order.live and order.time_in_force is TimeInForce.IOC:
                    self._end_expired(order, now)

    def _allow(self, bar: Bar, share: float) -> None:
        """Let so much of the symbol be traded in its bar."""
        volume = bar.columns[VOLUME][bar.row]
        self._left[bar.symbol] = None if volume is None else floor(volume * share)
        self._allowed[bar.symbol] = bar.index

    def trades_by_price_alone(self, bar: Bar) -> bool:
        """Whether nothing can become of the symbol's orders in a bar that does not reach their prices."""
        return not self._timed and all(order.acts_as is not OrderType.MARKET for order in bar.book.values())

    def _trade(self, order: Order, bar: Bar, now: int) -> None:
        """Trade the order in the bar if it can be, as its phase says."""
        columns, row = bar.columns, bar.row
        sign, kind, open_ = order.sign, order.acts_as, columns[OPEN][row]
        if kind is OrderType.MARKET:
            self._fill(order, matching.market_price(open_, sign, self._terms[order.symbol].slippage), now)
            return
        high, low = columns[HIGH][row], columns[LOW][row]
        if kind is OrderType.LIMIT:
            assert order.limit is not None
            price = matching.limit_price(sign=sign, limit=order.limit, open_=open_, high=high, low=low)
        else:
            assert order.stop is not None
            price = matching.stop_price(sign=sign, stop=order.stop, open_=open_, high=high, low=low)
            if price is not None and kind is OrderType.STOP:
                order.acts_as = OrderType.MARKET
                price += sign * self._terms[order.symbol].slippage
            elif price is not None:
                price = self._trigger(order, open_, columns[CLOSE][row], now)
        if price is not None:
            self._fill(order, price, now)

    def _trigger(self, order: Order, open_: float, close: float, now: int) -> float | None:
        """Make a stop-limit order a limit order: of this bar if it opens beyond the stop, else from the next one on;
        the price at which it trades meanwhile, if so."""
        assert order.stop is not None
        assert order.limit is not None
        order.acts_as = OrderType.LIMIT
        if matching.opens_beyond(sign=order.sign, stop=order.stop, open_=open_):
            return None
        order.since = now
        return matching.stopped_limit_price(sign=order.sign, stop=order.stop, limit=order.limit, close=close)

    def _fill(self, order: Order, price: float, now: int) -> None:
        """Trade what is left of the order, or as much as the bar's volume allows."""
        symbol, quantity = order.symbol, order.quantity - order.filled
        if self.volume_share is not None and (left := self._left.get(symbol)) is not None:
            quantity = min(quantity, left)
            self._left[symbol] = left - quantity
            if quantity == 0:
                return
        terms = self._terms[symbol]
        value = quantity * price * terms.multiplier
        order.filled += quantity
        order.traded += abs(value)
        due = max(order.filled * terms.commission_per_unit, terms.commission_minimum)
        due += order.traded * terms.commission_fraction
        commission, order.charged = due - order.charged, due
        self.cash_now -= order.sign * value + commission
        self.positions[symbol] += order.sign * quantity
        self._fills = number = self._fills + 1
        if order.filled == order.quantity:
            self._end(order)
        stage = self._stage
        fill = FillEvent(
            stage.next_sequence(),
            now,
            stage.created_ns,
            now,
            order.id,
            order.broker_id,
            symbol,
            number,
            f"F{number}",
            order.side,
            quantity,
            price,
            commission,
            EXCHANGE,
        )
        self._publish(fill)
        if order.group is not None:
            self._cancel_group(order, order.group, now)
        if order.children and not order.live:
            self._settle_children(order, now)

    def _cancel_group(self, filled: Order, group: int, now: int) -> None:
        """Cancel what else is live of the group; a strategy that is told may fill more of it meanwhile."""
        for order in sorted(self._groups.get(group, ()), key=_ID):
            if order.live and order is not filled:
                self._end_cancelled(order, now)
        left = [order for order in self._groups.pop(group, ()) if order.live]
        if left:
            self._groups[group] = left

    def _settle_children(self, parent: Order, now: int) -> None:
        """Let the children of an order that is over stand for what was filled, or end with it."""
        for child in parent.children:
            if child.live and parent.filled:
                child.quantity = min(child.quantity, parent.filled)
                child.is_active, child.since = True, now
                self._stage.bars[child.symbol].book[child.id] = child
            elif child.live:
                self._end_cancelled(child, now)

    def _end(self, order: Order) -> None:
        order.live = False
        del self._live[order.id]
        self._stage.bars[order.symbol].book.pop(order.id, None)
        if order.time_in_force is not TimeInForce.GTC:
            self._timed -= 1

    def _end_cancelled(self, order: Order, now: int) -> None:
        self._end(order)
        self._publish(CancellationAccepted(*self._stamps(now), order.id, order.broker_id))
        self._settle_children(order, now)

    def _end_expired(self, order: Order, now: int) -> None:
        self._end(order)
        self._publish(OrderExpired(*self._stamps(now), order.id, order.broker_id, order.symbol))
        self._settle_children(order, now)

    def _expire(self, bar: Bar, now: int) -> None:
        for order in sorted(bar.book.values(), key=_ID):
            if not order.live or order.since >= now:
                continue
            kind = order.time_in_force
            if kind is TimeInForce.GTD:
                assert order.expires_at_ns is not None
                over = now >= order.expires_at_ns
            else:
                over = kind is TimeInForce.DAY and now // DAY_NS > order.submitted // DAY_NS
            if over:
                self._end_expired(order, now)

    def _submit(self, request: OrderSubmissionRequest) -> None:
        fault = self._fault(request)
        now = request.ts_event_ns
        if fault is not None:
            self._publish(OrderRejected(*self._stamps(now), request.system_order_id, *fault))
            return
        order = Order(request)
        self._live[order.id] = order
        if order.time_in_force is not TimeInForce.GTC:
            self._timed += 1
        if order.group is not None:
            self._groups.setdefault(order.group, []).append(order)
        bar = self._stage.bars[order.symbol]
        if order.is_active:
            bar.book[order.id] = order
        else:
            self._live[request.parent_order_id or 0].children.append(order)
        self._publish(OrderAccepted(*self._stamps(now), order.id, order.broker_id))
        if self._at_close and order.live and order.is_active and order.acts_as is OrderType.MARKET:
            self._fill_at_close(order, now)

    def _fill_at_close(self, order: Order, now: int) -> None:
        """Trade at the close of the bar that is now; where the symbol has none, the order waits for its next open."""
        bar = self._stage.bar_of(order.symbol)
        if bar.index >= 0 and bar.ts == now:
            if self.volume_share is not None and self._allowed.get(order.symbol) != bar.index:
                self._allow(bar, self.volume_share)
            price = matching.market_price(bar.close, order.sign, self._terms[order.symbol].slippage)
            self._fill(order, price, now)

    def _fault(self, request: OrderSubmissionRequest) -> tuple[Rejection, str] | None:
        symbol = request.symbol
        if symbol not in self.positions:
            return Rejection.UNKNOWN_SYMBOL, f"{symbol} is not in the run: {', '.join(self.positions)}"
        fault = checks.submission_fault(
            request, tick_size=self._terms[symbol].tick_size, negative_prices=self.negative_prices
        )
        if fault is not None:
            return fault
        parent = request.parent_order_id
        if parent is not None and parent not in self._live:
            return Rejection.UNKNOWN_ORDER, f"parent {parent}: there is no such live order"
        return self._margin_fault(request) if self._terms[symbol].margin else None

    def _margin_fault(self, request: OrderSubmissionRequest) -> tuple[Rejection, str] | None:
        after = dict(self.positions)
        after[request.symbol] += request.side.sign * request.quantity
        needs, has = (sum(self._terms[s].margin * abs(n) for s, n in held.items()) for held in (after, self.positions))
        equity = self.equity()
        if needs > has and needs > equity:
            return Rejection.MARGIN, f"it needs a margin of {needs:.2f}, and the account is worth {equity:.2f}"
        return None

    def _cancel(self, request: OrderCancellationRequest) -> None:
        order, now = self._live.get(request.system_order_id), request.ts_event_ns
        if order is None:
            unknown = self._unknown(request.system_order_id)
            self._publish(CancellationRejected(*self._stamps(now), request.system_order_id, *unknown))
        else:
            self._end_cancelled(order, now)

    def _modify(self, request: OrderModificationRequest) -> None:
        order, now = self._live.get(request.system_order_id), request.ts_event_ns
        fault = self._unknown(request.system_order_id) if order is None else self._modification_fault(order, request)
        if order is None or fault is not None:
            assert fault is not None
            self._publish(ModificationRejected(*self._stamps(now), request.system_order_id, *fault))
            return
        order.quantity = request.quantity or order.quantity
        order.limit = order.limit if request.limit_price is None else request.limit_price
        order.stop = order.stop if request.stop_price is None else request.stop_price
        self._publish(ModificationAccepted(*self._stamps(now), order.id, order.broker_id))

    def _modification_fault(self, order: Order, request: OrderModificationRequest) -> tuple[Rejection, str] | None:
        if request.quantity is not None and (fault := checks.quantity_fault(request.quantity, order.filled)):
            return Rejection.QUANTITY, fault
        for name, price, has in (
            ("limit", request.limit_price, order.limit is not None),
            ("stop", request.stop_price, order.stop is not None),
        ):
            if price is not None and not has:
                return Rejection.PRICE, f"a {order.order_type} order has no {name} price"
        limit = order.limit if request.limit_price is None else request.limit_price
        stop = order.stop if request.stop_price is None else request.stop_price
        if fault := checks.price_fault(order.order_type, limit, stop, negative_prices=self.negative_prices):
            return Rejection.PRICE, fault
        tick = self._terms[order.symbol].tick_size
        if tick and (fault := checks.tick_fault((request.limit_price, request.stop_price), tick)):
            return Rejection.TICK, fault
        return None

    def _stamps(self, now: int) -> tuple[int, int, int, int]:
        """Sequence, event time, machine time and broker time of the event that is about to be published."""
        stage = self._stage
        return stage.next_sequence(), now, stage.created_ns, now

    @staticmethod
    def _unknown(order_id: int) -> tuple[Rejection, str]:
        return Rejection.UNKNOWN_ORDER, f"order {order_id}: there is no such live order"


_ID: Final = attrgetter("id")
