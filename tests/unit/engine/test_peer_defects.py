"""Six faults measured in an engine of this kind, each of which ours must not have."""

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sysproduction.adapters.run_database import RunDatabase
from sysproduction.adapters.run_reader import Runs
from sysproduction.domain.events import FillEvent, OrderSubmissionRequest
from sysproduction.engine.analysis import round_trips
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.orchestrator import Orchestrator, RunFailed
from sysproduction.engine.stage import Bar
from sysproduction.ports import RunStatus
from tests.unit.engine.runs import Kept, TestClock, bars_of, feed_of, flat, played, strategy_of

CLOSES = [10.0 + number % 7 for number in range(400)]


def raises(*_: Any) -> None:
    raise ValueError("on every bar")


def trades(strategy: Any, bar: Bar) -> None:
    strategy.buy(1)


def test_a_strategy_that_raises_on_every_bar_has_failed() -> None:
    """1. There it ends as completed."""
    journal = Kept()
    with pytest.raises(RunFailed):
        Orchestrator(
            [strategy_of(raises)],
            SimulatedBroker,
            feed_of(bars_of("ES", flat(1, 2))),
            clock=TestClock(),
            journal=journal,
        ).run()
    assert [end.status for end in journal.ends] == [RunStatus.FAILED]


def test_a_feed_that_cannot_be_made_leaves_no_thread_and_no_running_run(tmp_path: Path) -> None:
    """2. There three threads live on, and the run is running for ever."""
    feed = type("Feed", (feed_of(),), {"__init__": raises})
    threads = set(threading.enumerate())
    with pytest.raises(RunFailed):
        Orchestrator(
            [strategy_of(trades)], SimulatedBroker, feed, clock=TestClock(), journal=RunDatabase(tmp_path / "runs.db")
        ).run()
    assert set(threading.enumerate()) == threads
    assert [run.status for run in Runs(tmp_path / "runs.db").all()] == [RunStatus.FAILED]


def test_two_runs_of_one_second_are_both_recorded(tmp_path: Path) -> None:
    """3. There the second one fails for its name, and leaves the database locked."""

    class Still(TestClock):
        def now(self) -> datetime:
            return datetime(2026, 1, 2, tzinfo=UTC)

    feed = feed_of(bars_of("ES", flat(*CLOSES)))
    made = [
        Orchestrator(
            [strategy_of(trades)], SimulatedBroker, feed, clock=Still(), journal=RunDatabase(tmp_path / "runs.db")
        )
        for _ in range(2)
    ]
    hashes = {run.run().run_hash for run in made}
    assert len(hashes) == 1
    assert [run.status for run in Runs(tmp_path / "runs.db").all()] == [RunStatus.COMPLETED] * 2


def test_a_strategy_sees_the_fill_of_a_bar_in_that_bar() -> None:
    """4. There on_bar sees the position before it: of an order on every bar, always one fill behind."""
    seen = []

    def on_bar(strategy: Any, bar: Bar) -> None:
        seen.append(strategy.position)
        strategy.buy(1)

    played(strategy_of(on_bar), bars_of("ES", flat(*CLOSES)))
    assert seen == list(range(400))


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads, if there were any, would take turns every 10 microseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_no_order_fills_in_the_bar_that_made_it() -> None:
    """5. There some of 3,990 do, as threads happen to run."""
    symbols = [f"S{number}" for number in range(10)]
    histories = [bars_of(symbol, flat(*CLOSES)) for symbol in symbols]
    _, journal = played(strategy_of(trades, symbols), *histories)
    asked = {one.system_order_id: one.ts_event_ns for one in journal.events if isinstance(one, OrderSubmissionRequest)}
    filled = [(one.associated_order_id, one.ts_event_ns) for one in journal.events if isinstance(one, FillEvent)]
    assert len(filled) == 3_990
    assert all(stamp > asked[order] for order, stamp in filled)


def test_a_position_that_turns_is_two_trips() -> None:
    """6. There buy 1 at 11, sell 2 at 13, buy 1 at 15 is one long trade of +8."""

    def on_bar(strategy: Any, bar: Bar) -> None:
        moves = {0: (strategy.buy, 1), 1: (strategy.sell, 2), 2: (strategy.buy, 1)}
        if bar.index in moves:
            ask, quantity = moves[bar.index]
            ask(quantity)

    _, journal = played(strategy_of(on_bar), bars_of("ES", flat(10, 11, 13, 15)))
    fills = [one for one in journal.log() if isinstance(one, FillEvent)]
    assert [(trip.direction, trip.profit) for trip in round_trips(fills, {"ES": 1.0})] == [(1, 2.0), (-1, -2.0)]
