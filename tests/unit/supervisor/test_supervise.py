"""The supervisor with real runners as its children: starts, crashes, windows and who is told."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sysproduction.domain.errors import InvariantBroken, Refused
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    ControlState,
    MethodSpec,
    RestartPolicy,
    RunOutcome,
)
from sysproduction.domain.results import MethodResult
from sysproduction.supervisor.planner import Wait
from tests.supervised import MONDAY, NOON, Platform, all_day, die, spec


def test_processes_start_when_their_window_opens() -> None:
    """Each process starts within half a second of its opening, in time order, and not before."""
    platform = Platform(spec("late", "12:00:20"), spec("early", "12:00:10")).go(9)
    assert platform.programs.started() == []
    platform.go(2)
    assert platform.programs.started() == ["early"]
    platform.go(10)
    assert platform.programs.started() == ["early", "late"]
    run = platform.states.runs(process="late")[0]
    assert run.started_at - NOON <= timedelta(seconds=20.5)


def test_a_dependant_starts_after_its_previous_process_succeeded() -> None:
    """Both windows are open; the dependant begins only after the other one's terminal record."""
    platform = Platform(spec("second", previous_process="first"), spec("first")).go(10)
    first, second = platform.states.runs(process="first")[0], platform.states.runs(process="second")[0]
    assert first.ended_at is not None
    assert second.started_at >= first.ended_at
    assert platform.outcomes("second") == [RunOutcome.SUCCEEDED]
    assert platform.programs.started() == ["first", "second"]


def test_a_dependant_is_not_satisfied_by_yesterday() -> None:
    """A run that succeeded on an earlier trading day, or crashed on this one, starts no dependant."""
    platform = Platform(spec("first"), spec("second", previous_process="first"))
    for day, outcome in ((MONDAY - timedelta(days=1), RunOutcome.SUCCEEDED), (MONDAY, RunOutcome.CRASHED)):
        run = platform.states.begin("first", day=day, identity=Identity("here", "boot", 5, 5), now=NOON)
        assert not isinstance(run, Refused)
        platform.states.finish(run, outcome=outcome, reason=None, now=NOON)
    platform.states.set_control("first", ControlState.NO_RUN)
    platform.go(20)
    assert platform.programs.started() == []
    assert "crashed today" in platform.supervisor.decisions["second"].reason  # type: ignore[union-attr]


def test_a_crash_is_told_once_and_the_process_is_back() -> None:
    """After kill -9: a CRASHED record with the signal, one alert, a new run, one recovery after a minute."""
    platform = Platform(all_day("run")).go(5)
    platform.die("run")
    platform.go(5)
    assert platform.outcomes("run") == [RunOutcome.CRASHED, RunOutcome.RUNNING]
    assert platform.reasons("run")[0] == "killed by SIGKILL"
    assert platform.notifier.told == [("alert", "process/run/crashed")]
    platform.go(130)
    assert platform.notifier.told == [("alert", "process/run/crashed"), ("recovery", "process/run/crashed")]


def test_restarts_come_slower_and_slower_and_then_stop() -> None:
    """A process that crashes at once: delays double up to the cap; after the limit it stays down for its day."""
    policy = RestartPolicy(backoff_seconds=2, backoff_seconds_max=10, crashes_max=5)
    platform = Platform(spec("run", restart=policy), spec("other"))
    platform.work["run"] = die
    platform.go(300, pace=1).go(5 * 3600, pace=60)
    runs = list(reversed(platform.states.runs(process="run")))
    starts = [run.started_at for run in runs]
    delays = [(b - a).total_seconds() for a, b in pairwise(starts)]
    assert platform.outcomes("run") == [RunOutcome.CRASHED] * 6
    assert delays == pytest.approx([2, 4, 6, 10, 12], abs=2.1)
    assert delays == sorted(delays)
    assert platform.notifier.keys_told() == ["process/run/crashed", "process/run/failed"]
    assert platform.outcomes("other") == [RunOutcome.SUCCEEDED]


