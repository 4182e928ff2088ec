"""Real days walked one by one through the daily process on the real stores, with rolls as recorded and by rule."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from sysproduction import wiring
from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.domain.identity import Identity
from sysproduction.domain.multiple_prices import rolls_of
from sysproduction.domain.panama import stitch
from sysproduction.domain.processes import RunOutcome
from sysproduction.domain.results import ProblemKind
from sysproduction.domain.roll_policies import RollPolicies, RollPolicy
from sysproduction.domain.roll_rules import RollRule
from sysproduction.domain.roll_states import RollState
from sysproduction.markets.importing import import_history
from sysproduction.ports import World
from sysproduction.processes import methods
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from sysproduction.stores.process_states import ProcessStates
from sysproduction.stores.roll_states import RollStates
from sysproduction.supervisor.planner import History, Start, decide
from sysproduction.supervisor.runner import Ended, Runner, Worked, begin, bind
from tests.commands import served_home
from tests.fakes import RecordingNotifier
from tests.reference.test_replay import assert_equal_from

INSTRUMENTS = ["EUROSTX", "KR10", "US10"]
PROCESS = "run_daily_prices_updates"
METHOD = "update_multiple_adjusted_prices"
EVER = datetime(1970, 1, 1, tzinfo=UTC)
WEEKS = (datetime(2023, 5, 15, tzinfo=UTC), datetime(2023, 6, 23, tzinfo=UTC))
YEAR = (datetime(2022, 8, 15, tzinfo=UTC), datetime(2023, 8, 15, tzinfo=UTC))
SPANS = [pytest.param(WEEKS, id="weeks"), pytest.param(YEAR, id="year", marks=pytest.mark.soak)]
"""In either each instrument rolls at least once."""


@pytest.fixture
def world(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The real stores of an empty home, fed from the recorded prices."""
    with served_home(tmp_path / "home") as home:
        monkeypatch.setenv("SYSPRODUCTION_HOME", str(home))
        with wiring.outside(Home(home), load(Home(home), environ={})) as ports:
            yield replace(ports.world(), feed=CsvFeed(shared / "data", INSTRUMENTS), stale_after_days=400)


def under(world: World, rule: RollRule) -> World:
    return replace(world, rolls=RollPolicies(RollPolicy(rule)))


def imported(world: World, until: datetime) -> Prices:
    """Everything recorded until then, at once."""
    prices = Prices(world.series)
    import_history(
        world.feed,  # type: ignore[arg-type]
        Instruments(world.documents),
        prices,
        FxRates(world.series),
        until=until,
        progress=lambda *_: None,
    )
    return prices


def walk(world: World, first: datetime, last: datetime) -> list[str]:
    """Each day's run of run_daily_prices_updates, step by step in this thread at 23:30; what was told of the building
    of prices, but for staleness, and every method that failed."""
    spec = next(spec for spec in load(Home(Path()), environ={}).processes if spec.name == PROCESS)
    states, clock = ProcessStates(world.documents), SimulatedClock(first)
    states.declare()
    bound = bind(methods(PROCESS), spec, replace(world, clock=clock))
    for day in pd.bdate_range(first, last):
        clock.sleep(clock.seconds_until(day.to_pydatetime() + timedelta(hours=23, minutes=30)))
        decided = decide(spec, History(states.state(PROCESS)), clock.now())
        assert isinstance(decided, Start), decided
        runner = begin(
            spec,
            bound,
            states=states,
            notifier=RecordingNotifier(),
            clock=clock,
            identity=Identity("here", "boot", 1, 1),
            start=decided,
        )
        assert isinstance(runner, Runner)
        while not isinstance(turn := runner.step(clock.now()), Ended):
            assert isinstance(turn, Worked), turn
        assert turn.outcome is RunOutcome.SUCCEEDED, turn
    return [
        f"{run.day} {run.method} {problem['item']}: {problem['reason']}"
        for run in states.method_runs()
        for problem in ({"item": "", "kind": "", "reason": run.error} if run.error else {}, *run.problems)
        if problem and (run.error or run.method == METHOD) and problem["kind"] != ProblemKind.STALE
    ]


@pytest.mark.parametrize("span", SPANS)
def test_recorded_rolls_walked_day_by_day_equal_the_import(world: World, span: tuple[datetime, datetime]) -> None:
    """Row by row, but for roll rows on one side only; each roll of the span is in the history once."""
    first, last = span
    imported(world, first - timedelta(seconds=1))
    assert walk(under(world, RollRule.RECORDED), first, last) == []
    walked = {code: Prices(world.series).multiple(code) for code in INSTRUMENTS}
    states = RollStates(world.documents)
    for code, multiple in walked.items():
        rolled = [roll for roll in rolls_of(multiple) if roll.stamp >= first]
        assert rolled, f"{code} does not roll"
        assert [entry.roll for entry in reversed(states.history(code))] == rolled
        assert all(entry.by == "feed" and entry.reasons for entry in states.history(code))
    assert_as_imported(world, last + timedelta(days=1))


def assert_as_imported(world: World, until: datetime) -> None:
    """The walked series equal those that an import into stores in memory gives."""
    fresh = replace(world, documents=MemoryDocuments(), series=MemorySeries(lambda: until))
    loaded = imported(fresh, until)
    for code in INSTRUMENTS:
        assert_equal_from(EVER, Prices(world.series), loaded, code)


@pytest.mark.parametrize("span", SPANS)
def test_automatic_rolls_leave_consistent_series_and_are_all_explained(
    world: World, span: tuple[datetime, datetime]
) -> None:
    """Adjusted prices are the stitched multiple prices; each roll follows the hold cycle and has its reasons."""
    first, last = span
    imported(world, first - timedelta(seconds=1))
    assert walk(under(world, RollRule.AUTOMATIC), first, last) == []
    states, prices = RollStates(world.documents), Prices(world.series)
    for code in INSTRUMENTS:
        multiple = prices.multiple(code)
        pd.testing.assert_series_equal(prices.adjusted(code), stitch(multiple).dropna(), check_freq=False, atol=1e-9)
        standing, history = states.get(code), list(reversed(states.history(code)))
        assert (standing.intent, standing.state is RollState.ROLL_ADJUSTED) == (None, False)
        rolled = [roll for roll in rolls_of(multiple) if roll.stamp >= first]
        assert rolled, f"{code} does not roll"
        assert [entry.roll for entry in history if entry.roll] == rolled
        assert all(entry.reasons and entry.by == "automatic rule" for entry in history)
        for before, after in zip(rolls_of(multiple)[-len(rolled) - 1 :], rolled, strict=False):
            assert after.price == before.forward
