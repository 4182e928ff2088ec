"""Runs: assembled, played, recorded and taken down again, however they end."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError, DataError, Unavailable
from sysproduction.domain.events import FillEvent, OrderAccepted, OrderSubmissionRequest
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.feed import Datafeed
from sysproduction.engine.orchestrator import Orchestrator, RunFailed
from sysproduction.engine.stage import Bar, BarValues
from sysproduction.engine.strategy import REGISTRY, Strategy, configured
from sysproduction.ports import RunStatus
from tests.unit.engine.runs import (
    Kept,
    Mean,
    TestClock,
    bars_of,
    broker_of,
    feed_of,
    flat,
    played,
    strategy_of,
)

ES = bars_of("ES", [(10, 11, 9, 10), (12, 13, 11, 12), (14, 15, 13, 14)])


def buys_once(strategy: Any, bar: Bar) -> None:
    if bar.index == 0:
        strategy.buy(2)


def test_an_order_at_a_close_fills_at_the_next_open() -> None:
    """Request and answer at once, the fill on the next bar before the strategy sees it; equity at each close."""
    seen = []

    def on_bar(strategy: Any, bar: Bar) -> None:
        seen.append((bar.close, strategy.position, strategy.average_price))
        buys_once(strategy, bar)

    result, journal = played(strategy_of(on_bar), ES, broker={"cash": 100.0, "commission_per_unit": 0.5})
    assert seen == [(10, 0, 0.0), (12, 2, 12.0), (14, 2, 12.0)]
    request, accepted, fill = journal.log()
    assert isinstance(request, OrderSubmissionRequest)
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(fill, FillEvent)
    assert (fill.fill_price, fill.quantity_filled, fill.commission, fill.ts_event_ns) == (12.0, 2, 1.0, ES.ts[1])
    assert [event.sequence for event in journal.log()] == [2, 3, 5]
    assert result.equity.tolist() == [100.0, 99.0, 103.0]
    assert result.positions == {"ES": 2}
    assert result.summary["final_equity"] == 103.0
    assert (result.status, [end.status for end in journal.ends]) == (RunStatus.COMPLETED, [RunStatus.COMPLETED])


class Numbered(Datafeed):
    """Gives its bars one by one."""

    rows: ClassVar[list[BarValues]] = []

    def follow(self) -> Iterator[BarValues]:
        yield from self.rows


def rows_of(*histories: BarColumns) -> list[BarValues]:
    """The bars of all symbols, in the order of play."""
    rows = []
    for code, bars in enumerate(histories):
        columns = (bars.ts, bars.open, bars.high, bars.low, bars.close)
        volume = [None] * len(bars) if bars.volume is None else bars.volume.tolist()
        values = zip(*(column.tolist() for column in columns), volume, strict=True)
        rows += [(one[0], code, BarValues(bars.symbol, bars.period, *one)) for one in values]
    return [row for _, _, row in sorted(rows)]


def test_bars_one_by_one_come_to_the_same_hash_as_whole_columns() -> None:
    """The same events with the same numbers, indicators and equity, whichever way the bars come."""
    columns = [bars_of("ES", flat(*range(1, 30))), bars_of("NQ", flat(*range(40, 10, -1)), start=3)]
    rows = rows_of(*columns)

    class _Trades(Strategy):
        symbols = ("ES", "NQ")

        def setup(self) -> None:
            self.mean = self.indicator(Mean(3))

        def on_bar(self, bar: Bar) -> None:
            if bar.close > self.mean.now and self.position < 3:
                self.buy(1)
            elif bar.close < self.mean[-2]:
                self.sell(1, symbol="ES")

    whole, kept = played(_Trades, *columns)
    journal = Kept()
    feed = type("Rows", (Numbered,), {"rows": rows})
    single = Orchestrator([_Trades], broker_of(), feed, clock=TestClock(), journal=journal).run()
    assert single.run_hash == whole.run_hash
    assert single.equity.tolist() == whole.equity.tolist()
    orders = [event for event in journal.log() if type(event).__name__ not in ("BarReceived", "BarProcessed")]
    assert [event[:2] for event in orders] == [event[:2] for event in kept.log()]
    assert len(journal.log()) == len(orders) + 2 * len(rows)
    assert [event.sequence for event in journal.log()] == list(range(len(journal.log())))


class Falls(Exception):
    pass


def falls(*_: Any) -> None:
    raise Falls("on purpose")


@pytest.mark.parametrize("where", ["setup", "on_bar", "on_fill", "on_order_accepted", "shutdown"])
def test_a_strategy_that_raises_anywhere_fails_the_run(where: str) -> None:
    """The error says which run, bar, file and line; the record is failed, with the traceback."""
    strategy = strategy_of(buys_once, **{where: falls}) if where != "on_bar" else strategy_of(falls)
    journal = Kept()
    run = Orchestrator([strategy], SimulatedBroker, feed_of(ES), clock=TestClock(), journal=journal)
    with pytest.raises(RunFailed, match=rf"{run.run_id} failed at event \d.*Falls: on purpose.*test_orchestrator.py"):
        run.run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]
    assert "in falls" in (journal.ends[0].error or "")
    assert journal.closed


@pytest.mark.parametrize("part", ["broker", "feed"])
@pytest.mark.parametrize("moment", ["__init__", "connect", "disconnect"])
def test_a_part_that_cannot_be_made_or_shut_fails_the_run_and_the_others_are_shut(part: str, moment: str) -> None:
    """Feed, broker, strategies and recorder, in that order, each that there is."""
    shut: list[str] = []

    class _Closing(Strategy):
        symbols = ("ES",)

        def shutdown(self) -> None:
            shut.append("strategies")

    def tells(name: str, base: type) -> type:
        def disconnect(self: Any) -> None:
            shut.append(name)
            base.disconnect(self)

        return type(name, (base,), {"disconnect": disconnect})

    broker, feed = tells("broker", SimulatedBroker), tells("feed", feed_of(ES))
    if part == "broker":
        broker = type("Broken", (broker,), {moment: falls})
    else:
        feed = type("Broken", (feed,), {moment: falls})
    journal = Kept()
    with pytest.raises(RunFailed, match="on purpose"):
        Orchestrator([_Closing], broker, feed, clock=TestClock(), journal=journal).run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]
    made = ["feed", "broker", "strategies"]
    never = {("broker", "__init__"): made, ("feed", "__init__"): ["feed"]}.get((part, moment), [])
    told = [name for name in made if name not in never and not (moment == "disconnect" and name == part)]
    assert shut == told
    assert journal.closed


def test_a_cancelled_run_is_recorded_as_cancelled() -> None:
    """It ends at the next report of progress, raises nothing, and has no hash."""
    journal = Kept()
    run = Orchestrator([strategy_of(buys_once)], SimulatedBroker, feed_of(ES), clock=TestClock(), journal=journal)
    run.cancel()
    result = run.run()
    assert (result.status, result.run_hash) == (RunStatus.CANCELLED, None)
    assert [end.status for end in journal.ends] == [RunStatus.CANCELLED]


def test_an_interrupt_is_recorded_as_cancelled_and_goes_on_its_way() -> None:
    """Ctrl-C ends the program that it was meant for."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    journal = Kept()
    with pytest.raises(KeyboardInterrupt):
        Orchestrator([strategy_of(interrupted)], SimulatedBroker, feed_of(ES), clock=TestClock(), journal=journal).run()
    assert [end.status for end in journal.ends] == [RunStatus.CANCELLED]


