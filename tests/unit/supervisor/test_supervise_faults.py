"""The supervisor when the store, the programs, the clock or its own predecessor fail it."""

import signal
from datetime import timedelta
from random import Random

import pytest

from sysproduction.domain.errors import Refused
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    Limits,
    RunOutcome,
)
from tests.fakes import OnWrite, ProgramDied, outage
from tests.supervised import MONDAY, NOON, Platform, all_day, spec


class SupervisorDied(BaseException):
    """As by kill -9."""


def test_a_program_that_died_between_its_record_and_its_release_is_released() -> None:
    """The terminal record stands, the process is free again and nobody is told twice."""
    platform = Platform(spec("run")).go(0.5)

    def die_after_the_record(side: str, operation: str, collection: str) -> None:
        if (side, operation, collection) == ("after", "replace", "process_runs"):
            platform.documents.fault = None
            raise ProgramDied

    platform.documents.fault = die_after_the_record
    platform.go(10)
    assert platform.documents.fault is None
    assert platform.outcomes("run") == [RunOutcome.SUCCEEDED]
    assert platform.states.state("run").active is None
    assert platform.states.state("run").outcome_of(MONDAY) is RunOutcome.SUCCEEDED
    assert platform.supervisor.running == ()
    assert platform.notifier.told == []


def test_a_child_that_ignores_term_is_killed() -> None:
    """TERM at the stop time, KILL after stop_seconds, one CRASHED record that says so."""
    platform = Platform(all_day("run", stop="12:01", limits=Limits(stop_seconds=7)))
    platform.programs.deaf.add("run")
    platform.go(90)
    assert platform.programs.signals == [("run", signal.SIGTERM), ("run", signal.SIGKILL)]
    assert platform.outcomes("run") == [RunOutcome.CRASHED]
    assert platform.reasons("run") == ["did not stop in time and was killed"]
    ended = platform.states.runs()[0].ended_at
    assert ended is not None
    assert timedelta(seconds=67) <= ended - NOON <= timedelta(seconds=68.5)


def chain() -> Platform:
    """Three processes that run at once although each depends on the next."""
    platform = Platform(all_day("c", previous_process="b"), all_day("b", previous_process="a"), all_day("a"))
    for name in ("a", "b"):
        run = platform.states.begin(name, day=MONDAY, identity=Identity("here", "boot", 5, 5), now=NOON)
        assert not isinstance(run, Refused)
        platform.states.finish(run, outcome=RunOutcome.SUCCEEDED, reason=None, now=NOON)
    platform.go(1.5)
    for name in ("b", "a"):
        platform.states.ask_again(name)
        platform.go(1.5)
    assert [child.program.name for child in platform.programs.living()] == ["c", "b", "a"]
    return platform


def test_draining_stops_dependants_first() -> None:
    """One after the other in reverse dependency order; nothing is started meanwhile; nobody is left."""
    platform = chain()
    platform.supervisor.drain()
    platform.go(10)
    assert [name for name, number in platform.programs.signals] == ["c", "b", "a"]
    assert platform.supervisor.running == ()
    assert platform.programs.living() == []


def test_draining_does_not_need_the_store() -> None:
    """With the database down the children are still asked to stop, in order, and the deaf one is killed."""
    platform = chain()
    platform.programs.deaf |= {"a", "b", "c"}
    platform.documents.fault = outage
    platform.supervisor.drain()
    for _ in range(400):
        platform.supervisor.step(platform.clock.now())
        platform.clock.sleep(0.5)
    term = [name for name, number in platform.programs.signals if number == signal.SIGTERM]
    assert term == ["c", "b", "a"]
    assert platform.programs.living() == []
    platform.documents.fault = None
    platform.go(2)
    assert platform.supervisor.running == ()
    assert platform.states.state("a").active is None


