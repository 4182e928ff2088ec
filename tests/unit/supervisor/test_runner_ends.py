"""How a run ends and what survives it: completion methods, control states, crashes, outages of the store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    UNLIMITED,
    ControlState,
    MethodSpec,
    RunOutcome,
)
from sysproduction.domain.results import MethodResult
from sysproduction.supervisor.planner import Start
from sysproduction.supervisor.runner import Ended, Idle, Runner, Worked, begin
from tests.fakes import OnWrite, ProgramDied, outage
from tests.one_run import CLOSES, COMPLETION, DAY, NOON, Run, fail


def stop_by_operator(run: Run, runner: Runner) -> None:
    run.states.set_control("run", ControlState.STOP)


def stop_by_signal(run: Run, runner: Runner) -> None:
    runner.request_stop("SIGTERM")


def close_window(run: Run, runner: Runner) -> None:
    run.clock.sleep(8 * 3600)


def fail_the_method(run: Run, runner: Runner) -> None:
    run.acts["a"] = fail(ValueError("no"))


def nothing(run: Run, runner: Runner) -> None: ...


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (nothing, RunOutcome.SUCCEEDED),
        (stop_by_operator, RunOutcome.STOPPED),
        (stop_by_signal, RunOutcome.STOPPED),
        (close_window, RunOutcome.SUCCEEDED),
        (fail_the_method, RunOutcome.FAILED),
    ],
)
def test_completion_methods_run_once_on_every_orderly_end(
    event: Callable[[Run, Runner], None], outcome: RunOutcome
) -> None:
    """All done, STOP, a signal, the window's end, an exception: each time once, after everything else."""
    run = Run(COMPLETION, MethodSpec("a", 1, 3), replace(COMPLETION, name="sweep"))
    runner = run.begin()
    runner.step(run.clock.now())
    event(run, runner)
    ended = run.go(runner)
    assert ended is not None
    assert ended.outcome is outcome
    assert run.ran[-2:] == ["tidy", "sweep"]
    assert run.ran.count("tidy") == run.ran.count("sweep") == 1
    assert runner.step(run.clock.now()) == ended
    stored = run.states.run(runner.run.run_id)
    assert stored is not None
    assert stored.outcome is outcome


def test_a_raising_completion_method_does_not_keep_the_next_from_running() -> None:
    """It makes the run FAILED; the next one runs all the same, and Unavailable is not waited for."""
    run = Run(MethodSpec("a"), COMPLETION, replace(COMPLETION, name="sweep"))
    run.acts["tidy"] = fail(Unavailable("no broker"))
    assert run.go(run.begin()) == Ended(RunOutcome.FAILED, "failed: tidy")
    assert run.ran == ["a", "tidy", "sweep"]


def test_a_stop_at_the_window_s_end_is_the_window_s_end() -> None:
    """TERM sent because the window closed must not turn a full day's success into STOPPED."""
    run = Run(MethodSpec("watch", 60, UNLIMITED))
    runner = run.begin()
    runner.step(NOON)
    run.clock.sleep(8 * 3600)
    runner.request_stop("SIGTERM")
    assert runner.step(run.clock.now()) == Ended(RunOutcome.SUCCEEDED, None)


def test_pause_runs_nothing_and_go_goes_on() -> None:
    """PAUSE is obeyed at the next turn, work goes on where it was, and a paused run still ends in time."""
    run = Run(MethodSpec("a"), MethodSpec("b"))
    runner = run.begin()
    runner.step(NOON)
    run.states.set_control("run", ControlState.PAUSE)
    assert runner.step(NOON) == Idle(CLOSES)
    run.states.set_control("run", ControlState.GO)
    assert runner.step(NOON) == Worked()
    paused = Run(MethodSpec("a"))
    runner = paused.begin()
    paused.states.set_control("run", ControlState.PAUSE)
    assert paused.go(runner, pace=600) == Ended(RunOutcome.STOPPED, "its window closed before a")


def test_no_run_does_not_end_what_runs() -> None:
    """NO-RUN only keeps a process from starting."""
    run = Run(MethodSpec("a"))
    runner = run.begin()
    run.states.set_control("run", ControlState.NO_RUN)
    assert run.go(runner) == Ended(RunOutcome.SUCCEEDED, None)


def test_counts_and_last_starts_survive_a_crash() -> None:
    """After a restart within the trading day only what is left is run, at the time at which it is due."""
    run = Run(MethodSpec("a"), MethodSpec("b", 30, 2), COMPLETION)
    runner = run.begin()
    runner.step(NOON)
    runner.step(NOON)
    run.clock.sleep(600)
    runner = run.crash()
    assert runner.step(run.clock.now()) == Idle(NOON + timedelta(minutes=30))
    assert run.go(runner) == Ended(RunOutcome.SUCCEEDED, None)
    assert run.ran == ["a", "b", "b", "tidy"]
    assert runner.run.number == 2


