"""The whole supervisor on the simulated clock, for days, under faults, its invariants checked after every step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final, Protocol

from sysproduction.domain.errors import Refused
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import ControlState, MethodSpec, ProcessSpec, ProcessState
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.ports import Clock, Documents, Notifier, Program
from sysproduction.simulation.faults import FaultyDocuments, ProgramDied
from sysproduction.simulation.injector import Injector
from sysproduction.simulation.invariants import Invariants, Told
from sysproduction.simulation.plan import BEGINNINGS, SPECS
from sysproduction.simulation.programs import SimulatedPrograms
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import History, Start, decide
from sysproduction.supervisor.runner import Runner, begin
from sysproduction.supervisor.supervise import Supervisor

_PACES: Final = (5.0, 60.0, 300.0, 600.0, 900.0)
_DOWNTIMES: Final = (1.0, 30.0, 600.0, 4 * 3600.0)
_QUICK: Final = 0.5
_PATIENCE_TURNS: Final = 60
_DRAIN_TURNS_MAX: Final = 2000


class ShiftingClock(Clock, Protocol):
    """A clock that can be set."""

    def shift(self, seconds: float) -> None:
        """Move market time alone."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """What a simulation stands on. `notifier_for` gives a program's notifier that speaks through a channel."""

    clock: ShiftingClock
    documents: Documents
    notifier_for: Callable[[Notifier], Notifier]


@dataclass(frozen=True, slots=True)
class Report:
    """What happened. Each line of `log` is a market time and an event; `violations` are empty if all held."""

    days: int
    seed: int
    steps: int
    faults: int
    runs: int
    violations: tuple[str, ...]
    log: tuple[str, ...]


def beginning(seed: int) -> datetime:
    """When the simulation of this seed begins."""
    return Random(f"{seed}/begin").choice(BEGINNINGS)