def test_a_journal_that_fills_up_fails_the_run() -> None:
    """What the disk took stays; the run never counts as completed."""

    class Full(Kept):
        def write(self, kind: Any, rows: Any) -> None:
            raise Unavailable("runs.db: the disk is full")

    journal = Full()
    run = Orchestrator([strategy_of(buys_once)], SimulatedBroker, feed_of(ES), clock=TestClock(), journal=journal)
    with pytest.raises(Unavailable, match="disk is full"):
        run.run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]


def test_runs_of_one_second_have_names_of_their_own() -> None:
    """The names say when and what."""

    class Still(TestClock):
        def now(self) -> Any:
            return self._at

    clock = Still()
    ids = {Orchestrator([strategy_of(falls)], SimulatedBroker, feed_of(ES), clock=clock).run_id for _ in range(100)}
    assert len(ids) == 100
    assert all(name.startswith("20260102T000000Z_made_") for name in ids)


@pytest.mark.parametrize(
    ("strategies", "said"),
    [
        ([], "needs a strategy"),
        ([strategy_of(falls, ())], "made has no symbols"),
        ([strategy_of(falls), strategy_of(falls)], "two strategies of the run are called made"),
    ],
)
def test_strategies_that_cannot_run_are_refused(strategies: list[type[Strategy]], said: str) -> None:
    """Before anything is made."""
    with pytest.raises(ConfigError, match=said):
        Orchestrator(strategies, SimulatedBroker, feed_of(ES), clock=TestClock())


