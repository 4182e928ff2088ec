"""One run of a process: order, frequency, counts, errors, problems, retries, chatter."""

from datetime import time, timedelta
from typing import Any

import pytest

from sysproduction.domain.errors import ConfigError, InvariantBroken, Unavailable
from sysproduction.domain.processes import (
    UNLIMITED,
    MethodSpec,
    OnError,
    ProcessSpec,
    RunOutcome,
)
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.supervisor.runner import Ended, Idle, Worked, bind
from tests.fakes import OnWrite, ProgramDied
from tests.one_run import CLOSES, COMPLETION, DAY, NOON, Run, fail


def test_methods_run_in_configured_order_one_a_turn() -> None:
    """Each step runs exactly one method; the end comes in a step of its own."""
    run = Run(MethodSpec("c"), MethodSpec("a"), MethodSpec("b"))
    runner = run.begin()
    for expected in (["c"], ["c", "a"], ["c", "a", "b"]):
        assert runner.step(NOON) == Worked()
        assert run.ran == expected
    assert runner.step(NOON) == Ended(RunOutcome.SUCCEEDED, None)
    assert runner.step(NOON) == Ended(RunOutcome.SUCCEEDED, None)
    assert sorted(r.method for r in run.states.method_runs()) == ["a", "b", "c"]


def test_a_method_is_due_again_after_its_frequency() -> None:
    """Minutes between starts, to the second, and never more often than max_executions."""
    run = Run(MethodSpec("a", frequency=10, max_executions=3), MethodSpec("b", frequency=7, max_executions=2))
    run.acts["a"] = lambda: run.clock.sleep(60) or MethodResult()  # type: ignore[func-returns-value]
    run.go(run.begin(), pace=1)
    starts = {n: [r.started_at for r in reversed(run.states.method_runs()) if r.method == n] for n in "ab"}
    assert starts["a"] == [NOON + timedelta(minutes=m) for m in (0, 10, 20)]
    assert starts["b"] == [NOON + timedelta(minutes=m) for m in (1, 8)]


def test_idle_says_until_when() -> None:
    """The earliest next start among the methods that have executions left."""
    run = Run(MethodSpec("a", 30, 2), MethodSpec("b", 10, 1), MethodSpec("c", 20, 5))
    runner = run.begin()
    for _ in range(3):
        runner.step(NOON)
    assert runner.step(NOON) == Idle(NOON + timedelta(minutes=20))


def test_an_unlimited_method_runs_until_the_window_closes() -> None:
    """The run succeeds at its stop time, with a count of one per interval."""
    run = Run(MethodSpec("watch", 60, UNLIMITED))
    assert run.go(run.begin(), pace=60) == Ended(RunOutcome.SUCCEEDED, None)
    assert len(run.ran) == 8
    assert run.clock.now() == CLOSES


def test_methods_without_interval_take_turns() -> None:
    """Busy frequency-0 methods starve neither each other nor one with an interval."""
    busy = [MethodSpec(name, 0, UNLIMITED) for name in "ab"]
    run = Run(busy[0], MethodSpec("slow", 1, UNLIMITED), busy[1])
    for name in "ab":
        run.acts[name] = lambda: run.clock.sleep(1) or MethodResult(items=1)  # type: ignore[func-returns-value]
    run.go(run.begin(), 600)
    assert abs(run.ran.count("a") - run.ran.count("b")) <= 1
    assert run.ran.count("slow") == 10
    assert run.ran[:3] == ["a", "slow", "b"]


@pytest.mark.parametrize(
    ("result", "least", "most"),
    [(MethodResult(), 65, 75), (MethodResult(problems=(Problem("CORN", ProblemKind.STALE, "old"),)), 11, 13)],
)
def test_a_method_without_interval_does_not_spin(result: MethodResult, least: int, most: int) -> None:
    """With nothing to do it rests half a second of machine time, after ten of them a whole one, with problems five."""
    run = Run(MethodSpec("watch", 0, UNLIMITED))
    run.acts["watch"] = lambda: result
    run.go(run.begin(), 60)
    assert least <= len(run.ran) <= most


def test_chatter_is_recorded_once_a_minute() -> None:
    """Good executions of a frequency-0 method: one record a minute, and as few writes."""
    run = Run(MethodSpec("watch", 0, UNLIMITED))
    runner = run.begin()
    writes = OnWrite(10**9, ProgramDied())
    run.documents.fault = writes
    run.go(runner, 600)
    assert len(run.ran) > 500
    assert 9 <= len(run.states.method_runs()) <= 11
    assert writes.seen <= 40


def test_errors_of_a_chatterer_are_all_recorded() -> None:
    """And each of them waits five seconds; the last execution decides the outcome."""
    run = Run(MethodSpec("watch", 0, UNLIMITED))
    run.acts["watch"] = fail(ValueError("no"))
    runner = run.begin()
    run.go(runner, 60)
    assert 11 <= len(run.states.method_runs()) == len(run.ran) <= 13
    assert run.notifier.keys_told() == ["method/run/watch"]
    run.acts.clear()
    run.go(runner, 1)
    assert run.notifier.keys_told("recovery") == ["method/run/watch"]
    assert run.go(runner, pace=60) == Ended(RunOutcome.SUCCEEDED, None)


def test_an_error_does_not_shorten_an_interval() -> None:
    """An unlimited hourly method that raises runs again in an hour, not in five seconds."""
    run = Run(MethodSpec("hourly", 60, UNLIMITED))
    run.acts["hourly"] = fail(ValueError("no"))
    run.go(run.begin(), 3 * 3600, pace=5)
    assert len(run.ran) == 3


