"""Who runs on this host: identities of processes as the kernel knows them, safe from recycled pids."""

import os
import signal
from functools import cache
from pathlib import Path

from sysproduction.domain.identity import Identity

_DEAD = frozenset("ZXx")


def myself() -> Identity:
    """The calling process."""
    return identify(os.getpid())


def identify(pid: int) -> Identity:
    """The process that has `pid` now, alive or zombie; raises ProcessLookupError if there is none."""
    found = _state_and_start(pid)
    if found is None:
        raise ProcessLookupError(f"no process {pid} on this host")
    return Identity(host=os.uname().nodename, boot=_boot(), pid=pid, start_ticks=found[1])


def alive(identity: Identity) -> bool:
    """Whether exactly this process still runs; zombies do not count.

    An identity of an earlier boot of this host is dead. Of another host nothing can be known from here, and what
    may be alive must not be robbed: the answer is True, and an operator has to say that the host is gone.
    """
    if identity.host != os.uname().nodename:
        return True
    return runs_here(identity)


def runs_here(identity: Identity) -> bool:
    """Whether exactly this process is known to run on this host: only then may its pid be used."""
    if (identity.host, identity.boot) != (os.uname().nodename, _boot()):
        return False
    found = _state_and_start(identity.pid)
    return found is not None and found[0] not in _DEAD and found[1] == identity.start_ticks


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _state_and_start(pid: int) -> tuple[str, int] | None:
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The program's name stands in brackets and may itself hold brackets and blanks.
    fields = line[line.rindex(b")") + 2 :].split()
    return fields[0].decode(), int(fields[19])


def send(identity: Identity, number: int) -> bool:
    """Send a signal to exactly this process of this host; False if it is gone."""
    if identity.host != os.uname().nodename:
        return False
    try:
        # The handle is taken first: from then on the pid cannot pass to another process unnoticed.
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(identity):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True
