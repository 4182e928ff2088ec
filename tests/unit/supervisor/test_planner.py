"""The planner: every answer it can give, and the facts that lead to each."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    ActiveRun,
    ControlState,
    MethodSpec,
    ProcessSpec,
    ProcessState,
    RestartPolicy,
    RunOutcome,
)
from sysproduction.supervisor.planner import Decision, History, Start, Stop, Wait, crash_limit_reached, decide

DAY = date(2024, 1, 15)
YESTERDAY = DAY - timedelta(days=1)
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
SPEC = ProcessSpec("run", time(10), time(14), "UTC", (MethodSpec("work"),))
CLOSES = datetime(2024, 1, 15, 14, tzinfo=UTC)
POLICY = RestartPolicy(backoff_seconds=2, backoff_seconds_max=10, crashes_max=3, period_minutes=60)


def state(
    outcome: RunOutcome | None = None,
    *,
    day: date = DAY,
    control: ControlState = ControlState.GO,
    active: date | None = None,
    again: bool = False,
    name: str = "run",
) -> ProcessState:
    run = ActiveRun("id", active, 1, Identity("h", "b", 1, 1), NOON) if active else None
    return ProcessState(name, control, run, outcomes=((day, outcome),) if outcome else (), again=again)


def ask(
    known: ProcessState | None = None,
    *,
    previous: ProcessState | None = None,
    ages: tuple[float, ...] = (),
    now: datetime = NOON,
    spec: ProcessSpec = SPEC,
) -> Decision:
    return decide(spec, History(known or state(), previous, ages), now)


def waits(decision: Decision) -> Wait:
    assert isinstance(decision, Wait)
    return decision


def test_a_process_never_seen_starts_in_its_window() -> None:
    """From the opening moment on, until just before the closing one."""
    for now in (NOON.replace(hour=10), CLOSES - timedelta(microseconds=1)):
        assert ask(now=now) == Start(DAY)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (datetime(2024, 1, 15, 9, 59, 59, tzinfo=UTC), datetime(2024, 1, 15, 10, tzinfo=UTC)),
        (CLOSES, datetime(2024, 1, 16, 10, tzinfo=UTC)),
        (datetime(2024, 1, 19, 15, tzinfo=UTC), datetime(2024, 1, 22, 10, tzinfo=UTC)),
    ],
)
def test_outside_its_window_it_waits_for_the_next_opening(now: datetime, opens: datetime) -> None:
    """Before it, after it, and over the weekend."""
    assert waits(ask(now=now)).until == opens


def test_a_live_run_goes_on_until_its_window_closes() -> None:
    """Waiting while it is open, stopping at the close, and neither NO-RUN nor PAUSE ends it."""
    for control in (ControlState.GO, ControlState.NO_RUN, ControlState.PAUSE):
        assert waits(ask(state(active=DAY, control=control))).until == CLOSES
    assert ask(state(active=DAY), now=CLOSES) == Stop("its window has closed")
    assert ask(state(active=YESTERDAY)) == Stop("its window has closed")
    assert "paused" in waits(ask(state(active=DAY, control=ControlState.PAUSE))).reason


def test_a_live_run_obeys_stop() -> None:
    """STOP ends it, even though its window is open."""
    assert ask(state(active=DAY, control=ControlState.STOP)) == Stop("the operator said STOP")


def test_a_live_run_outlives_a_small_step_back_of_the_clock() -> None:
    """A clock that falls back before the opening does not end what has begun."""
    assert isinstance(ask(state(active=DAY), now=NOON.replace(hour=9, minute=59)), Wait)


def test_a_run_whose_weekday_was_taken_away_stops() -> None:
    """A new configuration without that day leaves it no window."""
    assert isinstance(ask(state(active=DAY), spec=replace(SPEC, days=frozenset({1}))), Stop)


@pytest.mark.parametrize("control", [ControlState.NO_RUN, ControlState.STOP, ControlState.PAUSE])
def test_only_go_starts(control: ControlState) -> None:
    """Every other control state blocks a start."""
    answer = waits(ask(state(control=control)))
    assert answer.blocked
    assert str(control) in answer.reason


@pytest.mark.parametrize(("outcome", "blocked"), [(RunOutcome.SUCCEEDED, False), (RunOutcome.FAILED, True)])
def test_a_day_with_a_result_has_no_other_run(outcome: RunOutcome, blocked: bool) -> None:
    """Unless it is of another day, or the operator asks again."""
    assert waits(ask(state(outcome))).blocked is blocked
    assert ask(state(outcome, again=True)) == Start(DAY)
    assert ask(state(outcome, day=YESTERDAY)) == Start(DAY)


def test_a_stopped_day_goes_on() -> None:
    """STOPPED leaves work, so GO starts it again."""
    assert ask(state(RunOutcome.STOPPED)) == Start(DAY)


@pytest.mark.parametrize(
    ("ages", "seconds"),
    [((0.0,), None), ((0.5, 2), 1.5), ((1, 3, 5), 3), ((0, 4, 6), 4), ((2.5, 4), None), ((0, 3700), None)],
)
def test_a_crash_waits_longer_each_time(ages: tuple[float, ...], seconds: float | None) -> None:
    """The first restarts at once, the next after 2 s, doubling, counted from the last crash; what is older than the
    period does not count."""
    answer = ask(state(RunOutcome.CRASHED), ages=ages, spec=replace(SPEC, restart=POLICY))
    if seconds is None:
        assert answer == Start(DAY)
    else:
        assert waits(answer).seconds == pytest.approx(seconds)


def test_the_backoff_is_capped() -> None:
    """However many crashes, never longer than backoff_seconds_max."""
    policy = replace(POLICY, crashes_max=2000)
    answer = ask(state(RunOutcome.CRASHED), ages=(0.0,) * 1500, spec=replace(SPEC, restart=policy))
    assert waits(answer).seconds == 10


@pytest.mark.parametrize(
    ("ages", "reached"),
    [
        ((), False),
        ((1, 2, 3), False),
        ((1, 2, 3, 4), True),
        ((1, 2, 3, 3605), False),
        ((9001, 9002, 9003, 9004), True),
        ((10, 9001, 9002, 9003, 9004), True),
        ((10, 1500, 3000, 4500, 6000), False),
    ],
)
def test_the_limit_is_a_number_of_crashes_within_a_period(ages: tuple[float, ...], reached: bool) -> None:
    """More than crashes_max within the period, and once reached it stays so however much time passes."""
    assert crash_limit_reached(POLICY, ages) is reached
    answer = ask(state(RunOutcome.CRASHED), ages=ages, spec=replace(SPEC, restart=POLICY))
    assert (isinstance(answer, Wait) and answer.blocked) is reached


def test_crashes_of_an_earlier_day_and_again_do_not_block() -> None:
    """The limit holds for its trading day, and an operator overrides it."""
    spec = replace(SPEC, restart=POLICY)
    assert ask(state(RunOutcome.CRASHED, day=YESTERDAY), ages=(1, 2, 3, 4), spec=spec) == Start(DAY)
    assert ask(state(RunOutcome.CRASHED, again=True), ages=(1, 2, 3, 4), spec=spec) == Start(DAY)


def test_a_crash_that_this_supervisor_did_not_see_restarts_at_once() -> None:
    """No ages are known after a restart of the supervisor."""
    assert ask(state(RunOutcome.CRASHED)) == Start(DAY)


@pytest.mark.parametrize("ages", [(), (1.0,), (90_000.0,)])
def test_without_restarts_a_crash_is_final(ages: tuple[float, ...]) -> None:
    """However long ago, and whether this supervisor saw it or not."""
    spec = replace(SPEC, restart=replace(POLICY, enabled=False))
    assert waits(ask(state(RunOutcome.CRASHED), ages=ages, spec=spec)).blocked
    assert ask(state(RunOutcome.CRASHED, again=True), ages=ages, spec=spec) == Start(DAY)


@pytest.mark.parametrize(
    ("previous", "starts", "blocked"),
    [
        (None, False, False),
        (state(RunOutcome.SUCCEEDED, name="first"), True, False),
        (state(RunOutcome.SUCCEEDED, day=YESTERDAY, name="first"), False, False),
        (state(RunOutcome.SUCCEEDED, active=DAY, name="first"), False, False),
        (state(RunOutcome.SUCCEEDED, active=YESTERDAY, name="first"), True, False),
        (state(RunOutcome.CRASHED, name="first"), False, False),
        (state(RunOutcome.STOPPED, name="first"), False, False),
        (state(RunOutcome.FAILED, name="first"), False, True),
    ],
)
def test_a_dependant_needs_a_success_of_the_same_day(
    previous: ProcessState | None, starts: bool, blocked: bool
) -> None:
    """Never run, yesterday, running again, crashed, stopped or failed: none of them is a success of today."""
    answer = ask(previous=previous, spec=replace(SPEC, previous_process="first"))
    assert (answer == Start(DAY)) is starts
    if not starts:
        assert "first" in waits(answer).reason
        assert waits(answer).blocked is blocked


@pytest.mark.parametrize("hour", [23, 2])
def test_a_window_across_midnight_keeps_its_trading_day(hour: int) -> None:
    """22:00 to 03:00 is of the day on which it opened, and looks for that day's results."""
    spec = replace(SPEC, start_time=time(22), stop_time=time(3), previous_process="first")
    now = datetime(2024, 1, 15 if hour > 12 else 16, hour, tzinfo=UTC)
    done = state(RunOutcome.SUCCEEDED, name="first")
    assert ask(previous=done, now=now, spec=spec) == Start(DAY)
    assert isinstance(ask(state(RunOutcome.SUCCEEDED), previous=done, now=now, spec=spec), Wait)
    assert isinstance(ask(state(active=DAY), now=now, spec=spec), Wait)


def test_a_trading_day_is_a_local_date() -> None:
    """At 00:30 UTC it is still yesterday in New York."""
    spec = replace(SPEC, timezone="America/New_York", start_time=time(19), stop_time=time(23))
    assert ask(now=datetime(2024, 1, 16, 0, 30, tzinfo=UTC), spec=spec) == Start(DAY)
