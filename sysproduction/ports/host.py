"""The machine and the people beside it: programs, signals, the init system, alerts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sysproduction.domain.alerts import Alert
from sysproduction.domain.cleaning import CleaningPolicy
from sysproduction.domain.identity import Identity


class Notifier(Protocol):
    """Tells a human. Never blocks and never raises: what cannot be delivered is kept in a bounded queue."""

    def alert(self, alert: Alert) -> None:
        """Say it, unless an incident with this key is already open."""
        ...

    def recover(self, key: str, text: str) -> None:
        """Say that the incident is over, if one with this key is open."""
        ...

    def flush(self, seconds: float) -> None:
        """Deliver what is queued, for at most this much machine time."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """A child to start: `arguments` follow `sysproduction` on a command line that would do the same. `fresh`: in an
    interpreter of its own instead of forked from the template."""

    name: str
    arguments: tuple[str, ...]
    log_path: str
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child and its descendants use: resident memory, and CPU time since each began."""

    memory_mb: float
    cpu_seconds: float


class Programs(Protocol):
    """Start and signal programs, and tell who is alive. An identity is never confused with a recycled pid."""

    def myself(self) -> Identity:
        """The calling process."""
        ...

    def alive(self, identity: Identity) -> bool:
        """Whether exactly this process exists on this host (zombies do not count)."""
        ...

    def start(self, program: Program) -> Identity:
        """Start a child in its own session, its output appended to its log; raises Unavailable."""
        ...

    def signal(self, identity: Identity, number: int) -> bool:
        """Send a signal to the child's whole group; False if it is gone. SIGKILL ends everything that the child has
        started, wherever it went, also when the child itself is gone."""
        ...

    def dump_stacks(self, identity: Identity) -> bool:
        """Have the child write the stacks of its threads to its log; False if it cannot."""
        ...

    def watch(self, identity: Identity) -> None:
        """Let `wait` return early when this process, started by somebody else, ends."""
        ...

    def exit_code(self, identity: Identity) -> int | None:
        """Exit code of a child that has ended (negative: signal), None if it is alive or unknown."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after `seconds` of machine time, or earlier when a child ends or a signal arrives."""
        ...

    def usage(self, identity: Identity) -> Usage | None:
        """What it uses, None if it is gone."""
        ...

    def close(self) -> None:
        """Let go of what starts children; the children go on."""
        ...


class InitSystem(Protocol):
    """What started this program as a service, if anything did (systemd); no call blocks or raises, each returns
    whether it was told."""

    def ready(self) -> bool:
        """Start-up, or a reload, is complete."""
        ...

    def reloading(self) -> bool:
        """A reload has begun."""
        ...

    def stopping(self) -> bool:
        """The end has begun."""
        ...

    def alive(self, now_monotonic: float) -> bool:
        """The main loop turns; said as often as its watchdog wants to hear it."""
        ...


BeatHeart = Callable[[str, float], None]
"""Told the method that begins and its time-out in seconds, or "" and 0 between methods."""


class Signals(Protocol):
    """Signals as a queue: handlers only append, the owner's loop drains."""

    def listen(self) -> None:
        """From now on queue the signals that ask a program to end or to reload (main thread only)."""
        ...

    def drain(self) -> list[int]:
        """Signals received since the last call."""
        ...

    def wait(self, seconds: float, *others: Any) -> list[Any]:
        """Return after `seconds` of machine time, when a signal or a wake arrives, or when some of `others` (sockets,
        handles) can be read: those."""
        ...

    def close(self) -> None:
        """Listen no more; idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What cleaners go by: the policy, the machine's time (that of files), and which paths of the home are in use."""

    policy: CleaningPolicy
    now: Callable[[], datetime]
    open_paths: Callable[[], frozenset[Path]]
