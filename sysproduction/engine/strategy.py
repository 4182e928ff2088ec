"""What a user writes: a class with symbols, parameters and callbacks, run in backtests and live alike."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.events import (
    Action,
    BarPeriod,
    CancellationAccepted,
    CancellationRejected,
    Event,
    FillEvent,
    ModificationAccepted,
    ModificationRejected,
    OrderAccepted,
    OrderExpired,
    OrderRejected,
    OrderType,
    Side,
    TimeInForce,
)
from sysproduction.domain.trading_desk import Desk
from sysproduction.engine.bus import EventBus
from sysproduction.engine.indicators import Indicator
from sysproduction.engine.order_terms import price, text, whole, word
from sysproduction.engine.parameters import ParamSpec, with_values
from sysproduction.engine.readings import Reading
from sysproduction.engine.stage import BEFORE_FIRST, Bar, Stage

REGISTRY: dict[str, type["Strategy"]] = {}
"""Every strategy class that was defined, by the name of the class, but for those whose names begin with _."""


class Strategy:
    """A strategy on bars. Subclass it, declare, and override `setup` and `on_bar`.

    Each parameter becomes an attribute of that name. In callbacks, `position` and `average_price` are the strategy's
    own in the symbol of the bar that is now; orders are answered before `submit_order` returns, and trade from the
    next bar on. A fill is told, and counted in `position`, before `on_bar` of the bar in which it happened.
    Chance comes from `random`, which the run's seed makes repeatable.
    """

    name: ClassVar[str] = ""
    symbols: ClassVar[Sequence[str]] = ()
    bar_period: ClassVar[BarPeriod] = BarPeriod.MINUTE
    parameters: ClassVar[Mapping[str, ParamSpec]] = {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if not cls.__name__.startswith("_"):
            REGISTRY[cls.__name__] = cls

    def __init__(self, bus: EventBus, stage: Stage, desk: Desk, random: Random) -> None:
        self._stage, self._desk, self._title = stage, desk, self.title()
        self.random = random
        self._holdings: dict[str, Holding] = {symbol: Holding() for symbol in stage.bars}
        self._orders: dict[int, str] = {}
        self.readings: list[Reading] = []
        for name, spec in self.parameters.items():
            if hasattr(type(self), name):
                raise ConfigError(
                    f"strategy {self.title()}: a parameter cannot be called {name}, for that has a meaning"
                )
            setattr(self, name, spec.checked(name, spec.default))
        for kind, callback in _CALLBACKS.items():
            if getattr(type(self), callback) is not getattr(Strategy, callback):
                bus.subscribe(kind, self._own(getattr(self, callback)))
        bus.subscribe(FillEvent, self._filled)

    @classmethod
    def title(cls) -> str:
        """Its name, or that of its class."""
        return cls.name or cls.__name__.lstrip("_")

    # To override.

    def setup(self) -> None:
        """Declare indicators."""

    def on_bar(self, bar: Bar) -> None:
        """A bar of one of the symbols has closed."""

    def wake(self, symbol: str) -> npt.NDArray[np.bool_] | None:
        """On which of the symbol's bars `on_bar` has to be called; None: on all of them. To be computed from whole
        columns, `reading.full[symbol]`; a run that skips the others must come out the same as one that does not."""
        del symbol
        return None

    def on_fill(self, fill: FillEvent) -> None:
        """Some of an order was traded."""

    def on_order_accepted(self, event: OrderAccepted) -> None:
        """The broker has the order."""

    def on_order_rejected(self, event: OrderRejected) -> None:
        """The broker refuses the order."""

    def on_order_cancelled(self, event: CancellationAccepted) -> None:
        """The order is over, asked for or by its group or parent."""

    def on_order_modified(self, event: ModificationAccepted) -> None:
        """The order stands as asked."""

    def on_order_expired(self, event: OrderExpired) -> None:
        """The order's time is over."""

    def on_modification_rejected(self, event: ModificationRejected) -> None:
        """The order stands as it did."""

    def on_cancellation_rejected(self, event: CancellationRejected) -> None:
        """There was no such order any more."""

    def shutdown(self) -> None:
        """The run is over, however it ended."""

    # To use.

    def indicator(self, indicator: Indicator, *, period: BarPeriod | None = None) -> Reading:
        """Declare an indicator over the strategy's bars, or over those of a longer period; only in `setup`."""
        if self._stage.bar is not BEFORE_FIRST:
            raise ConfigError(f"strategy {self.title()}: indicators are declared in setup, before the first bar")
        reading = Reading(self._stage, indicator, None if period is self.bar_period else period)
        if reading.name in (one.name for one in self.readings):
            raise ConfigError(f"strategy {self.title()} declares the indicator {reading.name} twice")
        self.readings.append(reading)
        return reading

    @property
    def position(self) -> int:
        """Units held in the symbol of the bar that is now, negative when short."""
        return self._holdings[self._stage.bar.symbol].quantity

    @property
    def average_price(self) -> float:
        """At what price the position was entered on average; 0 when flat."""
        return self._holdings[self._stage.now().symbol].average_price

    def position_of(self, symbol: str) -> int:
        """Units held in a symbol."""
        return self._holdings[symbol].quantity

    def average_price_of(self, symbol: str) -> float:
        """At what price the position in a symbol was entered on average; 0 when flat."""
        return self._holdings[symbol].average_price

    def submit_order(
        self,
        side: Side,
        quantity: int,
        order_type: OrderType = OrderType.MARKET,
        *,
        limit_price: float | None = None,
        stop_price: float | None = None,
        symbol: str | None = None,
        action: Action = Action.ENTRY,
        signal: str = "",
        time_in_force: TimeInForce = TimeInForce.GTC,
        expires_at_ns: int | None = None,
        group: int | None = None,
        parent: int | None = None,
    ) -> int:
        """Ask for an order in the symbol of the bar that is now, or in another of the run; its id. Of orders that
        share a `group` the first fill cancels the others; one with a `parent` stands once that is over with a fill.

        Raises ConfigError for a term of the wrong kind, as half a unit; what a broker refuses is told by an event."""
        symbol = symbol or self._stage.now().symbol
        order_id = self._desk.new_order()
        self._orders[order_id] = symbol
        self._desk.submit(
            order_id,
            self._title,
            symbol if type(symbol) is str else text("symbol", symbol),
            side if type(side) is Side else word(Side, side),
            quantity if type(quantity) is int else whole("quantity", quantity),
            order_type if type(order_type) is OrderType else word(OrderType, order_type),
            None if limit_price is None else price("limit_price", limit_price),
            None if stop_price is None else price("stop_price", stop_price),
            action if type(action) is Action else word(Action, action),
            signal if type(signal) is str else text("signal", signal),
            time_in_force if type(time_in_force) is TimeInForce else word(TimeInForce, time_in_force),
            None if expires_at_ns is None else whole("expires_at_ns", expires_at_ns),
            None if group is None else whole("group", group),
            None if parent is None else whole("parent", parent),
        )
        return order_id

    def buy(self, quantity: int, **terms: Any) -> int:
        """Ask for a purchase, on the terms of `submit_order`; the order's id."""
        return self.submit_order(Side.BUY, quantity, **terms)

    def sell(self, quantity: int, **terms: Any) -> int:
        """Ask for a sale, on the terms of `submit_order`; the order's id."""
        return self.submit_order(Side.SELL, quantity, **terms)

    def flatten(self, **terms: Any) -> int | None:
        """Ask for the end of the position in the symbol of the bar that is now; None if there is none."""
        held = self.position
        if held == 0:
            return None
        return self.submit_order(Side.SELL if held > 0 else Side.BUY, abs(held), **{"action": Action.FLATTEN, **terms})

    def bracket(
        self, side: Side, quantity: int, *, stop_loss: float | None, take_profit: float | None, **entry: Any
    ) -> int:
        """Ask for an order on the terms of `submit_order`, and for a stop and a limit that end what it has filled, the
        first of which cancels the other; the id of the entry."""
        parent = self.submit_order(side, quantity, **entry)
        group = self._desk.new_group()
        other = Side.SELL if side is Side.BUY else Side.BUY
        common: dict[str, Any] = {"symbol": entry.get("symbol"), "group": group, "parent": parent}
        if stop_loss is not None:
            self.submit_order(other, quantity, OrderType.STOP, stop_price=stop_loss, action=Action.STOP_LOSS, **common)
        if take_profit is not None:
            self.submit_order(
                other, quantity, OrderType.LIMIT, limit_price=take_profit, action=Action.TAKE_PROFIT, **common
            )
        return parent

    def new_group(self) -> int:
        """A number for orders of which the first fill cancels the others."""
        return self._desk.new_group()

    def modify_order(
        self,
        order_id: int,
        *,
        quantity: int | None = None,
        limit_price: float | None = None,
        stop_price: float | None = None,
    ) -> None:
        """Ask for another (whole) quantity or price of one of the strategy's orders; None leaves it."""
        order_id = whole("id", order_id)
        self._desk.modify(
            order_id,
            self._symbol_of(order_id),
            None if quantity is None else whole("quantity", quantity),
            None if limit_price is None else price("limit_price", limit_price),
            None if stop_price is None else price("stop_price", stop_price),
        )

    def cancel_order(self, order_id: int) -> None:
        """Ask for the end of one of the strategy's orders."""
        order_id = whole("id", order_id)
        self._desk.cancel(order_id, self._symbol_of(order_id))

    # What comes back.

    def _symbol_of(self, order_id: int) -> str:
        return self._orders.get(order_id, self._stage.now().symbol)

    def _filled(self, fill: FillEvent) -> None:
        if fill.associated_order_id in self._orders:
            self._holdings[fill.symbol].trade(fill.side.sign * fill.quantity_filled, fill.fill_price)
            self.on_fill(fill)

    def _own(self, told: Callable[[Any], None]) -> Callable[[Any], None]:
        """The callback for events of the strategy's own orders; those of others are left out."""
        orders = self._orders

        def receive(event: Any) -> None:
            if event.associated_order_id in orders:
                told(event)

        return receive