def test_executions_at_one_moment_are_all_recorded() -> None:
    """Market time may stand still: three executions that start together are three records."""
    run = Run(MethodSpec("quick", 0, 3))
    assert run.go(run.begin()) == Ended(RunOutcome.SUCCEEDED, None)
    assert len(run.states.method_runs()) == 3


def test_a_raising_method_does_not_stop_the_others() -> None:
    """It is recorded with its reason and alerted once, the others run, the run is FAILED."""
    run = Run(MethodSpec("bad"), MethodSpec("good"))
    run.acts["bad"] = fail(ValueError("no price"))
    assert run.go(run.begin()) == Ended(RunOutcome.FAILED, "failed: bad")
    assert run.ran == ["bad", "good"]
    errors = {r.method: r.error for r in run.states.method_runs()}
    assert errors == {"bad": "ValueError: no price", "good": None}
    assert [(a.key, a.text) for a in run.notifier.alerts] == [("method/run/bad", "ValueError: no price")]


@pytest.mark.parametrize(
    ("on_error", "error"), [(OnError.STOP, ValueError("no")), (OnError.CONTINUE, InvariantBroken("no"))]
)
def test_an_error_can_end_the_process(on_error: OnError, error: Exception) -> None:
    """By configuration, or because stored state contradicts itself: others do not run, completion methods do."""
    run = Run(MethodSpec("bad", on_error=on_error), MethodSpec("good"), COMPLETION)
    run.acts["bad"] = fail(error)
    assert run.go(run.begin()) == Ended(RunOutcome.FAILED, "failed: bad")
    assert run.ran == ["bad", "tidy"]


def test_a_method_that_succeeds_at_last_makes_a_success() -> None:
    """The last execution of each method decides, and its recovery is told once."""
    run = Run(MethodSpec("a", 1, 3))
    results = iter([fail(ValueError("1")), MethodResult, MethodResult])
    run.acts["a"] = lambda: next(results)()  # type: ignore[operator]
    assert run.go(run.begin()) == Ended(RunOutcome.SUCCEEDED, None)
    assert run.notifier.told == [("alert", "method/run/a"), ("recovery", "method/run/a")]


def test_problems_are_recorded_told_and_recovered() -> None:
    """Skipped items are one alert with their reasons, ended by the next clean execution."""
    run = Run(MethodSpec("a", 1, 3))
    spike = MethodResult(1, 2, (Problem("CORN", ProblemKind.SPIKE, "too far"),))
    results = iter([spike, spike, MethodResult()])
    run.acts["a"] = lambda: next(results)
    assert run.go(run.begin()) == Ended(RunOutcome.SUCCEEDED, None)
    assert [kind for kind, _ in run.notifier.told] == ["alert", "recovery"]
    assert run.notifier.alerts[0].text == "CORN: spike: too far"
    assert run.states.method_runs()[-1].problems == ({"item": "CORN", "kind": "spike", "reason": "too far"},)


def test_an_unreachable_source_is_tried_again_and_not_counted() -> None:
    """Others run meanwhile; delays double; the execution that gets through is the one that counts."""
    run = Run(MethodSpec("a", 60, 1), MethodSpec("b"))
    moments: list[float] = []

    def act() -> MethodResult:
        moments.append(run.clock.monotonic())
        if len(moments) < 4:
            raise Unavailable("no feed")
        return MethodResult(rows_written=3)

    run.acts["a"] = act
    assert run.go(run.begin()) == Ended(RunOutcome.SUCCEEDED, None)
    assert run.ran[:2] == ["a", "b"]
    assert [b - a for a, b in zip(moments, moments[1:], strict=False)] == pytest.approx([1, 2, 4], abs=0.5)  # noqa: RUF007
    assert [r.rows_written for r in run.states.method_runs() if r.method == "a"] == [3]
    assert run.states.progress("run", DAY)["a"].executions == 1
    assert run.notifier.told == [("alert", "method/run/a"), ("recovery", "method/run/a")]


def test_a_source_that_stays_away_fails_at_last() -> None:
    """After nine repeats, in eight and a half minutes, the execution counts, with its error."""
    run = Run(MethodSpec("a"))
    run.acts["a"] = fail(Unavailable("no feed"))
    assert run.go(run.begin()) == Ended(RunOutcome.FAILED, "failed: a")
    assert len(run.ran) == 10
    assert run.clock.monotonic() == pytest.approx(511, abs=5)
    assert [r.error for r in run.states.method_runs()] == ["no feed"]


def test_bind_gives_each_method_the_world_and_its_arguments() -> None:
    """Configured arguments are keywords of the call."""
    calls: list[Any] = []

    def method(world: Any, **arguments: Any) -> MethodResult:
        calls.append((world, arguments))
        return MethodResult()

    spec = ProcessSpec("run", time(1), time(2), "UTC", (MethodSpec("a", arguments={"x": 1}), MethodSpec("b")))
    bound = bind({"a": method, "b": method}, spec, "world")
    bound["a"]()
    bound["b"]()
    assert calls == [("world", {"x": 1}), ("world", {})]


def test_bind_refuses_arguments_that_a_method_does_not_take() -> None:
    """A method that is not there, too; each is named, and nothing is called."""

    def method(world: Any) -> MethodResult:
        raise AssertionError(world)

    for spec in (MethodSpec("a", arguments={"paris": 1}), MethodSpec("b")):
        process = ProcessSpec("run", time(1), time(2), "UTC", (spec,))
        with pytest.raises(ConfigError, match=f"run.{spec.name} cannot be called as configured .*sysproduction check"):
            bind({"a": method}, process, "world")
