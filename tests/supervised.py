"""A whole supervised platform in one thread: real supervisor, real runners, simulated time."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time

from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import Refused
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    UNLIMITED,
    MethodSpec,
    ProcessSpec,
    RunOutcome,
)
from sysproduction.domain.results import MethodResult
from sysproduction.ports import Program
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor import runner as runners
from sysproduction.supervisor.planner import Start
from sysproduction.supervisor.supervise import Supervisor
from sysproduction.supervisor.windows import current_window
from tests.fakes import FakePrograms, FaultyDocuments, ProgramDied, RecordingNotifier

MONDAY = date(2024, 1, 15)
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def spec(name: str, start: str = "12:00", stop: str = "20:00", **more: object) -> ProcessSpec:
    more.setdefault("methods", (MethodSpec("work"),))
    return ProcessSpec(name, time.fromisoformat(start), time.fromisoformat(stop), "UTC", **more)  # type: ignore[arg-type]


def all_day(name: str, start: str = "12:00", stop: str = "20:00", **more: object) -> ProcessSpec:
    return spec(name, start, stop, methods=(MethodSpec("watch", 10, UNLIMITED),), **more)


class Platform:
    """A supervisor, its store and its children; `go` lets simulated time pass and checks I1 at every step."""

    def __init__(self, *specs: ProcessSpec, start: datetime = NOON) -> None:
        self.specs = {s.name: s for s in specs}
        self.clock = SimulatedClock(start)
        self.documents = FaultyDocuments(MemoryDocuments())
        self.states = ProcessStates(self.documents)
        self.states.declare()
        self.notifier = RecordingNotifier()
        self.programs = FakePrograms(self.begin)
        self.work: dict[str, Callable[[], MethodResult]] = {}
        self.dies_at_birth: dict[str, int] = {}
        self.supervisor = self.new_supervisor()

    def new_supervisor(self) -> Supervisor:
        self.supervisor = Supervisor(
            tuple(self.specs.values()),
            self.states,
            self.clock,
            self.programs,
            self.notifier,
            lambda s: Program(s.name, ("run", s.name), "log"),
        )
        return self.supervisor

    def begin(self, program: Program, identity: Identity) -> runners.Runner | Refused | int:
        name = program.name
        if name in self.dies_at_birth:
            return self.dies_at_birth[name]
        window = current_window(self.specs[name], self.clock.now())
        if window is None:
            return Refused.exit_code
        work = self.work.get(name, MethodResult)
        return runners.begin(
            self.specs[name],
            {m.name: work for m in self.specs[name].methods},
            states=self.states,
            notifier=self.notifier,
            clock=self.clock,
            identity=identity,
            start=Start(window.day),
        )

    def step(self) -> float:
        seconds = self.supervisor.step(self.clock.now())
        self.programs.turn(self.clock.now())
        self.check()
        return seconds

    def check(self) -> None:
        live = [c.program.name for c in self.programs.living() if c.runner is not None]
        assert len(live) == len(set(live)), f"I1: two copies alive of one of {live}"

    def go(self, seconds: float, pace: float = 0.5) -> "Platform":
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.step()
            self.clock.sleep(pace)
        return self

    def outcomes(self, name: str) -> list[RunOutcome]:
        return [run.outcome for run in reversed(self.states.runs(process=name))]

    def reasons(self, name: str) -> list[str | None]:
        return [run.reason for run in reversed(self.states.runs(process=name))]

    def die(self, name: str, code: int = -9) -> None:
        self.programs.named(name).code = code


def die() -> MethodResult:
    raise ProgramDied
