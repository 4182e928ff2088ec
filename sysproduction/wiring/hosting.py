"""What a program needs of the machine: signals, children, locks, logs; each vendor is imported when it is needed."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sysproduction.config.home import Home
from sysproduction.domain.identity import Identity
from sysproduction.ports import (
    BeatHeart,
    InitSystem,
    Programs,
    Signals,
)

if TYPE_CHECKING:
    from sysproduction.config.settings import DeadManSettings
    from sysproduction.domain.heartbeats import Beat

CHILD_ENTRY = "sysproduction.ops.main:main"
"""What a child forked from the template runs; benchmarks put a command of their own in its place."""


def myself() -> Identity:
    """The calling process."""
    from sysproduction.adapters import host

    return host.myself()


def alive(identity: Identity) -> bool:
    """Whether exactly this process exists."""
    from sysproduction.adapters import host

    return host.alive(identity)


def signals(home: Home, name: str) -> Signals:
    """A queue of the signals that this process receives; `wake` ends its waits too."""
    from sysproduction.adapters.signals import SignalQueue
    from sysproduction.adapters.wake_sockets import WakeSocket

    home.create()
    return SignalQueue(WakeSocket(_wakes(home), f"{name}.{os.getpid()}"))


def wake(home: Home) -> None:
    """Have everything that runs in this home look at its control state now."""
    from sysproduction.adapters.wake_sockets import wake_all

    wake_all(_wakes(home))


def _wakes(home: Home) -> Path:
    return home.run / "wake"


def live_as_run(home: Home, name: str) -> BeatHeart:
    """Make this process one that a supervisor can look after: whatever it starts is found again, it shows its stacks
    when asked, and what this returns is its heart."""
    from sysproduction.adapters import families, stack_dumps
    from sysproduction.adapters.heartbeats import Heartbeat
    from sysproduction.adapters.programs import run_token

    families.carry(run_token(myself()))
    stack_dumps.enable_stack_dumps()
    return Heartbeat(_hearts(home), name).beat


def last_beats(home: Home) -> "Callable[[str], Beat | None]":
    """The last heartbeat of a process of this home, by name."""
    from sysproduction.adapters.heartbeats import read_beat

    return lambda name: read_beat(_hearts(home), name)


def _hearts(home: Home) -> Path:
    return home.run / "heartbeats"


def init_system() -> InitSystem:
    """What started this process as a service, if anything did."""
    from sysproduction.adapters.systemd_notice import Systemd

    return Systemd(os.environ)


def dead_man_switch(settings: "DeadManSettings") -> "Callable[[float], None]":
    """To be called with the machine's seconds while all is well."""
    from sysproduction.adapters.dead_man import DeadManSwitch

    if settings.url is None:
        return lambda _now: None
    return DeadManSwitch(settings.url.reveal(), settings.every_seconds).well


def children(home: Home, received: Signals) -> Programs:
    """Programs forked from the template."""
    from sysproduction.adapters.preload import preload_for
    from sysproduction.adapters.programs import LocalPrograms

    programs = LocalPrograms(
        entry=CHILD_ENTRY,
        preload=preload_for(str(home.path)),
        log_path=home.logs / "template.log",
        signals=received,
    )
    programs.warm()
    return programs


def single_supervisor(home: Home) -> int | None:
    """A descriptor that holds this home's supervisor lock until it is closed; None if another supervisor holds it."""
    from sysproduction.adapters import file_locks

    home.create()
    return file_locks.take(home.run / "supervisor.lock")


def supervisor_runs(home: Home) -> bool:
    """Whether some supervisor holds this home."""
    from sysproduction.adapters import file_locks

    path = home.run / "supervisor.lock"
    return path.exists() and not file_locks.is_free(path)


def send(identity: Identity, number: int) -> bool:
    """Signal exactly this process; False if it is gone."""
    from sysproduction.adapters import host

    return host.send(identity, number)


def bounded_log(path: Path) -> logging.Handler:
    """A log file that is rotated and whose disk may be full."""
    from sysproduction.adapters.log_lines import BoundedFile

    return BoundedFile(path)


def log_to_stderr(program: str, level: int = logging.INFO, also: logging.Handler | None = None) -> None:
    """Send this program's log to standard error (a child's goes to its file from there), and to `also`."""
    from sysproduction.adapters import log_lines

    log_lines.log_to_stderr(program, level, also)