def test_the_next_trading_day_begins_with_a_clean_slate() -> None:
    """FAILED by crashes is for one trading day: the next one starts it again and recovers both incidents once."""
    policy = RestartPolicy(backoff_seconds=1, crashes_max=2)
    platform = Platform(spec("run", restart=policy))
    platform.work["run"] = die
    platform.go(60)
    assert len(platform.outcomes("run")) == 3
    platform.clock.sleep(24 * 3600 - 60)
    platform.go(3)
    assert len(platform.outcomes("run")) > 3, "one crash of the new day must not meet yesterday's limit"
    platform.work["run"] = MethodResult
    platform.go(30)
    assert platform.outcomes("run")[-1] is RunOutcome.SUCCEEDED
    assert sorted(platform.notifier.keys_told("recovery")) == ["process/run/crashed", "process/run/failed"]


def test_an_operator_may_start_a_failed_process_again() -> None:
    """`again` after the crash limit counts crashes anew: one more crash is restarted, not FAILED at once."""
    platform = Platform(spec("run", restart=RestartPolicy(crashes_max=1)))
    platform.work["run"] = die
    platform.go(60)
    assert len(platform.outcomes("run")) == 2
    platform.states.ask_again("run")
    platform.go(60)
    assert len(platform.outcomes("run")) == 4


def test_the_limit_on_crashes_outlives_the_supervisor() -> None:
    """A process that is FAILED stays down under the next supervisor, which says nothing again; crashes of before an
    operator asked for it do not count there either."""
    platform = Platform(spec("run", restart=RestartPolicy(crashes_max=2)))
    platform.work["run"] = die
    platform.go(30)
    platform.new_supervisor()
    platform.go(60)
    assert len(platform.outcomes("run")) == 3
    assert platform.notifier.keys_told() == ["process/run/crashed", "process/run/failed"]
    platform.states.ask_again("run")
    platform.go(1)
    platform.new_supervisor()
    platform.go(60)
    assert len(platform.outcomes("run")) == 6


def test_a_supervisor_killed_between_crashes_counts_all_of_them() -> None:
    """Each crash is seen by another supervisor: the limit is the same as under one."""
    platform = Platform(spec("run", restart=RestartPolicy(backoff_seconds=1, crashes_max=2)))
    platform.work["run"] = die
    for _ in range(8):
        platform.go(3)
        platform.new_supervisor()
    platform.go(1)
    assert len(platform.outcomes("run")) == 3
    assert "FAILED: 3 crashes" in platform.supervisor.decisions["run"].reason  # type: ignore[union-attr]


def test_a_process_that_must_not_be_restarted_stays_down() -> None:
    """With restarts disabled one crash is the end of the day, for a new supervisor too."""
    platform = Platform(all_day("run", restart=RestartPolicy(enabled=False))).go(5)
    platform.die("run")
    platform.go(3 * 3600, pace=10)
    platform.new_supervisor()
    platform.go(60)
    assert platform.outcomes("run") == [RunOutcome.CRASHED]
    assert platform.notifier.keys_told() == ["process/run/failed"]


def test_a_child_that_dies_before_its_first_record_gets_one() -> None:
    """Each stillborn child leaves exactly one CRASHED record and counts towards the limit."""
    platform = Platform(spec("run", restart=RestartPolicy(crashes_max=2)))
    platform.dies_at_birth["run"] = 1
    platform.go(60)
    assert platform.outcomes("run") == [RunOutcome.CRASHED] * 3
    assert platform.reasons("run") == ["exit code 1: see its log"] * 3
    assert platform.programs.started("run") == ["run"] * 3


@pytest.mark.parametrize("begun", [False, True])
def test_a_configuration_error_is_not_restarted(begun: bool) -> None:
    """Exit code 2 makes the run FAILED, alerts once and leaves the process down, whenever the child noticed."""
    platform = Platform(all_day("run"))
    if begun:
        platform.go(3)
        platform.die("run", 2)
    else:
        platform.dies_at_birth["run"] = 2
    platform.go(7200, pace=5)
    assert platform.outcomes("run") == [RunOutcome.FAILED]
    assert platform.notifier.told == [("alert", "process/run/failed")]


def test_a_child_that_crashes_before_the_supervisor_saw_it_begin_keeps_its_exit_code() -> None:
    """Begin and death between two steps: one record, with the child's own exit code."""
    platform = Platform(all_day("run"))
    platform.supervisor.step(platform.clock.now())
    platform.programs.turn(platform.clock.now())
    platform.die("run", 2)
    platform.go(10)
    assert platform.outcomes("run") == [RunOutcome.FAILED]


