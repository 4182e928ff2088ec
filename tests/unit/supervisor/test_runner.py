"""One run of a process: order, counts, errors, completion methods, control states, and what survives a crash."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import InvariantBroken, Refused, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    UNLIMITED,
    ControlState,
    MethodSpec,
    OnError,
    ProcessSpec,
    RunOutcome,
)
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import Start
from sysproduction.supervisor.runner import Ended, Idle, Runner, Worked, begin, bind
from tests.fakes import FaultyDocuments, OnWrite, ProgramDied, RecordingNotifier, outage

DAY = date(2024, 1, 15)
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
CLOSES = datetime(2024, 1, 15, 20, tzinfo=UTC)
COMPLETION = MethodSpec("tidy", run_on_completion_only=True)


class Run:
    """A process whose methods write down that they ran; `acts` says what one does besides."""

    def __init__(self, *methods: MethodSpec) -> None:
        self.spec = ProcessSpec("run", time(12), time(20), "UTC", methods)
        self.clock = SimulatedClock(NOON)
        self.documents = FaultyDocuments(MemoryDocuments())
        self.states = ProcessStates(self.documents)
        self.notifier = RecordingNotifier()
        self.ran: list[str] = []
        self.acts: dict[str, Callable[[], MethodResult]] = {}
        self.pid = 10

    def begin(self) -> Runner:
        self.pid += 1
        runner = begin(
            self.spec,
            {method.name: self._method(method.name) for method in self.spec.methods},
            states=self.states,
            notifier=self.notifier,
            clock=self.clock,
            identity=Identity("here", "boot", self.pid, 1),
            start=Start(DAY),
        )
        assert isinstance(runner, Runner)
        return runner

    def _method(self, name: str) -> Callable[[], MethodResult]:
        def method() -> MethodResult:
            self.ran.append(name)
            return self.acts.get(name, MethodResult)()

        return method

    def crash(self) -> Runner:
        """The program is gone; the supervisor closes its run and starts another."""
        self.states.close_dead(lambda identity: False, self.clock.now())
        return self.begin()

    def go(self, runner: Runner, seconds: float = 36_000, pace: float = 0.5) -> Ended | None:
        """Turns, sleeping where nothing is due, until the end or for so long."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            turn = runner.step(self.clock.now())
            if isinstance(turn, Ended):
                return turn
            if isinstance(turn, Idle):
                self.clock.sleep(pace)
        return None


def fail(error: BaseException) -> Callable[[], MethodResult]:
    def act() -> MethodResult:
        raise error

    return act


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
    [(MethodResult(), 110, 121), (MethodResult(problems=(Problem("CORN", ProblemKind.STALE, "old"),)), 11, 13)],
)
def test_a_method_without_interval_does_not_spin(result: MethodResult, least: int, most: int) -> None:
    """With nothing to do it rests half a second of machine time, with problems five seconds."""
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
    assert len(run.ran) > 1000
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
    assert [b - a for a, b in zip(moments, moments[1:], strict=False)] == pytest.approx([15, 30, 60], abs=0.5)  # noqa: RUF007
    assert [r.rows_written for r in run.states.method_runs() if r.method == "a"] == [3]
    assert run.states.progress("run", DAY)["a"].executions == 1
    assert run.notifier.told == [("alert", "method/run/a"), ("recovery", "method/run/a")]


def test_a_source_that_stays_away_fails_at_last() -> None:
    """After five repeats the execution counts, with its error."""
    run = Run(MethodSpec("a"))
    run.acts["a"] = fail(Unavailable("no feed"))
    assert run.go(run.begin()) == Ended(RunOutcome.FAILED, "failed: a")
    assert len(run.ran) == 6
    assert [r.error for r in run.states.method_runs()] == ["no feed"]


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
