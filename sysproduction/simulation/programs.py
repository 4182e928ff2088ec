"""Children that are runners in the caller's thread, as the Programs port has them."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.heartbeats import Beat
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import RunOutcome
from sysproduction.ports import Program, Usage
from sysproduction.simulation.faults import ProgramDied
from sysproduction.supervisor.runner import Ended, Runner, Worked

Begin = Callable[[Program, Identity], Runner | Refused | int]


@dataclass
class SimulatedChild:
    """One child: `runner` is None until its first turn, `code` None while it lives. `ignores_term`: it works, but
    does not hear TERM. `hung_since`: the machine second at which it stopped doing anything, inside `hung_in`."""

    identity: Identity
    program: Program
    runner: Runner | None = None
    code: int | None = None
    ignores_term: bool = False
    hung_since: float | None = None
    hung_in: str = ""
    failures: int = 0
    is_ours: bool = True


@dataclass
class SimulatedPrograms:
    """Children in this thread; `turn` lets each live one do one step.

    `begin` makes the runner of a child at its first turn; an exit code says that the child dies without one. A child
    bears an unreachable store for `patience` turns. Whoever is in `deaf`, by name, neither works nor hears TERM.
    """

    begin: Begin
    patience: int = 0
    children: dict[int, SimulatedChild] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    memory: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    dumped: list[str] = field(default_factory=list)
    signals: list[tuple[str, int]] = field(default_factory=list)
    startable: bool = True
    _living: dict[int, SimulatedChild] = field(default_factory=dict)

    def myself(self) -> Identity:
        """As the port."""
        return Identity("here", "boot", 1, 1)

    def alive(self, identity: Identity) -> bool:
        """As the port."""
        child = self.children.get(identity.pid)
        return child is not None and child.identity == identity and child.code is None

    def start(self, program: Program) -> Identity:
        """As the port."""
        if not self.startable:
            raise Unavailable("no template")
        pid = 100 + len(self.children)
        child = SimulatedChild(Identity("here", "boot", pid, pid * 7), program)
        self.children[pid] = self._living[pid] = child
        return child.identity

    def signal(self, identity: Identity, number: int) -> bool:
        """As the port."""
        if not self.alive(identity):
            return False
        child = self.children[identity.pid]
        self.signals.append((child.program.name, number))
        if number == signal.SIGKILL:
            child.code = -9
        elif not self._hears_nothing(child):
            if child.runner is None:
                child.code = -int(number)
            else:
                child.runner.request_stop("asked to stop")
        return True

    def exit_code(self, identity: Identity) -> int | None:
        """As the port; unknown for a child of an earlier supervisor."""
        child = self.children.get(identity.pid)
        return child.code if child is not None and child.is_ours else None

    def disown(self) -> None:
        """Whoever started these children is gone; they go on."""
        for child in self.living():
            child.is_ours = False

    def wait(self, seconds: float) -> None:
        """As the port; simulated time is somebody else's business."""

    def usage(self, identity: Identity) -> Usage | None:
        """As the port, as `memory` and `cpu` say."""
        if not self.alive(identity):
            return None
        name = self.children[identity.pid].program.name
        return Usage(self.memory.get(name, 0.0), self.cpu.get(name, 0.0))

    def watch(self, identity: Identity) -> None:
        """As the port."""

    def dump_stacks(self, identity: Identity) -> bool:
        """As the port; `dumped` remembers."""
        self.dumped.append(self.children[identity.pid].program.name)
        return True

    def close(self) -> None:
        """As the port."""

    def last_beat(self, name: str, now_monotonic: float) -> Beat | None:
        """The heart of the live child of a process: it beats now, unless the child hangs."""
        for child in self.living():
            if child.program.name == name and child.runner is not None:
                at = now_monotonic if child.hung_since is None else child.hung_since
                pid, ticks = child.identity.pid, child.identity.start_ticks
                return Beat(1, at, child.hung_in, at, 3600.0 if child.hung_in else 0.0, pid, ticks)
        return None

    def living(self) -> list[SimulatedChild]:
        """Children that have not ended, in the order of their start."""
        self._living = {pid: child for pid, child in self._living.items() if child.code is None}
        return list(self._living.values())

    def named(self, name: str) -> SimulatedChild:
        """The one live child of a process."""
        (child,) = [child for child in self.living() if child.program.name == name]
        return child

    def started(self, name: str | None = None) -> list[str]:
        """Names of all children ever started, in order."""
        return [c.program.name for c in self.children.values() if name in (None, c.program.name)]

    def started_since(self, count: int) -> list[SimulatedChild]:
        """All children ever started but the first `count`."""
        return list(islice(self.children.values(), count, None))

    def turn(self, now: datetime) -> list[str]:
        """One step of every live child; the names of those that did some work."""
        return [child.program.name for child in self.living() if self._turn(child, now)]

    def _hears_nothing(self, child: SimulatedChild) -> bool:
        return child.ignores_term or child.hung_since is not None or child.program.name in self.deaf

    def _turn(self, child: SimulatedChild, now: datetime) -> bool:
        try:
            return self._step(child, now)
        except Unavailable:
            child.failures += 1
            if child.runner is None or child.failures > self.patience:
                child.code = Unavailable.exit_code
        except ProgramDied:
            child.code = -9
        return True

    def _step(self, child: SimulatedChild, now: datetime) -> bool:
        if child.runner is None:
            begun = self.begin(child.program, child.identity)
            if isinstance(begun, Runner):
                child.runner = begun
            else:
                child.code = begun if isinstance(begun, int) else Refused.exit_code
            return True
        if child.hung_since is not None or child.program.name in self.deaf:
            return False
        turn = child.runner.step(now)
        child.failures = 0
        if isinstance(turn, Ended):
            child.code = int(turn.outcome is RunOutcome.FAILED)
        return isinstance(turn, Worked | Ended)