@pytest.mark.parametrize(
    ("bars", "said"),
    [
        (bars_of("ES", [(10, 9, 9, 10)]), "ES, bar 1 of 1 at 1970.*: high is below"),
        (bars_of("ES", flat(1, float("nan"))), "ES, bar 2 of 2 .*not a finite number"),
        (bars_of("ES", flat(1, 2), volume=[1, -1]), "volume is below zero"),
        (bars_of("NQ", flat(1, 2)), "ES: no bars of a MINUTE"),
        (bars_of("ES", flat(1, 2)).between(10**18, None), "ES: there are no bars"),
    ],
)
def test_bars_that_cannot_be_fail_the_run(bars: Any, said: str) -> None:
    """Named by symbol, place, stamp and fault."""
    journal = Kept()
    with pytest.raises(DataError, match=said):
        Orchestrator([strategy_of(buys_once)], SimulatedBroker, feed_of(bars), clock=TestClock(), journal=journal).run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]


def test_a_feed_that_dies_half_way_fails_the_run() -> None:
    """What came before is recorded."""

    class Dying(Numbered):
        def follow(self) -> Iterator[BarValues]:
            yield BarValues("ES", ES.period, 0, 1.0, 1.0, 1.0, 1.0, None)
            raise ConnectionResetError("gone")

    journal = Kept()
    with pytest.raises(RunFailed, match="ConnectionResetError: gone"):
        Orchestrator([strategy_of(buys_once)], SimulatedBroker, Dying, clock=TestClock(), journal=journal).run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]
    assert len(journal.log()) == 4


def test_the_record_says_what_the_run_was_made_of() -> None:
    """Values of parameters, broker settings with the fill rule, seed, hashes of code and data, versions."""
    _, journal = played(strategy_of(buys_once), ES, broker={"slippage": 0.25}, seed=7)
    assert journal.header is not None
    config = journal.header.config
    assert (config["seed"], config["mode"], config["bar_period"]) == (7, "backtest", "MINUTE")
    assert (config["broker"]["fill_at"], config["broker"]["slippage"]) == ("next_open", 0.25)
    assert config["data"] == {"ES": ES.content_hash}
    assert len(config["strategies"]["made"]["code"] or "") in (0, 64)
    assert config["versions"]["numpy"] == np.__version__


def test_classes_made_on_the_fly_stay_out_of_the_registry() -> None:
    """A configured strategy is a class without a place in the registry; one that is defined has one."""

    class Defined(Strategy):
        symbols = ("ES",)

    assert REGISTRY.pop("Defined") is Defined
    before = dict(REGISTRY)
    made = configured(Defined, ["NQ"])
    assert (before, made.title(), made.symbols) == (REGISTRY, "Defined", ("NQ",))
