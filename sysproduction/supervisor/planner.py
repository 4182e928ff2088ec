"""What to do with one process now: start it, stop it, or wait and say why; pure, so a simulation can ask too."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sysproduction.domain.processes import ControlState, ProcessSpec, ProcessState, RestartPolicy, RunOutcome
from sysproduction.supervisor.windows import Window, coming_windows, current_window, window_of


@dataclass(frozen=True, slots=True)
class Start:
    """Start a run of this trading day."""

    day: date


class Cause(StrEnum):
    """What a process waits for."""

    RUNNING = "running"
    WINDOW = "window"
    CONTROL = "control"
    RESULT = "result"
    CRASHES = "crashes"
    DEPENDENCY = "dependency"


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing. `until`: the market moment at which the answer may change by itself; `seconds`: machine time
    after which it may; `blocked`: it will not change without a human or another process."""

    cause: Cause
    reason: str
    until: datetime | None = None
    seconds: float | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """End the live run."""

    reason: str


Decision = Start | Wait | Stop


@dataclass(frozen=True, slots=True)
class History:
    """What the planner knows: the stored state of the process and of its previous process, and how many machine
    seconds ago each crash of the trading day was."""

    state: ProcessState
    previous: ProcessState | None = None
    crash_ages: tuple[float, ...] = ()


def decide(spec: ProcessSpec, history: History, now: datetime) -> Decision:
    """The one decision for this process at market time `now`."""
    window = current_window(spec, now)
    if history.state.active is not None:
        return _while_running(history.state, window_of(spec, history.state.active.day), now)
    if window is None:
        opens = next(coming_windows(spec, now)).opens
        return Wait(Cause.WINDOW, f"window opens at {_stamp(opens)}", until=opens)
    refusal = (
        _control(history.state, window)
        or _result(history.state, window)
        or _crashes(spec.restart, history, window)
        or _dependency(spec, history, window)
    )
    return refusal or Start(window.day)


def crash_limit_reached(policy: RestartPolicy, crash_ages: tuple[float, ...]) -> bool:
    """Whether the crashes of a trading day forbid another start, however long ago they were."""
    if not policy.enabled:
        return bool(crash_ages)
    ages = sorted(crash_ages)
    spans = (last - first for first, last in zip(ages, ages[policy.crashes_max :], strict=False))
    return any(span <= policy.period_minutes * 60 for span in spans)


def _while_running(state: ProcessState, window: Window | None, now: datetime) -> Decision:
    if state.control is ControlState.STOP:
        return Stop("the operator said STOP")
    if window is None or now >= window.closes:
        return Stop("its window has closed")
    paused = " (paused)" if state.control is ControlState.PAUSE else ""
    return Wait(Cause.RUNNING, f"running{paused}", until=window.closes)


def _control(state: ProcessState, window: Window) -> Wait | None:
    if state.control is ControlState.GO:
        return None
    return Wait(Cause.CONTROL, f"control state is {state.control}", until=window.closes, blocked=True)


def _result(state: ProcessState, window: Window) -> Wait | None:
    outcome = None if state.again else state.outcome_of(window.day)
    match outcome:
        case RunOutcome.SUCCEEDED:
            return Wait(Cause.RESULT, "done for this trading day", until=window.closes)
        case RunOutcome.FAILED:
            reason = f"failed today; mend it, then `sysproduction start {state.process}`"
        case RunOutcome.SKIPPED:
            reason = f"missed its start and is skipped today; `sysproduction start {state.process}` runs it"
        case _:
            return None
    return Wait(Cause.RESULT, reason, until=window.closes, blocked=True)


def _crashes(policy: RestartPolicy, history: History, window: Window) -> Wait | None:
    state = history.state
    if state.again or state.outcome_of(window.day) is not RunOutcome.CRASHED:
        return None
    if not policy.enabled:
        return Wait(
            Cause.CRASHES,
            f"crashed and is not to be restarted; mend it, then `sysproduction start {state.process}`",
            until=window.closes,
            blocked=True,
        )
    if not history.crash_ages:
        return None
    if crash_limit_reached(policy, history.crash_ages):
        crashes = len(history.crash_ages)
        return Wait(
            Cause.CRASHES,
            f"FAILED: {crashes} crashes; mend it, then `sysproduction start {state.process}`",
            until=window.closes,
            blocked=True,
        )
    left = _delay(policy, history.crash_ages) - min(history.crash_ages)
    return Wait(Cause.CRASHES, f"restarts in {left:.1f} s after a crash", seconds=left) if left > 0 else None


def _delay(policy: RestartPolicy, crash_ages: tuple[float, ...]) -> float:
    """Seconds from the last crash to its restart: none after the first within the period."""
    recent = sum(age <= policy.period_minutes * 60 for age in crash_ages)
    return 0.0 if recent < 2 else min(policy.backoff_seconds * 2 ** (recent - 2), policy.backoff_seconds_max)


def _dependency(spec: ProcessSpec, history: History, window: Window) -> Wait | None:
    if spec.previous_process is None:
        return None
    previous = history.previous or ProcessState(spec.previous_process)
    outcome = previous.outcome_of(window.day)
    if outcome is RunOutcome.SUCCEEDED:
        return None
    if previous.active is not None and previous.active.day == window.day:
        return Wait(Cause.DEPENDENCY, f"waits for {previous.process}, which is running", until=window.closes)
    ended = f"{outcome} today" if outcome else "has not run today"
    return Wait(
        Cause.DEPENDENCY,
        f"waits for {previous.process}, which {ended}",
        until=window.closes,
        blocked=outcome is RunOutcome.FAILED,
    )


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