def test_a_method_cut_off_by_a_crash_runs_again_at_once() -> None:
    """Its start is stored, its end is not: it is due now, whatever its frequency, and did not count."""
    run = Run(MethodSpec("a", 60, 2))
    runner = run.begin()
    run.acts["a"] = fail(ProgramDied())
    with pytest.raises(ProgramDied):
        runner.step(NOON)
    run.acts.clear()
    runner = run.crash()
    assert runner.step(run.clock.now()) == Worked()
    assert run.states.progress("run", DAY)["a"].executions == 1


def test_another_trading_day_counts_anew() -> None:
    """Progress belongs to its day."""
    run = Run(MethodSpec("a"))
    run.go(run.begin())
    assert run.states.progress("run", DAY + timedelta(days=1)) == {}


@pytest.mark.parametrize("crash_first", [False, True])
def test_a_run_asked_for_again_counts_anew(crash_first: bool) -> None:
    """A day that is done is done again from the start, even if the first attempt dies before its first method."""
    run = Run(MethodSpec("a"), MethodSpec("b"), COMPLETION)
    run.go(run.begin())
    run.states.ask_again("run")
    runner = run.begin()
    if crash_first:
        runner = run.crash()
    assert run.go(runner) == Ended(RunOutcome.SUCCEEDED, None)
    assert run.ran == ["a", "b", "tidy"] * 2
    assert run.states.state("run").again is False


def test_a_removed_method_and_a_new_one_do_not_confuse_a_restart() -> None:
    """The configuration changed between two runs of a day: what is gone is forgotten, what is new runs."""
    run = Run(MethodSpec("old"), MethodSpec("kept", 60, 2))
    run.acts["old"] = fail(ValueError("no"))
    runner = run.begin()
    runner.step(NOON)
    runner.step(NOON)
    run.spec = replace(run.spec, methods=(MethodSpec("kept"), MethodSpec("new")))
    assert run.go(run.crash()) == Ended(RunOutcome.SUCCEEDED, None)
    assert run.ran == ["old", "kept", "new"]


def test_a_clock_set_back_during_a_method_repeats_nothing() -> None:
    """An end before its start is not taken for an execution that was cut off."""
    run = Run(MethodSpec("a", 60, 2))
    run.acts["a"] = lambda: run.clock.__setattr__("_now", NOON - timedelta(minutes=30)) or MethodResult()  # type: ignore[func-returns-value]
    runner = run.begin()
    runner.step(NOON)
    assert isinstance(runner.step(run.clock.now()), Idle)
    assert run.states.method_runs()[0].ended_at == NOON


def test_a_second_copy_is_refused() -> None:
    """While a run holds the process, begin says no."""
    run = Run(MethodSpec("a"))
    run.begin()
    again = begin(
        run.spec,
        {},
        states=run.states,
        notifier=run.notifier,
        clock=run.clock,
        identity=Identity("here", "boot", 99, 1),
        start=Start(DAY),
    )
    assert isinstance(again, Refused)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", range(17))
def test_a_step_that_met_an_outage_can_be_repeated(write: int, side: str) -> None:
    """Whichever write fails, before or after it took effect: repeating the step runs every method exactly as often
    as configured, in order, records each execution once, and ends the run once."""
    run = Run(MethodSpec("a"), MethodSpec("b", 0, 2), COMPLETION, MethodSpec("c"))
    runner = run.begin()
    run.documents.fault = OnWrite(write, Unavailable("no answer"), side)
    ended: Ended | None = None
    outages = 0
    while ended is None:
        try:
            ended = run.go(runner)
        except Unavailable:
            outages += 1
    assert outages == 1
    assert ended == Ended(RunOutcome.SUCCEEDED, None)
    assert run.ran == ["a", "b", "c", "b", "tidy"]
    assert sorted(r.method for r in run.states.method_runs()) == ["a", "b", "b", "c", "tidy"]
    assert [r.outcome for r in run.states.runs()] == [RunOutcome.SUCCEEDED]
    assert run.states.state("run").active is None


def test_the_store_going_away_for_long_stops_no_bookkeeping() -> None:
    """Steps raise Unavailable until it is back; then the method that ran is recorded and not run again."""
    run = Run(MethodSpec("a"))
    runner = run.begin()

    def act() -> MethodResult:
        run.documents.fault = outage
        return MethodResult(rows_written=7)

    run.acts["a"] = act
    for _ in range(3):
        with pytest.raises(Unavailable):
            runner.step(NOON)
    run.documents.fault = None
    assert run.go(runner) == Ended(RunOutcome.SUCCEEDED, None)
    assert run.ran == ["a"]
    assert [r.rows_written for r in run.states.method_runs()] == [7]
