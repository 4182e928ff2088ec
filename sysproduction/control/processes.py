"""Processes as an operator sees and steers them: status, control states, summaries of what ran."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    ControlState,
    MethodRun,
    ProcessRun,
    ProcessSpec,
    ProcessState,
    RunOutcome,
)
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import History, Start, Stop, decide

ALL = "all"


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One line of `sysproduction status`. `state` is running, dead (its program is gone, its record not closed),
    or the outcome of its last trading day; `next` says what the planner would do and why."""

    process: str
    control: ControlState
    state: str
    pid: int | None
    day: date | None
    since: datetime | None
    next: str


@dataclass(frozen=True, slots=True)
class ProcessSummary:
    """What one process did in one trading day, over all its runs."""

    process: str
    day: date
    outcome: RunOutcome
    runs: int
    methods_run: int
    methods_failed: int
    rows_written: int
    problems: tuple[dict[str, str], ...]


def overview(
    specs: Sequence[ProcessSpec], states: ProcessStates, alive: Callable[[Identity], bool], now: datetime
) -> list[ProcessStatus]:
    """Status of every configured process, in configured order."""
    stored = states.states()
    return [_status(spec, stored, alive, now) for spec in specs]


def named(specs: Sequence[ProcessSpec], names: Iterable[str]) -> list[ProcessSpec]:
    """The processes of these names ("all" is every one); raises ConfigError with a suggestion."""
    known = {spec.name: spec for spec in specs}
    found: list[ProcessSpec] = []
    for name in names:
        if name == ALL:
            found.extend(specs)
        elif name in known:
            found.append(known[name])
        else:
            raise ConfigError(f"no process is named {name}{_suggest(name, known)}")
    return found


def set_control(states: ProcessStates, specs: Iterable[ProcessSpec], control: ControlState) -> list[ProcessState]:
    """Write the control state of these processes."""
    return [states.set_control(spec.name, control) for spec in specs]


def start(states: ProcessStates, specs: Iterable[ProcessSpec]) -> list[ProcessState]:
    """Let these processes run, once more if their trading day already has a result."""
    return [states.ask_again(spec.name) for spec in specs]


def summarise(states: ProcessStates, since: datetime | None = None) -> list[ProcessSummary]:
    """What ran since then, by trading day and process, oldest first."""
    methods: dict[str, list[MethodRun]] = {}
    for execution in states.method_runs(since=since):
        methods.setdefault(execution.run_id, []).append(execution)
    days: dict[tuple[date, str], list[ProcessRun]] = {}
    for run in reversed(states.runs(since=since)):
        days.setdefault((run.day, run.process), []).append(run)
    return [_summary(runs, [m for run in runs for m in methods.get(run.run_id, [])]) for runs in days.values()]


def unsuccessful(specs: Sequence[ProcessSpec], summaries: Sequence[ProcessSummary]) -> list[str]:
    """Configured processes without any success, and those with another outcome on some day, as sentences."""
    ran = {summary.process for summary in summaries}
    missing = [f"{spec.name} has not run" for spec in specs if spec.name not in ran]
    bad = [s for s in summaries if s.outcome is not RunOutcome.SUCCEEDED]
    return missing + [f"{s.process} {s.outcome} on {s.day}" for s in bad]


def _status(
    spec: ProcessSpec, stored: dict[str, ProcessState], alive: Callable[[Identity], bool], now: datetime
) -> ProcessStatus:
    state = stored.get(spec.name, ProcessState(spec.name))
    previous = stored.get(spec.previous_process) if spec.previous_process else None
    decision = decide(spec, History(state, previous), now)
    reason = "due now: the supervisor starts it" if isinstance(decision, Start) else decision.reason
    if isinstance(decision, Stop):
        reason = f"is to stop: {reason}"
    active = state.active
    if active is None:
        outcome = dict(state.outcomes).get(state.last_day) if state.last_day else None
        shown = str(outcome) if outcome else "never ran"
        return ProcessStatus(spec.name, state.control, shown, None, state.last_day, None, reason)
    shown = "running" if alive(active.identity) else "dead"
    return ProcessStatus(spec.name, state.control, shown, active.identity.pid, active.day, active.started_at, reason)


def _summary(runs: list[ProcessRun], methods: list[MethodRun]) -> ProcessSummary:
    last = runs[-1]
    return ProcessSummary(
        process=last.process,
        day=last.day,
        outcome=last.outcome,
        runs=len(runs),
        methods_run=len(methods),
        methods_failed=sum(execution.error is not None for execution in methods),
        rows_written=sum(execution.rows_written for execution in methods),
        problems=tuple(problem for execution in methods for problem in execution.problems),
    )


def _suggest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; the configuration has {', '.join(known)}"
