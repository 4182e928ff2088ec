"""The engine against the slow model: the same events, cash, holdings and equity for any bars and any orders."""

from collections.abc import Iterator
from dataclasses import asdict
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import BarPeriod, BarProcessed, BarReceived, OrderType, Side
from sysproduction.domain.trading_desk import Desk
from sysproduction.engine import recorder, replay, stage, waking
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.bus import EventBus
from sysproduction.engine.feed import Datafeed
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.stage import BarValues, Stage
from sysproduction.engine.strategy import Strategy
from tests.unit.engine.made_cases import HOUR, Bar, Cancel, Case, Modify, Request, Settings, Submit, cases
from tests.unit.engine.runs import Kept, TestClock, feed_of
from tests.unit.engine.slow_model import SlowModel

WAYS = ("columns", "skipping", "observed", "followed")
"""Whole histories; of these only the bars on which somebody wants something; each published; one by one."""
BARS = (BarReceived, BarProcessed)
SIZES = ((replay, "WINDOW"), (stage, "WINDOW"), (stage, "HISTORY"), (waking, "BLOCK"), (recorder, "BATCH"))
CALLBACKS = (
    *("on_order_accepted", "on_order_rejected", "on_order_cancelled", "on_cancellation_rejected"),
    *("on_order_modified", "on_modification_rejected", "on_order_expired"),
)


class Played:
    """A case played by the engine one of the ways; `seen` as the model has it, `bars` the bar events."""

    def __init__(self, way: str, case: Case) -> None:
        self.way, self.case, self.answers = way, case, case.answers()
        self.seen: list[tuple[Any, ...]] = []
        self.bars: list[Any] = []
        self.cash: list[float] = []
        journal = Kept()
        self.result = Orchestrator(
            [self.strategy(name) for name in case.strategies],
            self.broker(),
            self.feed(),
            clock=TestClock(),
            journal=journal,
            skip_bars=way == "skipping",
        ).run()
        self.log = journal.log()
        if way == "observed":
            self.log = sorted(self.log + self.bars, key=lambda event: event.sequence)

    def strategy(self, name: str) -> type[Strategy]:
        """The strategy that wants what the case says."""
        played, symbols = self, self.case.strategies[name]
        wakes = {symbol: self.wakes(name, symbol) for symbol in symbols}

        class _Made(Strategy):
            def __init__(self, bus: EventBus, stage: Stage, desk: Desk, random: Random) -> None:
                super().__init__(bus, stage, desk, random)
                for kind in BARS if played.way == "observed" and name == "first" else ():
                    bus.subscribe(kind, played.bars.append)

            def on_bar(self, bar: Any) -> None:
                assert self.position == self.position_of(bar.symbol)
                assert self.average_price == self.average_price_of(bar.symbol)
                if wakes[bar.symbol][bar.index]:
                    self.told("bar")

            def told(self, what: str) -> None:
                held = tuple((self.position_of(symbol), self.average_price_of(symbol)) for symbol in symbols)
                played.seen.append((name, what, held))
                for request in played.answers(name, what):
                    ask(self, request)

        callbacks: dict[str, Any] = {callback: lambda self, event: self.told("order") for callback in CALLBACKS}
        callbacks["on_fill"] = lambda self, event: self.told("fill")
        if self.way == "skipping":
            callbacks["wake"] = lambda self, symbol: wakes[symbol]
        return type("_Case", (_Made,), {"name": name, "symbols": symbols, "bar_period": BarPeriod.HOUR, **callbacks})

    def wakes(self, name: str, symbol: str) -> npt.NDArray[np.bool_]:
        """On which bars of the symbol the strategy wants something."""
        return np.array([name in bar.wakes for bar in self.case.bars if bar.symbol == symbol])

    def broker(self) -> type[SimulatedBroker]:
        """The broker, whose cash is looked at when the run is over."""
        cash = self.cash

        class Broker(SimulatedBroker):
            def disconnect(self) -> None:
                cash.append(self.cash_now)
                super().disconnect()

        return type("Broker", (Broker,), asdict(self.case.broker))

    def feed(self) -> type[Datafeed]:
        """The case's bars, whole or one by one."""
        case = self.case

        class Rows(Datafeed):
            def follow(self) -> Iterator[BarValues]:
                for bar in case.bars:
                    yield BarValues(bar.symbol, BarPeriod.HOUR, bar.ts, *bar.values())

        return Rows if self.way == "followed" else feed_of(*(columns_of(case, symbol) for symbol in case.symbols()))