def test_draining_past_a_deadline_does_not_spin() -> None:
    """Deadlines of before the drain are no reason to step again at once."""
    platform = Platform(all_day("run"), spec("later", "12:00:10", "12:00:20")).go(5)
    platform.programs.deaf.add("run")
    platform.supervisor.drain()
    platform.go(20)
    assert platform.step() > 0.1


def test_runs_of_an_earlier_supervisor_are_adopted() -> None:
    """A new supervisor watches the same programs, starts no second copy, and stops them at their time."""
    platform = Platform(all_day("a", stop="12:10"), all_day("b")).go(5)
    pids = [child.identity.pid for child in platform.programs.living()]
    platform.new_supervisor()
    platform.go(60)
    assert [child.identity.pid for child in platform.programs.living()] == pids
    assert platform.supervisor.running == ("a", "b")
    platform.die("b")
    platform.go(600)
    assert platform.outcomes("a") == [RunOutcome.SUCCEEDED]
    assert platform.outcomes("b") == [RunOutcome.CRASHED, RunOutcome.RUNNING]


def test_a_store_outage_is_one_incident_and_starts_nothing_twice() -> None:
    """While the store is down nothing is started and one alert is told; afterwards everything goes on."""
    platform = Platform(all_day("a"), all_day("b", "12:00:30")).go(5)
    platform.documents.fault = outage
    for _ in range(120):
        assert platform.supervisor.step(platform.clock.now()) > 0
        platform.clock.sleep(0.5)
    assert platform.notifier.told == [("alert", "store")]
    assert platform.programs.started() == ["a"]
    platform.documents.fault = None
    platform.go(5)
    assert platform.notifier.told == [("alert", "store"), ("recovery", "store")]
    assert platform.programs.started() == ["a", "b"]


@pytest.mark.parametrize("seed", range(5))
def test_a_flickering_store_loses_and_doubles_nothing(seed: int) -> None:
    """Any operation of the supervisor may fail, before or after it took effect: exit codes and alerts survive."""
    platform = Platform(all_day("a"), spec("b"), all_day("c"))
    random = Random(seed)

    def flicker(side: str, operation: str, collection: str) -> None:
        if random.random() < 0.2:
            outage(side, operation, collection)

    for turn in range(400):
        platform.documents.fault = flicker
        platform.supervisor.step(platform.clock.now())
        platform.documents.fault = None
        platform.programs.turn(platform.clock.now())
        platform.check()
        platform.clock.sleep(0.5)
        if turn == 100:
            platform.die("a", 2)
        if turn == 200:
            platform.die("c")
    assert platform.outcomes("a") == [RunOutcome.FAILED]
    assert platform.outcomes("b") == [RunOutcome.SUCCEEDED]
    assert platform.outcomes("c") == [RunOutcome.CRASHED, RunOutcome.RUNNING]
    assert [key for key in platform.notifier.keys_told() if key != "store"] == ["process/a/failed", "process/c/crashed"]


def test_a_program_that_cannot_be_started_is_its_own_incident() -> None:
    """The alert names the process, not the store; others go on; it is tried again and recovers once."""
    platform = Platform(all_day("a"), spec("b", "12:00:10")).go(5)
    platform.programs.startable = False
    platform.go(30)
    assert platform.notifier.told == [("alert", "process/b/start")]
    assert platform.outcomes("a") == [RunOutcome.RUNNING]
    platform.programs.startable = True
    platform.go(30)
    assert platform.outcomes("b") == [RunOutcome.SUCCEEDED]
    assert platform.notifier.told == [("alert", "process/b/start"), ("recovery", "process/b/start")]


def test_a_child_that_refuses_to_run_is_not_started_all_the_time() -> None:
    """Exit code 4 or 0 without a run leaves no record and no alert, and is tried again every two seconds."""
    platform = Platform(spec("run"))
    platform.dies_at_birth["run"] = Refused.exit_code
    platform.go(60)
    assert 15 <= len(platform.programs.started()) <= 30
    assert platform.states.runs() == []
    assert platform.notifier.told == []


