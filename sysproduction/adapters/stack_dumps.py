"""Asking a process where it is: on SIGUSR1 it writes the stacks of all its threads to its standard error."""

import faulthandler
import signal
from pathlib import Path
from typing import Final

from sysproduction.adapters import host
from sysproduction.domain.identity import Identity

_STDERR: Final = 2


def enable_stack_dumps() -> None:
    """From now on answer `dump_stacks`, also while another thread, or C code, holds the interpreter's lock."""
    faulthandler.register(signal.SIGUSR1, file=_STDERR, all_threads=True, chain=False)


def dump_stacks(identity: Identity) -> bool:
    """Ask for the stacks; False if the process is gone or has not enabled it (the signal would end it).

    The answer takes milliseconds; a process that is stopped (SIGSTOP) gives it when it goes on.
    """
    return host.runs_here(identity) and _catches(identity.pid, signal.SIGUSR1) and host.send(identity, signal.SIGUSR1)


def _catches(pid: int, number: int) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    masks = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    return any(mask >> (number - 1) & 1 for mask in masks)
