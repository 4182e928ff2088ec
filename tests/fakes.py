"""Ports that tests play with: a notifier that remembers, documents that fail on demand, children in one thread."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sysproduction.domain.alerts import Alert
from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import RunOutcome
from sysproduction.ports import Document, Documents, Program, Usage
from sysproduction.supervisor.runner import Ended, Runner, Worked


class ProgramDied(BaseException):
    """Stands for kill -9 at this very line: nothing in the product may catch it."""


@dataclass
class RecordingNotifier:
    """Keeps the contract (one alert per open key, one recovery) and remembers what a human was told."""

    told: list[tuple[str, str]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    def alert(self, alert: Alert) -> None:
        if alert.key not in self.open:
            self.open.add(alert.key)
            self.alerts.append(alert)
            self.told.append(("alert", alert.key))

    def recover(self, key: str, text: str) -> None:
        if key in self.open:
            self.open.remove(key)
            self.told.append(("recovery", key))

    def flush(self, seconds: float) -> None: ...

    def keys_told(self, kind: str = "alert") -> list[str]:
        return [key for told, key in self.told if told == kind]


Fault = Callable[[str, str, str], None]
"""Called with "before" or "after", the operation and the collection; raises what is to happen there."""


@dataclass
class FaultyDocuments:
    """Documents whose every operation is announced to `fault`, before it happens and after."""

    inner: Documents
    fault: Fault | None = None

    def _do(self, operation: str, collection: str, *args: Any, **kwargs: Any) -> Any:
        for_now = self.fault
        if for_now is not None:
            for_now("before", operation, collection)
        answer = getattr(self.inner, operation)(collection, *args, **kwargs)
        if for_now is not None:
            for_now("after", operation, collection)
        return answer

    def declare(self, collection: str, **indexes: Sequence[Sequence[str]]) -> None:
        self._do("declare", collection, **indexes)

    def get(self, collection: str, key: str) -> Document | None:
        return self._do("get", collection, key)  # type: ignore[no-any-return]

    def find(self, collection: str, **query: Any) -> list[Document]:
        return self._do("find", collection, **query)  # type: ignore[no-any-return]

    def count(self, collection: str, **query: Any) -> int:
        return self._do("count", collection, **query)  # type: ignore[no-any-return]

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        return self._do("insert", collection, key, body)  # type: ignore[no-any-return]

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        return self._do("replace", collection, key, body, version)  # type: ignore[no-any-return]

    def delete(self, collection: str, key: str, version: int) -> None:
        self._do("delete", collection, key, version)

    def close(self) -> None: ...


WRITES = frozenset({"insert", "replace", "delete"})


class OnWrite:
    """A fault that raises `error` at one write, counted from 0, on one side of it."""

    def __init__(self, number: int, error: BaseException, side: str = "before") -> None:
        self.number, self.error, self.side = number, error, side
        self.seen = 0

    def __call__(self, side: str, operation: str, collection: str) -> None:
        if operation in WRITES and side == self.side:
            self.seen += 1
            if self.seen - 1 == self.number:
                raise self.error


def outage(side: str, operation: str, collection: str) -> None:
    """A fault: the store cannot be reached."""
    raise Unavailable("no answer from the store")


@dataclass
class FakeChild:
    """One child: `runner` is None until its first turn, `code` None while it lives."""

    identity: Identity
    program: Program
    runner: Runner | None = None
    code: int | None = None


@dataclass
class FakePrograms:
    """Children that are runners in this thread; `turn` lets each live one do one step.

    `begin` makes the runner of a child at its first turn; an exit code says that the child dies without one.
    """

    begin: Callable[[Program, Identity], Runner | Refused | int]
    children: dict[int, FakeChild] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    memory: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    dumped: list[str] = field(default_factory=list)
    signals: list[tuple[str, int]] = field(default_factory=list)
    startable: bool = True

    def myself(self) -> Identity:
        return Identity("here", "boot", 1, 1)

    def alive(self, identity: Identity) -> bool:
        child = self.children.get(identity.pid)
        return child is not None and child.identity == identity and child.code is None

    def start(self, program: Program) -> Identity:
        if not self.startable:
            raise Unavailable("no template")
        pid = 100 + len(self.children)
        self.children[pid] = FakeChild(Identity("here", "boot", pid, pid * 7), program)
        return self.children[pid].identity

    def signal(self, identity: Identity, number: int) -> bool:
        if not self.alive(identity):
            return False
        child = self.children[identity.pid]
        self.signals.append((child.program.name, number))
        if number == signal.SIGKILL:
            child.code = -9
        elif child.program.name not in self.deaf:
            if child.runner is None:
                child.code = -int(number)
            else:
                child.runner.request_stop("asked to stop")
        return True

    def exit_code(self, identity: Identity) -> int | None:
        child = self.children.get(identity.pid)
        return None if child is None else child.code

    def wait(self, seconds: float) -> None: ...

    def usage(self, identity: Identity) -> Usage | None:
        if not self.alive(identity):
            return None
        name = self.children[identity.pid].program.name
        return Usage(self.memory.get(name, 0.0), self.cpu.get(name, 0.0))

    def watch(self, identity: Identity) -> None: ...

    def dump_stacks(self, identity: Identity) -> bool:
        self.dumped.append(self.children[identity.pid].program.name)
        return True

    def close(self) -> None: ...

    def living(self) -> list[FakeChild]:
        return [child for child in self.children.values() if child.code is None]

    def named(self, name: str) -> FakeChild:
        """The one live child of a process."""
        (child,) = [child for child in self.living() if child.program.name == name]
        return child

    def started(self, name: str | None = None) -> list[str]:
        """Names of all children ever started, in order."""
        return [c.program.name for c in self.children.values() if name in (None, c.program.name)]

    def turn(self, now: datetime) -> bool:
        """One step of every live child; whether one of them did some work."""
        worked = [self._turn(child, now) for child in self.living()]
        return any(worked)

    def _turn(self, child: FakeChild, now: datetime) -> bool:
        try:
            if child.runner is None:
                begun = self.begin(child.program, child.identity)
                if isinstance(begun, Runner):
                    child.runner = begun
                else:
                    child.code = begun if isinstance(begun, int) else Refused.exit_code
                return True
            if child.program.name in self.deaf:
                return False
            turn = child.runner.step(now)
        except Unavailable:
            child.code = Unavailable.exit_code
            return True
        except ProgramDied:
            child.code = -9
            return True
        if isinstance(turn, Ended):
            child.code = int(turn.outcome is RunOutcome.FAILED)
        return isinstance(turn, Worked | Ended)
