"""The engine against the slow model: the same events, cash, positions and equity for any bars and any orders."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import BarPeriod, OrderType, Side, TimeInForce
from sysproduction.engine.feed import Datafeed
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.stage import BarValues
from sysproduction.engine.strategy import Strategy
from tests.unit.engine.runs import Kept, TestClock, broker_of, feed_of
from tests.unit.engine.slow_model import Bar, Cancel, Modify, Request, Settings, SlowModel, Submit

HOUR = BarPeriod.HOUR.nanoseconds
WAYS = ("columns", "waking", "followed")
SYMBOLS = ("ES", "NQ", "CL")
CALLBACKS = (
    *("on_order_accepted", "on_order_rejected", "on_order_cancelled", "on_cancellation_rejected"),
    *("on_order_modified", "on_modification_rejected", "on_order_expired"),
)


@dataclass(frozen=True)
class Case:
    """Bars in their order, what the broker is like, and what the strategy wants each time that it is called."""

    symbols: tuple[str, ...]
    bars: tuple[Bar, ...]
    broker: Settings
    wants: dict[str, tuple[tuple[Request, ...], ...]]

    def answers(self) -> "Answers":
        """The strategy's wants, from the first on."""
        return Answers(self.wants)


class Answers:
    """Gives what is wanted at the next call of each kind."""

    def __init__(self, wants: dict[str, tuple[tuple[Request, ...], ...]]) -> None:
        self._wants = {kind: iter(lists) for kind, lists in wants.items()}

    def __call__(self, what: str) -> Sequence[Request]:
        return next(self._wants[what], ())


PRICES = st.sampled_from([4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 5.25, -1.0, 0.0])
IDS = st.integers(1, 12)


@st.composite
def submissions(draw: st.DrawFn, symbols: tuple[str, ...]) -> Submit:
    """Mostly orders that can be, some that cannot."""
    kind = draw(st.sampled_from(OrderType))
    limit, stop = draw(PRICES), draw(PRICES)
    fits = draw(st.integers(0, 19)) > 0
    has_limit = (kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)) == fits
    has_stop = (kind in (OrderType.STOP, OrderType.STOP_LIMIT)) == fits
    lasts = draw(st.sampled_from([TimeInForce.GTC, *TimeInForce]))
    expires = draw(st.integers(0, 60)) * HOUR if (lasts is TimeInForce.GTD) == fits else None
    return Submit(
        draw(st.sampled_from([*symbols, *symbols, "ZZ"])),
        draw(st.sampled_from(Side)),
        draw(st.sampled_from([1, 2, 3, 5, 0])),
        kind,
        limit if has_limit else None,
        stop if has_stop else None,
        lasts,
        expires,
        draw(st.sampled_from([None, None, 1, 2])),
        draw(st.sampled_from([None, None, None]) | IDS),
    )


def requests(symbols: tuple[str, ...]) -> st.SearchStrategy[Request]:
    """Orders, changes and ends."""
    prices = st.none() | PRICES
    return st.one_of(
        submissions(symbols),
        submissions(symbols),
        st.builds(Modify, IDS, st.sampled_from([None, 1, 2, 4, 0]), prices, prices),
        st.builds(Cancel, IDS),
    )


