"""What the supervisor knows of a live run, and what may be said of how it lives and ends."""

import signal
from collections import deque
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import ActiveRun, Limits, ProcessRun
from sysproduction.ports import Usage
from sysproduction.stores.process_states import GONE

_CPU_SECONDS: Final = 60.0

Samples = deque[tuple[float, float]]
"""(machine seconds, CPU seconds) of the last minute, oldest first."""


@dataclass(slots=True)
class Child:
    """A live run that the supervisor watches, or a program that has not begun one yet; `kill_at`, `look_at` (before
    which its heart need not be looked at) and `started` are machine seconds. `code` is kept because it can be asked
    for only once."""

    identity: Identity
    day: date
    started: float
    begun: bool = False
    code: int | None = None
    kill_at: float | None = None
    look_at: float = 0.0
    killed: bool = False
    killed_for: str | None = None
    steady: bool = False
    cpu: Samples = field(default_factory=deque)

    @property
    def was_only_stopped(self) -> bool:
        """Whether it died of being asked to stop, before it could obey."""
        return self.kill_at is not None and not self.killed and self.code == -signal.SIGTERM


def excess(limits: Limits, used: Usage, samples: Samples, now: float) -> str | None:
    """Which limit it exceeds, as a sentence without subject; adds to `samples` and lets the oldest go."""
    if limits.memory_mb is not None and used.memory_mb > limits.memory_mb:
        return f"used {used.memory_mb:.0f} MB of memory, its limit is {limits.memory_mb} MB"
    samples.append((now, used.cpu_seconds))
    while samples[0][0] < now - _CPU_SECONDS:
        then, spent = samples.popleft()
        percent = 100 * (used.cpu_seconds - spent) / (now - then)
        if limits.cpu_percent is not None and percent > limits.cpu_percent:
            return f"used {percent:.0f} % of a core for a minute, its limit is {limits.cpu_percent:g} %"
    return None


def run_of(name: str, active: ActiveRun) -> ProcessRun:
    """The run that holds a process."""
    return ProcessRun(active.run_id, name, active.day, active.number, active.identity, active.started_at)


def exit_reason(code: int | None) -> str:
    """How a program ended, by its exit code."""
    if code is None:
        return GONE
    if code < 0:
        known = next((number.name for number in signal.Signals if number == -code), f"signal {-code}")
        return f"killed by {known}"
    return f"exit code {code}: see its log"