def test_stop_ends_a_run_and_keeps_it_down() -> None:
    """STOP: an orderly end within a second, no restart; GO: it goes on."""
    platform = Platform(all_day("run")).go(5)
    platform.states.set_control("run", ControlState.STOP)
    platform.go(1)
    assert platform.outcomes("run") == [RunOutcome.STOPPED]
    platform.go(30)
    assert platform.programs.started() == ["run"]
    platform.states.set_control("run", ControlState.GO)
    platform.go(1)
    assert platform.outcomes("run") == [RunOutcome.STOPPED, RunOutcome.RUNNING]
    assert platform.notifier.told == []


def test_the_window_ends_a_run_that_lasts_all_day_as_succeeded() -> None:
    """Whether the runner or the supervisor notices the stop time first, the outcome is the same."""
    platform = Platform(all_day("run", stop="12:01")).go(70)
    assert platform.outcomes("run") == [RunOutcome.SUCCEEDED]
    assert platform.states.runs()[0].ended_at <= NOON + timedelta(seconds=61)  # type: ignore[operator]


def test_work_that_is_left_at_the_stop_time_is_told() -> None:
    """A method that never ran when the window closed makes the run STOPPED, with one alert."""
    methods = (MethodSpec("a"), MethodSpec("b", frequency=1, max_executions=2))
    platform = Platform(spec("run", stop="12:00:30", methods=methods))
    platform.go(1)
    platform.states.set_control("run", ControlState.PAUSE)
    platform.go(60)
    assert platform.outcomes("run") == [RunOutcome.STOPPED]
    assert platform.notifier.told == [("alert", f"missed/run/{MONDAY}")]


def test_a_window_that_closes_without_a_run_is_told_once() -> None:
    """A process that waited in vain alerts at its deadline; one that the operator holds back does not."""
    platform = Platform(
        spec("never", "18:00"), spec("waits", stop="12:00:30", previous_process="never"), spec("held", stop="12:00:30")
    )
    platform.states.set_control("held", ControlState.NO_RUN)
    platform.go(60)
    assert platform.notifier.told == [("alert", f"missed/waits/{MONDAY}")]
    assert "waits for never" in platform.notifier.alerts[0].text


def test_a_dependant_of_a_failed_process_is_one_incident_and_recovers() -> None:
    """The failed process and its blocked dependant alert once each; both recover once it is mended."""
    platform = Platform(spec("first"), spec("second", previous_process="first"))

    def fail() -> MethodResult:
        raise InvariantBroken("two and two is five")

    platform.work["first"] = fail
    platform.go(20)
    told = ["method/first/work", "process/first/failed", f"missed/second/{MONDAY}"]
    assert platform.notifier.keys_told() == told
    platform.work["first"] = MethodResult
    platform.states.ask_again("first")
    platform.go(20)
    assert platform.notifier.keys_told() == told
    assert sorted(platform.notifier.keys_told("recovery")) == sorted(told)
    assert platform.outcomes("second") == [RunOutcome.SUCCEEDED]


def test_a_run_across_midnight_keeps_its_trading_day() -> None:
    """Crashed and restarted after midnight, the run still counts for the day on which its window opened."""
    start = datetime(2024, 1, 15, 22, tzinfo=UTC)
    platform = Platform(all_day("run", "22:00", "03:00"), start=start).go(5)
    platform.go(2.5 * 3600, pace=60)
    platform.die("run")
    platform.go(10)
    assert [run.run_id for run in platform.states.runs()] == [f"run/{MONDAY}/2", f"run/{MONDAY}/1"]
    platform.go(3 * 3600, pace=60)
    assert platform.outcomes("run") == [RunOutcome.CRASHED, RunOutcome.SUCCEEDED]


def test_the_wait_is_never_longer_than_the_next_deadline() -> None:
    """A step asks to be called again at the opening, not half a second later."""
    platform = Platform(spec("run", "12:00:00.3"[:8]), start=NOON - timedelta(milliseconds=200))
    assert platform.step() == pytest.approx(0.2)
    assert isinstance(platform.supervisor.decisions["run"], Wait)