def ask(strategy: Strategy, request: Request) -> None:
    """Ask the strategy's desk for it."""
    if isinstance(request, Modify):
        strategy.modify_order(
            request.order, quantity=request.quantity, limit_price=request.limit, stop_price=request.stop
        )
    elif isinstance(request, Cancel):
        strategy.cancel_order(request.order)
    else:
        strategy.submit_order(
            request.side,
            request.quantity,
            request.order_type,
            symbol=request.symbol,
            limit_price=request.limit,
            stop_price=request.stop,
            time_in_force=request.time_in_force,
            expires_at_ns=request.expires,
            group=request.group,
            parent=request.parent,
        )


def columns_of(case: Case, symbol: str) -> BarColumns:
    """The symbol's bars as columns."""
    mine = [bar for bar in case.bars if bar.symbol == symbol]
    prices = [np.array([getattr(bar, name) for bar in mine], float) for name in ("open", "high", "low", "close")]
    volume = None if mine[0].volume is None else np.array([bar.volume for bar in mine], float)
    return BarColumns(symbol, BarPeriod.HOUR, np.array([bar.ts for bar in mine]), *prices, volume=volume)


def without_words(event: Any) -> Any:
    """The event without its message and the machine's time, and with its kind, for equal tuples are equal."""
    event = event._replace(ts_created_ns=0)
    return type(event), event._replace(message="") if hasattr(event, "message") else event


def check(case: Case) -> None:
    """Play the case with the model and with the engine, each way, and compare."""
    model = SlowModel(case.strategies, case.broker, case.answers())
    model.run(case.bars)
    orders = [event for event in model.log if not isinstance(event, BARS)]
    for way in WAYS:
        with pytest.MonkeyPatch.context() as patch:
            for module, name in SIZES:
                patch.setattr(module, name, case.window)
            played = Played(way, case)
        expected = model.log if way in ("observed", "followed") else orders
        assert [without_words(event) for event in played.log] == [without_words(event) for event in expected], way
        assert played.seen == model.seen, way
        assert played.cash == [model.cash], way
        assert played.result.positions == model.positions, way
        assert played.result.equity == pytest.approx(np.array(model.equities), abs=1e-9), way


RULES: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


@settings(max_examples=100, **RULES)
@given(cases())
def test_the_engine_does_what_the_slow_model_does(case: Case) -> None:
    """Every event with its number and all of its fields, cash, each strategy's holdings at each moment, and the equity
    after each bar."""
    check(case)


def market(symbol: str, *prices: float, wakes: tuple[str, ...] = ("first",)) -> list[Bar]:
    """Bars of one price each."""
    return [Bar(hour * HOUR, symbol, one, one, one, one, None, wakes) for hour, one in enumerate(prices)]


def limit(price: float, group: int | None = None) -> Submit:
    return Submit("ES", Side.BUY, 1, OrderType.LIMIT, price, group=group)


IN_A_CANCELLATION = Case(
    {"first": ("ES",)},
    tuple(market("ES", 10, 11, 12)),
    Settings(fill_at="close"),
    {
        ("first", "bar"): ((limit(11, 1), limit(5, 1), limit(4, 1)),),
        ("first", "fill"): (),
        ("first", "order"): ((), (), (), (Submit("ES", Side.BUY, 1, OrderType.MARKET, group=1), limit(3))),
    },
    window=3,
)
"""Told that an order of a group is cancelled, the strategy trades another one of that group at once."""

OF_ANOTHER = Case(
    {"first": ("ES",), "second": ("NQ",)},
    tuple(sorted(market("ES", 10, 11) + market("NQ", 5, 6, wakes=("second",)), key=lambda bar: bar.ts)),
    Settings(),
    {
        ("first", "bar"): ((Submit("NQ", Side.BUY, 1, OrderType.MARKET),),),
        **{(name, what): () for name in ("first", "second") for what in ("fill", "order")},
        ("second", "bar"): (),
    },
    window=3,
)
"""A strategy trades a symbol of the run of which it gets no bars."""


@pytest.mark.parametrize("case", [IN_A_CANCELLATION, OF_ANOTHER], ids=["in a cancellation", "of another"])
def test_the_engine_does_what_it_once_did_not(case: Case) -> None:
    """Faults that were found, with the orders that show them."""
    check(case)


@pytest.mark.soak
@settings(max_examples=10_000, **RULES)
@given(cases())
def test_the_engine_does_what_the_slow_model_does_in_ten_thousand_cases(case: Case) -> None:
    """The same, at length."""
    check(case)