_CALLBACKS: Final[Mapping[type[Event], str]] = {
    OrderAccepted: "on_order_accepted",
    OrderRejected: "on_order_rejected",
    CancellationAccepted: "on_order_cancelled",
    CancellationRejected: "on_cancellation_rejected",
    ModificationAccepted: "on_order_modified",
    ModificationRejected: "on_modification_rejected",
    OrderExpired: "on_order_expired",
}


class Holding:
    """What a strategy holds in one symbol."""

    __slots__ = ("average_price", "quantity")

    def __init__(self) -> None:
        self.quantity, self.average_price = 0, 0.0

    def trade(self, quantity: int, price: float) -> None:
        """Add a fill: the average stays while the position is reduced, and starts anew where it turns."""
        before, after = self.quantity, self.quantity + quantity
        if after == 0:
            self.average_price = 0.0
        elif before * after <= 0:
            self.average_price = price
        elif abs(after) > abs(before):
            self.average_price = (before * self.average_price + quantity * price) / after
        self.quantity = after


def configured(
    strategy: type[Strategy],
    symbols: Sequence[str],
    values: Mapping[str, Any] | None = None,
    *,
    period: BarPeriod | None = None,
) -> type[Strategy]:
    """The strategy with these symbols, parameters and period of bars, as a class that is not registered.

    Raises ConfigError for a parameter that there is not, or a value that it may not have.
    """
    attributes = {
        "symbols": tuple(symbols),
        "parameters": with_values(strategy.parameters, values or {}),
        "bar_period": period or strategy.bar_period,
        "name": strategy.title(),
    }
    return type(f"_Configured{strategy.__name__}", (strategy,), attributes)
