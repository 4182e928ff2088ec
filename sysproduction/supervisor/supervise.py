"""The supervisor: compares what should run with what does, starts, stops and reaps, and tells a human; one step at
a time, so that a simulation can drive it."""

import logging
import math
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sysproduction.domain.errors import ConfigError, Refused, Unavailable
from sysproduction.domain.heartbeats import Beat
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import Missed, ProcessRun, ProcessSpec, ProcessState, RunOutcome
from sysproduction.ports import Clock, Notifier, Program, Programs
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.children import Child, excess, exit_reason, run_of
from sysproduction.supervisor.crashes import Crashes
from sysproduction.supervisor.hang import is_hung, next_look
from sysproduction.supervisor.planner import Cause, Decision, History, Start, Stop, Wait, decide
from sysproduction.supervisor.tidings import Tidings
from sysproduction.supervisor.windows import Window, current_window, last_window

POLL_SECONDS: Final = 0.5
"""How often, in machine time, a supervisor that nobody wakes looks around."""

LATE: Final = timedelta(minutes=5)
"""A start that is later than this, because no supervisor was there, counts as missed."""

_STEADY_SECONDS: Final = 60.0
_START_SECONDS: Final = 10.0
_REFUSED_SECONDS: Final = 2.0
"""How long a program that could not be started, or that refused to run, is left alone."""

_HUNG_SECONDS: Final = 5.0
"""How long a hung child is given between TERM and KILL."""

_RECENT_RUNS: Final = 20

_log = logging.getLogger(__name__)

Pace = Callable[[bool, datetime | None], None]


def _any_pace(_busy: bool, _deadline: datetime | None) -> None:
    """A clock that keeps its own pace."""


def _no_beat(_process: str) -> Beat | None:
    """Nobody listens to hearts."""