def test_a_child_over_its_memory_limit_is_killed() -> None:
    """Only the greedy one; its record names the figures; it comes back."""
    limits = Limits(memory_mb=100)
    platform = Platform(all_day("greedy", limits=limits), all_day("modest", limits=limits)).go(3)
    platform.programs.memory = {"greedy": 101.0, "modest": 99.0}
    platform.supervisor.enforce_limits()
    platform.programs.memory = {}
    platform.go(10)
    assert platform.outcomes("greedy") == [RunOutcome.CRASHED, RunOutcome.RUNNING]
    assert platform.reasons("greedy")[0] == "used 101 MB of memory, its limit is 100 MB"
    assert platform.outcomes("modest") == [RunOutcome.RUNNING]


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    """A second or a day back: a live run goes on, a day that is done stays done, no missed window is invented."""
    platform = Platform(all_day("watch"), spec("daily"))
    platform.go(5)
    for back in (timedelta(seconds=6), timedelta(days=1)):
        platform.clock._now -= back
        platform.go(20)
        platform.clock._now += back
        platform.go(5)
    assert platform.outcomes("watch") == [RunOutcome.RUNNING]
    assert platform.outcomes("daily") == [RunOutcome.SUCCEEDED]
    assert platform.notifier.told == []


def die_at_write(platform: Platform, number: int, side: str) -> bool:
    """Let the supervisor itself die at its `number`th write from now, counted from 0; whether it came to that."""
    platform.documents.fault = OnWrite(number, SupervisorDied(), side)
    try:
        platform.supervisor.step(platform.clock.now())
    except SupervisorDied:
        return True
    finally:
        platform.documents.fault = None
    return False


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", range(3))
def test_a_crash_is_told_although_the_supervisor_dies_with_it(number: int, side: str) -> None:
    """Whichever write the supervisor dies at while it closes a crashed run, the next one tells of it exactly once."""
    platform = Platform(all_day("run")).go(5)
    platform.die("run")
    assert die_at_write(platform, number, side)
    platform.states.close_dead(lambda _identity: False, platform.clock.now())
    platform.new_supervisor()
    platform.go(10)
    assert platform.notifier.told == [("alert", "process/run/crashed")]
    assert platform.states.state("run").untold == ()
    assert platform.outcomes("run")[0] is RunOutcome.CRASHED


def test_what_ended_while_no_supervisor_was_there_is_told_in_order() -> None:
    """A crash and then a success, by hand and with the supervisor dead: one alert, then its recovery, once."""
    platform = Platform(spec("run", "12:00:30"))
    for outcome in (RunOutcome.CRASHED, RunOutcome.SUCCEEDED):
        run = platform.states.begin("run", day=MONDAY, identity=Identity("here", "boot", 5, 5), now=NOON)
        assert not isinstance(run, Refused)
        platform.states.finish(run, outcome=outcome, reason="by hand", now=NOON)
    platform.new_supervisor()
    platform.go(5)
    platform.new_supervisor()
    platform.go(5)
    assert platform.notifier.told == [("alert", "process/run/crashed"), ("recovery", "process/run/crashed")]


def test_what_happened_during_an_outage_is_told_once_in_order_although_the_supervisor_died() -> None:
    """Three children die, one after the other, in a minute without store, and then the supervisor: the next one
    records and tells each once; nothing of it is told while the outage lasts but the outage."""
    platform = Platform(*(all_day(name) for name in "abc")).go(5)
    platform.documents.fault = outage
    for name in "cab":
        platform.die(name)
        for _ in range(40):
            platform.supervisor.step(platform.clock.now())
            platform.clock.sleep(0.5)
    assert platform.notifier.told == [("alert", "store")]
    platform.documents.fault = None
    platform.new_supervisor()
    platform.go(10)
    crashes = [key for key in platform.notifier.keys_told() if key != "store"]
    assert sorted(crashes) == [f"process/{name}/crashed" for name in "abc"]
    for name in "abc":
        assert platform.outcomes(name) == [RunOutcome.CRASHED, RunOutcome.RUNNING]