@dataclass
class Simulation:
    """One platform: a store, children, and a supervisor that now and then is replaced by a new one. `new_supervisor`
    and the parts are attributes so that a test can plant an error in any of them."""

    ground: Ground
    days: int
    seed: int
    specs: tuple[ProcessSpec, ...] = SPECS
    log: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        self.clock = self.ground.clock
        self.documents = FaultyDocuments(self.ground.documents)
        self.states = ProcessStates(self.documents)
        self.told = Told()
        self.notifier = self.ground.notifier_for(self.told)
        self.programs = SimulatedPrograms(self._begin, patience=_PATIENCE_TURNS)
        self.invariants = Invariants(self.programs, self.ground.documents, self.told)
        self.random = Random(f"{self.seed}/platform")
        self.injector = Injector(
            Random(f"{self.seed}/faults"), self.programs, self._say, self.clock.shift, self.clock.monotonic
        )
        self._down_until: float | None = None
        self._bounded = {spec.name for spec in self.specs if not spec.runs_all_day}
        self._shown = 0
        self.supervisor = self.new_supervisor()

    def run(self) -> Report:
        """Play the days, stop everything in an orderly way, look once more."""
        until = self.clock.now() + timedelta(days=self.days)
        self.documents.fault = self.injector.at_store
        while self.clock.now() < until and not self.violations:
            self._turn()
        if not self.violations:
            self._calm_end()
        runs = len(ProcessStates(self.ground.documents).runs())
        found = tuple(self.violations), tuple(self.log)
        return Report(self.days, self.seed, self.steps, self.injector.count, runs, *found)

    def new_supervisor(self) -> Supervisor:
        """One that knows only what the store knows, and has closed what died meanwhile."""
        supervisor = Supervisor(
            self.specs,
            self.states,
            self.clock,
            self.programs,
            self.notifier,
            lambda spec: Program(spec.name, ("run", spec.name), "log"),
            beats=lambda name: self.programs.last_beat(name, self.clock.monotonic()),
            poll_seconds=max(_PACES),
        )
        self.programs.disown()
        return supervisor

    def _turn(self) -> None:
        self.injector.strike()
        self._steer()
        self._disturb_supervisor()
        wait, supervised = self._supervise()
        worked = self.programs.turn(self.clock.now())
        self._look(supervised=supervised)
        self.clock.sleep(self._pace(wait, worked))

    def _supervise(self) -> tuple[float, bool]:
        """One step of the supervisor, or of the one that takes over from it; whether it was a whole one."""
        if self._down_until is not None:
            if self.clock.monotonic() < self._down_until:
                return self._down_until - self.clock.monotonic(), False
            self.supervisor = self.new_supervisor()
            self._down_until = None
            self.invariants.forget_untold()
            self._say("a new supervisor begins")
        try:
            wait = self.supervisor.step(self.clock.now())
            self.supervisor.enforce_limits()
            self.supervisor.look_for_hangs()
        except ProgramDied:
            self._supervisor_died()
            return 0.0, False
        self.programs.memory.clear()
        return wait, not self.supervisor.store_is_down

    def _supervisor_died(self) -> None:
        self._down_until = self.clock.monotonic() + self.random.choice(_DOWNTIMES)
        self.programs.disown()
        self._say(f"the supervisor is dead for {self._down_until - self.clock.monotonic():.0f} s")

    def _disturb_supervisor(self) -> None:
        """Kill it; or the whole host; or stop it in an orderly way."""
        if self._down_until is not None:
            return
        drawn = self.random.random()
        if drawn < 0.003:
            self.injector.tell("kill -9 of the supervisor")
            self._supervisor_died()
        elif drawn < 0.0035:
            self.injector.tell("the host goes down")
            for child in self.programs.living():
                child.code = -9
            self._supervisor_died()
        elif drawn < 0.0042 and not self.injector.is_away:
            self._say("the supervisor is told to stop")
            self._drain()

    def _drain(self) -> None:
        """An orderly stop, itself under what is armed; then nobody may be left, and a new supervisor begins."""
        self.supervisor.drain()
        for _ in range(_DRAIN_TURNS_MAX):
            _wait, supervised = self._supervise()
            if self._down_until is not None:
                return
            self.programs.turn(self.clock.now())
            self._look(supervised=supervised)
            self.clock.sleep(_QUICK)
            if not self.supervisor.running and supervised:
                break
        else:
            self.violations.append(f"I3: after {_DRAIN_TURNS_MAX} turns {self.supervisor.running} still run")
        self.violations += [wrong for wrong in self.invariants.last_look() if wrong.startswith("I3")]
        self._down_until = self.clock.monotonic() + self.random.choice(_DOWNTIMES)

    def _calm_end(self) -> None:
        self.injector.calm()
        self.documents.fault = None
        while self._down_until is not None:
            self.clock.sleep(max(0.0, self._down_until - self.clock.monotonic()))
            self._supervise()
        self._drain()
        self.violations += self.invariants.last_look()

    def _steer(self) -> None:
        """What an operator does: holds a process, frees it, asks for one more run."""
        if self.injector.is_away or self.random.random() > 0.01:
            return
        name = self.random.choice(self.specs).name
        states = ProcessStates(self.ground.documents)
        if states.state(name).control is not ControlState.GO:
            states.ask_again(name)
            self._say(f"operator: {name} GO")
        elif self.random.random() < 0.3:
            word = self.random.choice((ControlState.STOP, ControlState.NO_RUN, ControlState.PAUSE))
            states.set_control(name, word)
            self._say(f"operator: {name} {word}")

    def _begin(self, program: Program, identity: Identity) -> Runner | Refused | int:
        """What a child does first."""
        now, spec = self.clock.now(), next(spec for spec in self.specs if spec.name == program.name)
        self.states.close_dead(self.programs.alive, now, process=spec.name)
        stored = self.states.states()
        previous = stored.get(spec.previous_process) if spec.previous_process else None
        decision = decide(spec, History(stored.get(spec.name, ProcessState(spec.name)), previous), now)
        if not isinstance(decision, Start):
            return Refused(decision.reason)
        methods = {method.name: self._method(method) for method in spec.methods}
        return begin(
            spec,
            methods,
            states=self.states,
            notifier=self.notifier,
            clock=self.clock,
            identity=identity,
            start=decision,
        )

    def _method(self, method: MethodSpec) -> Callable[[], MethodResult]:
        """Work that succeeds, mostly; one that runs again and again finds nothing to do, mostly."""

        def work() -> MethodResult:
            drawn = self.random.random()
            if drawn < 0.01:
                self.injector.tell(f"{method.name} raises")
                raise ArithmeticError("a simulated error")
            if drawn < 0.02:
                problem = Problem("CORN", ProblemKind.MISSING, "a simulated gap")
                return MethodResult(0, 1, (problem,))
            return MethodResult() if method.frequency == 0 else MethodResult(3, 1)

        return work

    def _pace(self, wait: float, worked: list[str]) -> float:
        """Small steps while work of the day goes on, else larger ones, never past the supervisor's next deadline."""
        unborn = any(child.runner is None for child in self.programs.living())
        if unborn or self._bounded.intersection(worked):
            return _QUICK
        return max(0.01, min(wait, self.random.choice(_PACES)))

    def _look(self, *, supervised: bool) -> None:
        self.steps += 1
        self.violations += self.invariants.check(supervised=supervised)
        for news in (self.told.news, self.invariants.news):
            for line in news:
                self._say(line)
            news.clear()
        started = self.programs.started_since(self._shown)
        for child in started:
            self._say(f"{child.program.name} starts as pid {child.identity.pid}")
        self._shown += len(started)
        for wrong in self.violations:
            self._say(f"VIOLATION {wrong}")

    def _say(self, text: str) -> None:
        self.log.append(f"{self.clock.now().isoformat(timespec='milliseconds')} {text}")