@st.composite
def bars_of(draw: st.DrawFn, symbol: str) -> list[Bar]:
    """Up to a dozen bars in some of sixty hours, prices on a small grid; without volume, or with little of it."""
    hours = sorted(draw(st.sets(st.integers(0, 59), min_size=1, max_size=12)))
    has_volume = draw(st.booleans())
    made = []
    for hour in hours:
        low, high = sorted((draw(st.integers(4, 9)), draw(st.integers(4, 9))))
        within = st.integers(low, high)
        volume = float(draw(st.integers(0, 8))) if has_volume else None
        made.append(Bar(hour * HOUR, symbol, draw(within), high, low, draw(within), volume))
    return made


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One to three symbols."""
    symbols = SYMBOLS[: draw(st.integers(1, 3))]
    bars = [bar for symbol in symbols for bar in draw(bars_of(symbol))]
    broker = Settings(
        cash=draw(st.sampled_from([1000.0, 30.0])),
        commission_per_unit=draw(st.sampled_from([0.0, 0.5])),
        commission_minimum=draw(st.sampled_from([0.0, 1.25])),
        commission_fraction=draw(st.sampled_from([0.0, 0.01])),
        slippage=draw(st.sampled_from([0.0, 0.25])),
        tick_size=draw(st.sampled_from([0.0, 0.0, 0.5])),
        multiplier=draw(st.sampled_from([1.0, 10.0])),
        margin=draw(st.sampled_from([0.0, 0.0, 10.0])),
        volume_share=draw(st.sampled_from([None, 0.5, 1.0])),
        fill_at=draw(st.sampled_from(["next_open", "close"])),
        negative_prices=draw(st.booleans()),
    )
    some = st.lists(st.lists(requests(symbols), max_size=3).map(tuple), max_size=14).map(tuple)
    few = st.lists(st.lists(requests(symbols), max_size=2).map(tuple), max_size=6).map(tuple)
    wants = {"bar": draw(some), "fill": draw(few), "order": draw(few)}
    order = {symbol: number for number, symbol in enumerate(symbols)}
    return Case(symbols, tuple(sorted(bars, key=lambda bar: (bar.ts, order[bar.symbol]))), broker, wants)


def strategy_of(case: Case) -> type[Strategy]:
    """The strategy that wants what the case says."""
    answers = case.answers()

    def tells(what: str) -> Any:
        def told(self: Strategy, *_: Any) -> None:
            for request in answers(what):
                ask(self, request)

        return told

    methods = {"on_bar": tells("bar"), "on_fill": tells("fill"), **{name: tells("order") for name in CALLBACKS}}
    words = {"name": "made", "symbols": case.symbols, "bar_period": BarPeriod.HOUR}
    return type("_Case", (Strategy,), {**words, **methods})


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


class Rows(Datafeed):
    """Gives the case's bars one by one."""

    case: Case

    def follow(self) -> Iterator[BarValues]:
        for bar in self.case.bars:
            yield BarValues(bar.symbol, BarPeriod.HOUR, bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume)


def without_words(event: Any) -> Any:
    """The event without its message and the machine's time."""
    event = event._replace(ts_created_ns=0)
    return event._replace(message="") if hasattr(event, "message") else event


def skipping(case: Case) -> type[Strategy]:
    """The same strategy, which declares that it is to be called on every bar."""
    return type(
        "_Waking", (strategy_of(case),), {"wake": lambda self, symbol: np.ones(len(columns_of(case, symbol)), bool)}
    )


def check(way: str, case: Case) -> None:
    """Play the case both ways, and compare."""
    model = SlowModel(case.symbols, case.broker, case.answers())
    model.run(case.bars)
    journal = Kept()
    feed = (
        type("Feed", (Rows,), {"case": case})
        if way == "followed"
        else feed_of(*(columns_of(case, s) for s in case.symbols))
    )
    strategy = skipping(case) if way == "waking" else strategy_of(case)
    result = Orchestrator([strategy], broker_of(**asdict(case.broker)), feed, clock=TestClock(), journal=journal).run()
    orders = [
        without_words(event) for event in journal.log() if type(event).__name__ not in ("BarReceived", "BarProcessed")
    ]
    assert orders == model.log
    assert result.positions == model.positions
    assert result.equity == pytest.approx(np.array(model.equities), abs=1e-9)


RULES: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, **RULES)
@given(cases())
def test_the_engine_does_what_the_slow_model_does(way: str, case: Case) -> None:
    """Every event with its number and all of its fields, cash, positions and the equity after each bar."""
    check(way, case)


@pytest.mark.soak
@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=10_000, **RULES)
@given(cases())
def test_the_engine_does_what_the_slow_model_does_in_ten_thousand_cases(way: str, case: Case) -> None:
    """The same, at length."""
    check(way, case)