@dataclass(slots=True)
class Supervisor:
    """Keeps the configured processes as they should be. `program_for` gives the program of a process's run; `pace`
    is told whether once-a-day work goes on or a process starts, and when the next deadline is (a demo's clock uses it);
    `beats` gives the last heartbeat of a process. Control states are looked at every `poll_seconds` while nothing else
    happens."""

    specs: tuple[ProcessSpec, ...]
    states: ProcessStates
    clock: Clock
    programs: Programs
    notifier: Notifier
    program_for: Callable[[ProcessSpec], Program]
    pace: Pace = _any_pace
    beats: Callable[[str], Beat | None] = _no_beat
    poll_seconds: float = POLL_SECONDS
    decisions: dict[str, Decision] = field(default_factory=dict)
    _children: dict[str, Child] = field(default_factory=dict)
    _crashes: Crashes = field(init=False)
    _hung: dict[str, str] = field(default_factory=dict)
    _windows: dict[str, Window] = field(default_factory=dict)
    _start_after: dict[str, float] = field(default_factory=dict)
    _retired: dict[str, ProcessSpec] = field(default_factory=dict)
    _looked_back: set[str] = field(default_factory=set)
    _draining: bool = False
    _store_down: bool = False
    _tidings: Tidings = field(init=False)

    def __post_init__(self) -> None:
        self._tidings = Tidings(self.notifier)
        self._crashes = Crashes(self.clock)

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the processes that it watches."""
        return tuple(sorted(self._children))

    @property
    def all_dead(self) -> bool:
        """Whether none of them lives, though the end of some may not be recorded yet."""
        return not any(self.programs.alive(child.identity) for child in self._children.values())

    @property
    def store_is_down(self) -> bool:
        """Whether the last step met an unreachable store."""
        return self._store_down

    def drain(self) -> None:
        """From now on start nothing and stop everything, dependants before what they depend on."""
        self._draining = True

    def reload(self, specs: tuple[ProcessSpec, ...]) -> list[str]:
        """Go on with these processes: a running one that is new or the same is left alone, one that has changed or
        gone is asked to stop (and starts anew if it may). Returns the names of those that were asked."""
        touched = [spec for spec in self.specs if spec.name in self._children and spec not in specs]
        gone = {spec.name for spec in self.specs} - {spec.name for spec in specs}
        self._retired = {spec.name: spec for spec in self.specs if spec.name in gone} | self._retired
        self.specs = specs
        for name in gone:
            self.decisions.pop(name, None)
        for spec in touched:
            self._ask_to_stop(spec, "its configuration has changed")
        return [spec.name for spec in touched]

    def kill_all(self) -> None:
        """End every child at once."""
        for child in self._children.values():
            self.programs.signal(child.identity, signal.SIGKILL)

    def step(self, now: datetime) -> float:
        """Reap, decide and act once; returns the machine seconds after which another step is worth while."""
        if self._draining:
            self._stop_next()
        self.end_overdue()
        try:
            wait = self._step(now)
        except Unavailable as error:
            if self._tidings.store_down(error):
                _log.error("the store is unreachable: %s", error)
            self._store_down = True
            return 2 * POLL_SECONDS
        if self._tidings.store_up():
            _log.info("the store is reachable again")
        self._store_down = False
        return wait

    def enforce_limits(self) -> None:
        """Kill each child that uses more than it may, with all its descendants; its run ends as crashed."""
        for spec in self.specs:
            child = self._children.get(spec.name)
            if child is None or child.killed_for is not None or spec.limits.are_open:
                continue
            used = self.programs.usage(child.identity)
            child.killed_for = excess(spec.limits, used, child.cpu, self.clock.monotonic()) if used else None
            if child.killed_for is not None:
                self._kill(spec.name, child)

    def look_for_hangs(self) -> None:
        """Ask each child whose heart stands still for its stacks, then to end, and kill it if it does not. Between
        methods it may be silent while the store is away: it waits for the same store."""
        now = self.clock.monotonic()
        for spec in self.specs:
            child = self._children.get(spec.name)
            if child is None or child.kill_at is not None or now < child.look_at:
                continue
            beat = self.beats(spec.name)
            if beat is None or (beat.pid, beat.start_ticks) != (child.identity.pid, child.identity.start_ticks):
                continue
            silence = math.inf if self._store_down else spec.limits.silence_seconds
            reason = is_hung(beat, now, silence)
            child.look_at = now if self._store_down else next_look(spec, beat, now)
            if reason is not None:
                _log.error("%s hangs: it %s", spec.name, reason)
                child.killed_for = f"hung: it {reason}"
                child.kill_at = now + min(spec.limits.stop_seconds, _HUNG_SECONDS)
                self.programs.dump_stacks(child.identity)
                self.programs.signal(child.identity, signal.SIGTERM)

    def _kill(self, name: str, child: Child) -> None:
        child.killed = True
        _log.warning("%s is killed: it %s", name, child.killed_for)
        self.programs.signal(child.identity, signal.SIGKILL)

    def _step(self, now: datetime) -> float:
        for name in self.running:
            self._look_after(name, now)
        states = self.states.states()
        for state in states.values():
            self._tell_ends(state)
        for spec in self.specs:
            state = states.get(spec.name, ProcessState(spec.name))
            self._adopt(state)
            if not self._draining:
                self._act(spec, state, states, now)
        return self._next_wait()

    def _act(self, spec: ProcessSpec, state: ProcessState, states: Mapping[str, ProcessState], now: datetime) -> None:
        previous = states.get(spec.previous_process) if spec.previous_process else None
        state = self._note_opening(spec, state, now)
        decision = decide(spec, History(state, previous, self._crashes.ages(spec.name)), now)
        self._watch_window(spec, state, decision, now)
        self.decisions[spec.name] = decision
        match decision:
            case Start(day) if spec.name not in self._children:
                if state.again or state.last_day != day:
                    self._crashes.forget(spec.name)
                self._start(spec, day)
            case Stop(reason):
                self._ask_to_stop(spec, reason)
            case Wait(blocked=True) if spec.name in self._windows:
                day = self._windows[spec.name].day
                if state.outcome_of(day) is None:  # else its end has been told
                    self._tell_missed(spec.name, day, decision)

    def _note_opening(self, spec: ProcessSpec, state: ProcessState, now: datetime) -> ProcessState:
        """Remember each window that opens; one that opened long ago, unseen, is treated by the process's rule."""
        if spec.name not in self._looked_back:
            self._looked_back.add(spec.name)
            if state.last_day is not None:
                found = self.states.runs(process=spec.name, day=state.last_day, limit=_RECENT_RUNS)
                self._crashes.recall((run for run in found if run.number >= state.counted_from), now)
            state = self._look_back(spec, state, now)
        window = current_window(spec, now)
        if window is None or state.seen_day == window.day:
            return state
        if now - window.opens > LATE and state.last_day != window.day and state.active is None:
            self._missed_start(spec, window, now)
        return self.states.note_opening(spec.name, window.day)

    def _look_back(self, spec: ProcessSpec, state: ProcessState, now: datetime) -> ProcessState:
        """Close the latest window if it passed while no supervisor was there."""
        past = last_window(spec, now)
        if past is None or state.seen_day is None or state.active is not None:
            return state
        if max(state.seen_day, state.last_day or date.min) >= past.day:
            return state
        self._skip_day(spec, past, now, quietly=spec.missed is Missed.SKIP)
        return self.states.note_opening(spec.name, past.day)

    def _missed_start(self, spec: ProcessSpec, window: Window, now: datetime) -> None:
        if spec.missed is Missed.RUN:
            _log.warning("%s starts late: its window opened at %s", spec.name, window.opens)
        else:
            self._skip_day(spec, window, now, quietly=spec.missed is Missed.SKIP)

    def _skip_day(self, spec: ProcessSpec, window: Window, now: datetime, *, quietly: bool) -> None:
        reason = f"nothing was there to start it at {window.opens:%Y-%m-%d %H:%M} UTC"
        _log.warning("%s is skipped on %s: %s", spec.name, window.day, reason)
        run = self.states.skip(spec.name, day=window.day, identity=self.programs.myself(), reason=reason, now=now)
        if not quietly:
            text = f"{reason}; `sysproduction start {spec.name}` runs it while its window is open"
            self._tidings.missed(spec.name, window.day, text)
        if isinstance(run, ProcessRun):
            self.states.note_told(spec.name, run.run_id)

    def _start(self, spec: ProcessSpec, day: date) -> None:
        if self.clock.monotonic() < self._start_after.get(spec.name, 0.0):
            return
        try:
            identity = self.programs.start(self.program_for(spec))
        except Unavailable as error:
            self._start_after[spec.name] = self.clock.monotonic() + _START_SECONDS
            self._tidings.cannot_start(spec.name, error)
            return
        if self._start_after.pop(spec.name, None) is not None:
            self._tidings.could_start(spec.name)
        self._children[spec.name] = Child(identity, day, self.clock.monotonic())
        _log.info("%s starts as pid %d", spec.name, identity.pid)

    def _adopt(self, state: ProcessState) -> None:
        """Watch a run that somebody else started: an earlier supervisor, crontab, a human."""
        if state.active is None:
            return
        if state.process not in self._children:
            self._children[state.process] = Child(state.active.identity, state.active.day, self.clock.monotonic())
            self.programs.watch(state.active.identity)
            _log.info("%s is running already as pid %d: adopted", state.process, state.active.identity.pid)
        self._children[state.process].begun = True

    def _look_after(self, name: str, now: datetime) -> None:
        child = self._children[name]
        if self.programs.alive(child.identity):
            if not child.steady and self.clock.monotonic() - child.started > _STEADY_SECONDS:
                child.steady = True
                self._tidings.steady(name)
            return
        if child.code is None:
            child.code = self.programs.exit_code(child.identity)
        self.programs.signal(child.identity, signal.SIGKILL)  # whatever it has left behind
        run = self._close(name, child, now)
        del self._children[name]
        if run is None:  # it was refused and did nothing: the same at once would be refused again
            self._start_after[name] = self.clock.monotonic() + _REFUSED_SECONDS
        else:
            self._count(run, child.killed_for)

    def _close(self, name: str, child: Child, now: datetime) -> ProcessRun | None:
        """The ended run of this child, its record completed if the child could not; None if it never began one.

        The state is read after the death: before it, the child could still change it.
        """
        active = self.states.state(name).active
        run: ProcessRun | Refused | None
        if active is not None and active.identity == child.identity:
            run = run_of(name, active)
        else:
            run = self._recent_run(name, child.identity)
            if run is None and child.code not in (0, Refused.exit_code) and not child.was_only_stopped:
                run = self.states.begin(name, day=child.day, identity=child.identity, now=now)
        if run is None or isinstance(run, Refused):
            return None
        outcome = RunOutcome.FAILED if child.code == ConfigError.exit_code else RunOutcome.CRASHED
        reason = child.killed_for or exit_reason(child.code)
        self.states.finish(run, outcome=outcome, reason=reason, now=now)
        return self.states.run(run.run_id)

    def _recent_run(self, name: str, identity: Identity) -> ProcessRun | None:
        runs = self.states.runs(process=name, limit=_RECENT_RUNS)
        return next((run for run in runs if run.identity == identity), None)

    def _count(self, run: ProcessRun, hung: str | None) -> None:
        """What the limit on crashes goes by."""
        _log.info("%s ended: %s%s", run.run_id, run.outcome, f" ({run.reason})" if run.reason else "")
        if run.outcome is RunOutcome.SUCCEEDED:
            self._crashes.forget(run.process)
        elif run.outcome is RunOutcome.CRASHED or (run.outcome is RunOutcome.STOPPED and hung is not None):
            self._crashes.count(run.process)
        if hung is not None:
            self._hung[run.run_id] = hung

    def _tell_ends(self, state: ProcessState) -> None:
        """Tell what is stored and untold, oldest first, whichever supervisor saw it; each is noted after it was told,
        and repeating one is silent, for its incident is open."""
        known = {spec.name for spec in self.specs} | self._retired.keys()
        for run_id in state.untold if state.process in known else ():
            run = self.states.run(run_id)
            if run is not None:
                ages = self._crashes.ages(run.process)
                self._tidings.ended(run, self._spec(run.process), hung=self._hung.get(run_id), crash_ages=ages)
            self.states.note_told(state.process, run_id)
            self._hung.pop(run_id, None)

    def _spec(self, name: str) -> ProcessSpec:
        return next((spec for spec in self.specs if spec.name == name), None) or self._retired[name]

    def _watch_window(self, spec: ProcessSpec, state: ProcessState, decision: Decision, now: datetime) -> None:
        """Tell about a window that closed without any run."""
        window = current_window(spec, now)
        before = self._windows.pop(spec.name, None)
        if window is not None:
            self._windows[spec.name] = window
        if before is None or now < before.closes or state.active is not None:
            return
        if state.outcome_of(before.day) is None:
            last = self.decisions.get(spec.name, decision)
            self._tell_missed(spec.name, before.day, last)

    def _tell_missed(self, name: str, day: date, last: Decision) -> None:
        """Say why it has not run, unless the operator wanted it so."""
        if not (isinstance(last, Wait) and last.cause is Cause.CONTROL):
            reason = "it was due but did not begin" if isinstance(last, Start) else last.reason
            self._tidings.missed(name, day, reason)

    def _ask_to_stop(self, spec: ProcessSpec, reason: str) -> None:
        child = self._children.get(spec.name)
        if child is None or child.kill_at is not None:
            return
        _log.info("%s is asked to stop: %s", spec.name, reason)
        child.kill_at = self.clock.monotonic() + spec.limits.stop_seconds
        self.programs.signal(child.identity, signal.SIGTERM)

    def _deadlines(self) -> list[float]:
        """Machine seconds until somebody has to be killed, or may be started again."""
        now = self.clock.monotonic()
        ends = [c.kill_at for c in self._children.values() if c.kill_at is not None and not c.killed]
        starts = [moment for moment in self._start_after.values() if moment > now]
        return [max(0.0, moment - now) for moment in (*ends, *starts)]  # an end may come due within a step

    def end_overdue(self) -> None:
        """Kill whoever was asked to stop and has not done so in time."""
        for name, child in self._children.items():
            if child.kill_at is not None and not child.killed and self.clock.monotonic() >= child.kill_at:
                child.killed_for = child.killed_for or "did not stop in time and was killed"
                self._kill(name, child)

    def _stop_next(self) -> None:
        """While draining: ask those to stop on which nothing that still runs depends."""
        alive = {name for name, child in self._children.items() if self.programs.alive(child.identity)}
        needed = {spec.previous_process for spec in self.specs if spec.name in alive}
        for spec in self.specs:
            if spec.name in self._children and spec.name not in needed:
                self._ask_to_stop(spec, "the supervisor stops")

    def _next_wait(self) -> float:
        if self._draining:
            self.decisions.clear()
        waits = [decision for decision in self.decisions.values() if isinstance(decision, Wait)]
        deadline = min((wait.until for wait in waits if wait.until is not None), default=None)
        once_a_day = {spec.name for spec in self.specs if not spec.runs_all_day}
        self.pace(any(name in once_a_day or not child.begun for name, child in self._children.items()), deadline)
        seconds = [wait.seconds for wait in waits if wait.seconds is not None]
        if deadline is not None:
            seconds.append(self.clock.seconds_until(deadline))
        return max(0.0, min([self.poll_seconds, *seconds, *self._deadlines()]))
