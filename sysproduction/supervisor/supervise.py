"""The supervisor: compares what should run with what does, starts, stops and reaps, and tells a human; one step at
a time, so that a simulation can drive it."""

import logging
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.errors import ConfigError, Refused, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import ActiveRun, ProcessRun, ProcessSpec, ProcessState, RunOutcome
from sysproduction.ports import Clock, Notifier, Program, Programs
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import Decision, History, Start, Stop, Wait, crash_limit_reached, decide
from sysproduction.supervisor.windows import Window, current_window

POLL_SECONDS: Final = 0.5
"""How often, in machine time, control states are looked at while nothing else happens."""

_STEADY_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)

Pace = Callable[[bool, datetime | None], None]


def _any_pace(_busy: bool, _deadline: datetime | None) -> None:
    """A clock that keeps its own pace."""


@dataclass(slots=True)
class _Child:
    """A live run that the supervisor watches; `kill_at` and `started` are machine seconds."""

    identity: Identity
    started: float
    kill_at: float | None = None
    killed_for: str | None = None
    steady: bool = False


@dataclass(slots=True)
class Supervisor:
    """Keeps the configured processes as they should be. `program_for` gives the program of a process's run; `pace`
    is told whether once-a-day work goes on and when the next deadline is (a demo's clock uses it)."""

    specs: tuple[ProcessSpec, ...]
    states: ProcessStates
    clock: Clock
    programs: Programs
    notifier: Notifier
    program_for: Callable[[ProcessSpec], Program]
    pace: Pace = _any_pace
    decisions: dict[str, Decision] = field(default_factory=dict)
    _children: dict[str, _Child] = field(default_factory=dict)
    _crashes: dict[str, list[float]] = field(default_factory=dict)
    _windows: dict[str, Window] = field(default_factory=dict)
    _draining: bool = False
    _store_down: bool = False

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the processes that it watches."""
        return tuple(sorted(self._children))

    def drain(self) -> None:
        """From now on start nothing and stop everything, dependants before what they depend on."""
        self._draining = True

    def kill_all(self) -> None:
        """End every child at once."""
        for child in self._children.values():
            self.programs.signal(child.identity, signal.SIGKILL)

    def step(self, now: datetime) -> float:
        """Reap, decide and act once; returns the machine seconds after which another step is worth while."""
        try:
            wait = self._step(now)
        except Unavailable as error:
            self._tell_store_down(error)
            return POLL_SECONDS * 2
        self._tell_store_up()
        return wait

    def enforce_limits(self) -> None:
        """Kill the group of each child that uses more memory than it may; its run ends as crashed."""
        for spec in self.specs:
            child = self._children.get(spec.name)
            if child is None or spec.limits.memory_mb is None or child.killed_for:
                continue
            used = self.programs.memory_mb(child.identity)
            if used is not None and used > spec.limits.memory_mb:
                child.killed_for = f"used {used:.0f} MB of memory, its limit is {spec.limits.memory_mb} MB"
                self.programs.signal(child.identity, signal.SIGKILL)

    def _step(self, now: datetime) -> float:
        states = self.states.states()
        for name in self.running:
            self._look_after(name, states.get(name, ProcessState(name)), now)
        states = self.states.states()
        for spec in self.specs:
            state = states.get(spec.name, ProcessState(spec.name))
            self._adopt(state)
            if not self._draining:
                self._act(spec, state, states, now)
        if self._draining:
            self._stop_next()
        self._end_overdue()
        return self._next_wait()

    def _act(self, spec: ProcessSpec, state: ProcessState, states: Mapping[str, ProcessState], now: datetime) -> None:
        previous = states.get(spec.previous_process) if spec.previous_process else None
        decision = decide(spec, History(state, previous, self._crash_ages(spec.name)), now)
        self._watch_window(spec, state, decision, now)
        self.decisions[spec.name] = decision
        match decision:
            case Start() if spec.name not in self._children:
                self._start(spec)
            case Stop(reason):
                self._ask_to_stop(spec, reason)
            case Wait(reason, blocked=True) if spec.name in self._windows:
                self._tell_blocked(spec.name, self._windows[spec.name].day, reason)

    def _start(self, spec: ProcessSpec) -> None:
        identity = self.programs.start(self.program_for(spec))
        self._children[spec.name] = _Child(identity, self.clock.monotonic())
        _log.info("%s starts as pid %d", spec.name, identity.pid)

    def _adopt(self, state: ProcessState) -> None:
        """Watch a run that somebody else started: an earlier supervisor, crontab, a human."""
        if state.active is not None and state.process not in self._children:
            self._children[state.process] = _Child(state.active.identity, self.clock.monotonic())
            _log.info("%s is running already as pid %d: adopted", state.process, state.active.identity.pid)

    def _look_after(self, name: str, state: ProcessState, now: datetime) -> None:
        child = self._children[name]
        if self.programs.alive(child.identity):
            if not child.steady and self.clock.monotonic() - child.started > _STEADY_SECONDS:
                child.steady = True
                self.notifier.recover(_crash_key(name), f"{name} has been running for a minute again")
            return
        code = self.programs.exit_code(child.identity)
        run = self._close(name, child, state, code, now)
        del self._children[name]
        if run is not None:
            self._tell_end(run)

    def _close(
        self, name: str, child: _Child, state: ProcessState, code: int | None, now: datetime
    ) -> ProcessRun | None:
        """The ended run of this child, its record completed if the child could not; None if it never began one."""
        run = next(iter(self.states.runs(process=name, limit=1)), None)
        if run is not None and run.identity == child.identity and run.outcome is not RunOutcome.RUNNING:
            return run
        if state.active is None or state.active.identity != child.identity:
            if code in (0, Refused.exit_code):
                return None
            run = self._stillborn(name, child, now)
        else:
            run = _run_of(name, state.active)
        if run is None:
            return None
        outcome = RunOutcome.FAILED if code == ConfigError.exit_code else RunOutcome.CRASHED
        reason = child.killed_for or _exit_reason(code)
        self.states.finish(run, outcome=outcome, reason=reason, now=now)
        return self.states.run(run.run_id)

    def _stillborn(self, name: str, child: _Child, now: datetime) -> ProcessRun | None:
        """A record for a child that died before it could write one."""
        spec = next(spec for spec in self.specs if spec.name == name)
        window = current_window(spec, now) or self._windows.get(name)
        if window is None:
            return None
        run = self.states.begin(name, day=window.day, identity=child.identity, now=now)
        return None if isinstance(run, Refused) else run

    def _tell_end(self, run: ProcessRun) -> None:
        _log.info("%s ended: %s%s", run.run_id, run.outcome, f" ({run.reason})" if run.reason else "")
        if run.outcome is RunOutcome.CRASHED:
            self._crashes.setdefault(run.process, []).append(self.clock.monotonic())
            self._tell_crash(run)
        elif run.outcome is RunOutcome.FAILED:
            text = f"{run.reason or 'see its log'}; mend it, then `sysproduction start {run.process}`"
            self.notifier.alert(Alert(_failed_key(run.process), f"{run.process} failed on {run.day}", text))
        elif run.outcome is RunOutcome.SUCCEEDED:
            self._crashes.pop(run.process, None)
            self.notifier.recover(_crash_key(run.process), f"{run.process} succeeded")
            self.notifier.recover(_failed_key(run.process), f"{run.process} succeeded")

    def _tell_crash(self, run: ProcessRun) -> None:
        policy = next((spec.restart for spec in self.specs if spec.name == run.process), None)
        if policy is not None and crash_limit_reached(policy, self._crash_ages(run.process)):
            title = f"{run.process} is FAILED and stays down: it crashed {len(self._crashes[run.process])} times"
            self.notifier.alert(Alert(_failed_key(run.process), title, run.reason or "", Severity.CRITICAL))
        else:
            title = f"{run.process} crashed and will be restarted"
            self.notifier.alert(Alert(_crash_key(run.process), title, run.reason or ""))

    def _watch_window(self, spec: ProcessSpec, state: ProcessState, decision: Decision, now: datetime) -> None:
        """Tell about a window that closed without any run."""
        window = current_window(spec, now)
        before = self._windows.pop(spec.name, None)
        if window is not None:
            self._windows[spec.name] = window
        if before is None or before == window or state.active is not None:
            return
        if state.outcome_of(before.day) is None:
            last = self.decisions.get(spec.name)
            self._tell_blocked(spec.name, before.day, last.reason if isinstance(last, Wait) else str(decision))

    def _tell_blocked(self, name: str, day: date, reason: str) -> None:
        if reason.startswith("control state"):
            return
        self.notifier.alert(Alert(f"missed/{name}/{day}", f"{name} has not run on {day}", reason))

    def _ask_to_stop(self, spec: ProcessSpec, reason: str) -> None:
        child = self._children.get(spec.name)
        if child is None or child.kill_at is not None:
            return
        _log.info("%s is asked to stop: %s", spec.name, reason)
        child.kill_at = self.clock.monotonic() + spec.limits.stop_seconds
        self.programs.signal(child.identity, signal.SIGTERM)

    def _end_overdue(self) -> None:
        for name, child in self._children.items():
            if child.kill_at is not None and child.killed_for is None and self.clock.monotonic() >= child.kill_at:
                child.killed_for = "did not stop in time and was killed"
                _log.warning("%s %s", name, child.killed_for)
                self.programs.signal(child.identity, signal.SIGKILL)

    def _stop_next(self) -> None:
        """While draining: ask those to stop on which nothing that still runs depends."""
        needed = {spec.previous_process for spec in self.specs if spec.name in self._children}
        for spec in self.specs:
            if spec.name in self._children and spec.name not in needed:
                self._ask_to_stop(spec, "the supervisor stops")

    def _crash_ages(self, name: str) -> tuple[float, ...]:
        now = self.clock.monotonic()
        return tuple(now - crash for crash in self._crashes.get(name, []))

    def _next_wait(self) -> float:
        waits = [decision for decision in self.decisions.values() if isinstance(decision, Wait)]
        deadline = min((wait.until for wait in waits if wait.until is not None), default=None)
        once_a_day = {spec.name for spec in self.specs if not spec.runs_all_day}
        self.pace(bool(once_a_day & self._children.keys()), deadline)
        seconds = [wait.seconds for wait in waits if wait.seconds is not None]
        if deadline is not None:
            seconds.append(self.clock.seconds_until(deadline))
        return max(0.0, min([POLL_SECONDS, *seconds]))

    def _tell_store_down(self, error: Unavailable) -> None:
        if not self._store_down:
            _log.error("the store is unreachable: %s", error)
            alert = Alert("store", "the document store is unreachable", str(error), Severity.CRITICAL)
            self.notifier.alert(alert)
        self._store_down = True

    def _tell_store_up(self) -> None:
        if self._store_down:
            _log.info("the store is reachable again")
            self.notifier.recover("store", "the document store is reachable again")
        self._store_down = False


def _crash_key(name: str) -> str:
    return f"process/{name}/crashed"


def _failed_key(name: str) -> str:
    return f"process/{name}/failed"


def _run_of(name: str, active: ActiveRun) -> ProcessRun:
    return ProcessRun(active.run_id, name, active.day, active.number, active.identity, active.started_at)


def _exit_reason(code: int | None) -> str:
    if code is None:
        return "its program is gone"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}: see its log"
