"""Run one process: its methods by frequency and count, one a turn, until its work, its window or an order ends it.

This module is the process boundary: the one place where whatever a method raises is caught, recorded and alerted.
"""

import inspect
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.errors import ConfigError, InvariantBroken, Refused, SysproductionError, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    UNLIMITED,
    ControlState,
    MethodProgress,
    MethodRun,
    MethodSpec,
    OnError,
    ProcessRun,
    ProcessSpec,
    RunOutcome,
)
from sysproduction.domain.results import MethodResult
from sysproduction.ports import BeatHeart, Clock, Notifier
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import Start
from sysproduction.supervisor.windows import window_of

Method = Callable[[], MethodResult]

IDLE_SECONDS_MIN: Final = 0.5
IDLE_SECONDS_MAX: Final = 1.0
"""Machine seconds that a method without a bound rests that had nothing to do: at first, and once that was so so many
times that nobody seems to wait for it."""

_IDLE_LONG: Final = 20

_RETRIES_MAX: Final = 9
_RETRY_SECONDS: Final = 1.0
"""The first one; each is twice as long as the one before."""

_REST_SECONDS_AFTER_ERROR: Final = 5.0
_RECORD_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worked:
    """A method ran; ask again at once."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is due before `until` (market time), or before `seconds` of machine time, as far as is known now."""

    until: datetime
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The run has its terminal record."""

    outcome: RunOutcome
    reason: str | None


Turn = Worked | Idle | Ended


@dataclass(slots=True)
class _Rest:
    """A method not to run before machine time `at`; with `tries` its last executions met an unreachable store or
    feed, and it is due then whatever its frequency. `idle` counts its last executions that had nothing to do."""

    at: float = 0.0
    tries: int = 0
    idle: int = 0


@dataclass(slots=True)
class Runner:
    """One live run. `step` does at most one due method, so that several runners can share a thread. A step that
    raises Unavailable can be repeated: what ran is not run again, and what could not be stored is stored then."""

    spec: ProcessSpec
    methods: Mapping[str, Method]
    states: ProcessStates
    notifier: Notifier
    clock: Clock
    run: ProcessRun
    progress: dict[str, MethodProgress]
    beat: BeatHeart = lambda _method, _timeout: None
    _next: int = 0
    _stop: str | None = None
    _ended: Ended | None = None
    _rests: dict[str, _Rest] = field(default_factory=dict)
    _recorded: dict[str, float] = field(default_factory=dict)
    _unsaved: bool = False
    _unrecorded: list[tuple[MethodRun, int]] = field(default_factory=list)
    _well: set[str] = field(default_factory=set)

    def request_stop(self, reason: str) -> None:
        """End in an orderly way at the next turn."""
        self._stop = self._stop or reason

    def step(self, now: datetime) -> Turn:
        """Do the one next thing: end, run a due method, or say until when nothing is due."""
        if self._ended is not None:
            return self._ended
        self.beat("", 0.0)
        self._store()
        control = self.states.state(self.spec.name).control
        if control is ControlState.STOP:
            self.request_stop("the operator said STOP")
        window = window_of(self.spec, self.run.day)
        closes = window.closes if window else now
        if self._stop is not None or now >= closes or self._all_done():
            return self._end(window_closed=now >= closes)
        if control is ControlState.PAUSE:
            return Idle(closes)
        due = self._due(now)
        if due is None:
            return Idle(min([closes, *self._due_times(now)]), self._rest_left())
        self._execute(due)
        return Worked()

    def _regular(self) -> list[MethodSpec]:
        return [spec for spec in self.spec.methods if not spec.run_on_completion_only]

    def _left(self, spec: MethodSpec) -> bool:
        done = self.progress[spec.name].executions
        return spec.max_executions == UNLIMITED or done < spec.max_executions

    def _all_done(self) -> bool:
        return not any(self._left(spec) for spec in self._regular())

    def _due(self, now: datetime) -> MethodSpec | None:
        """The first due method after the one that ran last, in configured order."""
        regular = self._regular()
        for offset in range(len(regular)):
            index = (self._next + offset) % len(regular)
            if self._left(regular[index]) and self._due_at(regular[index], now) <= now:
                return regular[index]
        return None

    def _due_times(self, now: datetime) -> list[datetime]:
        return [self._due_at(spec, now) for spec in self._regular() if self._left(spec)]

    def _rest_left(self) -> float | None:
        now = self.clock.monotonic()
        rests = [self._rests[spec.name].at - now for spec in self._regular() if spec.name in self._rests]
        return min((left for left in rests if left > 0), default=None)

    def _due_at(self, spec: MethodSpec, now: datetime) -> datetime:
        rest = self._rests.get(spec.name, _Rest())
        if self.clock.monotonic() < rest.at:
            return datetime.max.replace(tzinfo=now.tzinfo)
        progress = self.progress[spec.name]
        if rest.tries or progress.last_start is None or _was_cut_off(progress):
            return now
        return progress.last_start + timedelta(minutes=spec.frequency)

    def _execute(self, spec: MethodSpec) -> None:
        """Run one method; its start is stored before, its count and result after it."""
        started = self.clock.now()
        self._save_start(spec, started)
        if not spec.run_on_completion_only:
            self._next = self._regular().index(spec) + 1
        result, error = self._call(spec)
        if isinstance(error, Unavailable) and self._retry_later(spec, error):
            return
        last = self._rests.get(spec.name, _Rest())
        idle = 0 if result.items or result.rows_written else last.idle + 1
        rest = _rest_seconds(spec, result, error, is_quiet=idle > _IDLE_LONG)
        self._rests[spec.name] = _Rest(self.clock.monotonic() + rest, idle=idle)
        text = None if error is None else _sentence(error)
        if error is not None and (spec.on_error is OnError.STOP or isinstance(error, InvariantBroken)):
            self.request_stop(f"{spec.name} failed: {text}")
        ended = max(started, self.clock.now())  # the clock may have been set back
        done = self.progress[spec.name].executions + 1
        self.progress[spec.name] = MethodProgress(done, started, ended, text)
        if self._is_chatter(spec, text) and not result.problems:
            return
        self._recorded[spec.name] = self.clock.monotonic()
        self._unsaved = True
        self._unrecorded.append((self._execution(spec, result, text), done))
        self._store()

    def _call(self, spec: MethodSpec) -> tuple[MethodResult, Exception | None]:
        _log.info("%s starts", spec.name)
        self.beat(spec.name, spec.timeout_minutes * 60)
        try:
            result = self.methods[spec.name]()
        except Exception as error:
            _log.error("%s failed: %s\n%s", spec.name, error, traceback.format_exc())
            self.beat("", 0.0)
            self._alert(self._failure(spec, error))
            return MethodResult(), error
        self.beat("", 0.0)
        _log.info("%s ends: %d rows, %d problems", spec.name, result.rows_written, len(result.problems))
        self._recover(self._key(spec), f"{self.spec.name}.{spec.name} works again")
        self._tell_problems(spec, result)
        return result, None

    def _tell_problems(self, spec: MethodSpec, result: MethodResult) -> None:
        key = f"{self._key(spec)}/problems/{self.run.day}"
        if not result.problems:
            self._recover(key, f"{self.spec.name}.{spec.name}: no more problems")
            return
        for problem in result.problems:
            _log.warning("%s: %s (%s): %s", spec.name, problem.item, problem.kind, problem.reason)
        shown = "\n".join(f"{p.item}: {p.kind}: {p.reason}" for p in result.problems[:20])
        title = f"{self.spec.name}.{spec.name}: {len(result.problems)} items with problems on {self.run.day}"
        self._alert(Alert(key, title, shown))

    def _alert(self, alert: Alert) -> None:
        self._well.discard(alert.key)
        self.notifier.alert(alert)

    def _recover(self, key: str, text: str) -> None:
        """Tell once: the notifier may have to ask a store."""
        if key not in self._well:
            self._well.add(key)
            self.notifier.recover(key, text)

    def _failure(self, spec: MethodSpec, error: Exception) -> Alert:
        title = f"{self.spec.name}.{spec.name} failed"
        severity = Severity.CRITICAL if isinstance(error, InvariantBroken) else Severity.WARNING
        return Alert(self._key(spec), title, _sentence(error), severity)

    def _key(self, spec: MethodSpec) -> str:
        return f"method/{self.spec.name}/{spec.name}"

    def _retry_later(self, spec: MethodSpec, error: Unavailable) -> bool:
        """An execution that could not reach its source does not count; it is tried again, within bounds."""
        rest = self._rests.setdefault(spec.name, _Rest())
        rest.tries += 1
        if rest.tries > _RETRIES_MAX or spec.run_on_completion_only:
            return False
        delay = _RETRY_SECONDS * 2 ** (rest.tries - 1)
        rest.at = self.clock.monotonic() + delay
        _log.warning("%s: %s; tried again in %.0f s (%d of %d)", spec.name, error, delay, rest.tries, _RETRIES_MAX)
        return True

    def _save_start(self, spec: MethodSpec, started: datetime) -> None:
        """Remembered only once it is stored: a method whose start could not be stored has not run."""
        begun = self.progress | {spec.name: replace(self.progress[spec.name], last_start=started)}
        if not self._is_chatter(spec, None):
            self.states.save_progress(self.spec.name, self.run.day, begun)
        self.progress = begun

    def _store(self) -> None:
        """Write what is not stored yet."""
        if self._unsaved:
            self.states.save_progress(self.spec.name, self.run.day, self.progress)
            self._unsaved = False
        while self._unrecorded:
            self.states.record_method(*self._unrecorded[0])
            del self._unrecorded[0]

    def _is_chatter(self, spec: MethodSpec, error: str | None) -> bool:
        """A method without interval or bound would fill the store with records: its good executions are stored
        at most once a minute."""
        if error is not None or spec.frequency > 0 or spec.max_executions != UNLIMITED:
            return False
        last = self._recorded.get(spec.name)
        return last is not None and self.clock.monotonic() - last < _RECORD_SECONDS

    def _execution(self, spec: MethodSpec, result: MethodResult, error: str | None) -> MethodRun:
        progress = self.progress[spec.name]
        assert progress.last_start is not None
        assert progress.last_end is not None
        problems = tuple({"item": p.item, "kind": str(p.kind), "reason": p.reason} for p in result.problems)
        return MethodRun(
            run_id=self.run.run_id,
            process=self.spec.name,
            method=spec.name,
            day=self.run.day,
            started_at=progress.last_start,
            ended_at=progress.last_end,
            error=error,
            rows_written=result.rows_written,
            items=result.items,
            problems=problems,
        )

    def _end(self, *, window_closed: bool) -> Ended:
        """Run the completion methods, each once, then write the terminal record."""
        for spec in self.spec.methods:
            if spec.run_on_completion_only and self.progress[spec.name].last_start is None:
                self._execute(spec)
        outcome, reason = self._outcome(window_closed=window_closed)
        self.states.finish(self.run, outcome=outcome, reason=reason, now=self.clock.now())
        _log.info("ends: %s%s", outcome, f" ({reason})" if reason else "")
        self._ended = Ended(outcome, reason)
        return self._ended

    def _outcome(self, *, window_closed: bool) -> tuple[RunOutcome, str | None]:
        failed = [name for name, progress in self.progress.items() if progress.last_error is not None]
        if failed:
            return RunOutcome.FAILED, "failed: " + ", ".join(failed)
        if self._all_done():
            return RunOutcome.SUCCEEDED, None
        if not window_closed:
            return RunOutcome.STOPPED, self._stop
        unrun = [spec.name for spec in self._regular() if self.progress[spec.name].executions == 0]
        if unrun:
            return RunOutcome.STOPPED, "its window closed before " + ", ".join(unrun)
        return RunOutcome.SUCCEEDED, None


def begin(
    spec: ProcessSpec,
    methods: Mapping[str, Method],
    *,
    states: ProcessStates,
    notifier: Notifier,
    clock: Clock,
    identity: Identity,
    start: Start,
    beat: BeatHeart = lambda _method, _timeout: None,
) -> Runner | Refused:
    """Take the process for a run of that trading day. Counts and last starts go on from an earlier run of the day
    that did not come to its end; a run asked for again after a full one counts anew (ProcessStates.begin)."""
    run = states.begin(spec.name, day=start.day, identity=identity, now=clock.now())
    if isinstance(run, Refused):
        return run
    progress = {method.name: MethodProgress() for method in spec.methods}
    regular = {method.name for method in spec.methods if not method.run_on_completion_only}
    stored = states.progress(spec.name, start.day)
    progress |= {name: fields for name, fields in stored.items() if name in regular}
    return Runner(spec, methods, states, notifier, clock, run, progress, beat)


def bind(functions: Mapping[str, Callable[..., MethodResult]], spec: ProcessSpec, world: Any) -> dict[str, Method]:
    """The configured methods of a process with the world and their arguments bound; raises ConfigError."""

    def bound(method: MethodSpec) -> Method:
        try:
            inspect.signature(functions[method.name]).bind(world, **method.arguments)
        except (KeyError, TypeError) as error:
            hint = "`sysproduction check` says what is wrong"
            raise ConfigError(f"{spec.name}.{method.name} cannot be called as configured ({error}): {hint}") from error
        return lambda: functions[method.name](world, **method.arguments)

    return {method.name: bound(method) for method in spec.methods}


def _rest_seconds(spec: MethodSpec, result: MethodResult, error: Exception | None, *, is_quiet: bool) -> float:
    """Machine time that a method without a bound rests after an execution: it must not spin where it can do
    nothing."""
    if spec.max_executions != UNLIMITED:
        return 0.0
    if error is not None or result.problems:
        return _REST_SECONDS_AFTER_ERROR
    if result.items or result.rows_written:
        return 0.0
    return IDLE_SECONDS_MAX if is_quiet else IDLE_SECONDS_MIN


def _was_cut_off(progress: MethodProgress) -> bool:
    """Its last start has no end: the program died inside it, so it is due at once."""
    if progress.last_start is None:
        return False
    return progress.last_end is None or progress.last_end < progress.last_start


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, SysproductionError) else f"{type(error).__name__}: {error}"
