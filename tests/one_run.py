"""One run of one process in one thread: its methods write down that they ran, its clock is simulated."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time

from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import (
    MethodSpec,
    ProcessSpec,
)
from sysproduction.domain.results import MethodResult
from sysproduction.stores.process_states import ProcessStates
from sysproduction.supervisor.planner import Start
from sysproduction.supervisor.runner import Ended, Idle, Runner, begin
from tests.fakes import FaultyDocuments, RecordingNotifier

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
