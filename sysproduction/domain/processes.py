"""Processes, their methods and their runs: the values that the YAML describes and the run history records."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final

from sysproduction.domain.identity import Identity

UNLIMITED: Final = -1


class ControlState(StrEnum):
    """What the operator allows: NO_RUN keeps a process from starting, STOP also ends a running one, PAUSE keeps
    it alive but runs no method."""

    GO = "GO"
    NO_RUN = "NO-RUN"
    STOP = "STOP"
    PAUSE = "PAUSE"


class OnError(StrEnum):
    """What a raising method does to the rest of its process."""

    CONTINUE = "continue"
    STOP = "stop"


class Missed(StrEnum):
    """What becomes of a process whose window opened while nobody was there to start it: RUN it late, SKIP the
    trading day, or skip it and ALERT, so that the operator decides."""

    RUN = "run"
    SKIP = "skip"
    ALERT = "alert"


class StartMethod(StrEnum):
    """How a child begins: forked from the preloaded TEMPLATE, or as a fresh interpreter by EXEC, for libraries that
    dislike a fork."""

    TEMPLATE = "template"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One method as configured: `frequency` in minutes between starts (0 = every turn), `max_executions` a
    trading day (UNLIMITED = no bound). One that works longer than `timeout_minutes` of machine time hangs."""

    name: str
    frequency: float = 60.0
    max_executions: int = 1
    run_on_completion_only: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    on_error: OnError = OnError.CONTINUE
    timeout_minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """After a first crash restart at once; after the next within `period_minutes` wait `backoff_seconds`, doubling
    up to `backoff_seconds_max`; more than `crashes_max` within the period make the process FAILED for its trading
    day. `enabled` False: never restart."""

    enabled: bool = True
    backoff_seconds: float = 1.0
    backoff_seconds_max: float = 60.0
    crashes_max: int = 5
    period_minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one process and its descendants; None is no bound. `cpu_percent` of one core holds over a minute. A
    graceful stop that lasts longer than `stop_seconds` is killed, and so is a process whose work loop, between
    methods, gives no sign of life for `silence_seconds`."""

    memory_mb: int | None = None
    cpu_percent: float | None = None
    stop_seconds: float = 30.0
    silence_seconds: float = 30.0

    @property
    def are_open(self) -> bool:
        """Whether nothing that is used has a bound."""
        return self.memory_mb is None and self.cpu_percent is None


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process as configured: it may run between `start_time` and `stop_time` (which may be past midnight:
    a stop at or before the start is on the next day) in `timezone`, on windows that open on one of `days`
    (0 = Monday), once `previous_process` has succeeded in the same trading day."""

    name: str
    start_time: time
    stop_time: time
    timezone: str
    methods: tuple[MethodSpec, ...]
    previous_process: str | None = None
    days: frozenset[int] = frozenset(range(5))
    restart: RestartPolicy = RestartPolicy()
    limits: Limits = Limits()
    missed: Missed = Missed.RUN
    start_method: StartMethod = StartMethod.TEMPLATE

    @property
    def runs_all_day(self) -> bool:
        """Some method runs more than once a day, so that a run mostly waits, and may end with its window only."""
        return any(m.max_executions != 1 and not m.run_on_completion_only for m in self.methods)


class RunOutcome(StrEnum):
    """How a run stands or ended. SUCCEEDED: every method's last execution did. FAILED: an orderly end in which
    one did not. CRASHED: the program died. STOPPED: ended on request, or at its stop time, with work left. SKIPPED:
    never begun, because its start was missed and its rule says so."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CRASHED = "crashed"
    STOPPED = "stopped"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class MethodProgress:
    """One method within a trading day: completed `executions`, and how the last one went. A start later than
    the end marks an execution that is under way or was cut off."""

    executions: int = 0
    last_start: datetime | None = None
    last_end: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """One run of a process, from start to its one terminal record. `day` is its trading day: the date, in the
    process's zone, on which its window opened."""

    run_id: str
    process: str
    day: date
    number: int
    identity: Identity
    started_at: datetime
    outcome: RunOutcome = RunOutcome.RUNNING
    ended_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MethodRun:
    """One recorded execution of a method."""

    run_id: str
    process: str
    method: str
    day: date
    started_at: datetime
    ended_at: datetime
    error: str | None
    rows_written: int
    items: int
    problems: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """The run that holds a process now."""

    run_id: str
    day: date
    number: int
    identity: Identity
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A process as the store knows it: what the operator allows, who holds it, and how its recent trading days
    ended. `again` asks for one more run on a day that already has its result; `seen_day` is the last trading day
    whose opening a supervisor has noted; `untold` are runs (ids) that have ended and of whose end no supervisor has
    told a human yet, oldest first; crashes count for the limit from the run `counted_from` of the last day on.
    Version 0: never stored."""

    process: str
    control: ControlState = ControlState.GO
    active: ActiveRun | None = None
    last_day: date | None = None
    last_number: int = 0
    counted_from: int = 0
    outcomes: tuple[tuple[date, RunOutcome], ...] = ()
    again: bool = False
    seen_day: date | None = None
    untold: tuple[str, ...] = ()
    version: int = 0

    def outcome_of(self, day: date) -> RunOutcome | None:
        """How the last run of that trading day ended; None if there was none or it is under way."""
        if self.active is not None and self.active.day == day:
            return None
        return dict(self.outcomes).get(day)
