"""Every process that belongs to a run, wherever it has gone: found by a token that its environment carries.

The template is executed with TOKEN_VARIABLE set to BLANK_TOKEN. A child that it forks calls `carry(token)`, which
overwrites the value in place, in the memory that /proc/PID/environ shows: from then on whatever the child forks or
executes shows the token, in its own session and re-parented to init included. Whoever shall outlive the run (the
database's keeper) calls `leave()`. Who shows no token (it cleared its environment) belongs to the run if it
descends from a member, or is in a session or group that a member leads, or was seen as a member before (`known`).
"""

import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from sysproduction.adapters import host
from sysproduction.domain.identity import Identity

TOKEN_VARIABLE: Final = "SYSPRODUCTION_RUN_TOKEN"
BLANK_TOKEN: Final = "0" * 32
"""Room for a token: belongs to nobody yet."""

_NOBODY: Final = "-" * 32
_NO_TOKENS: Final = frozenset({"", BLANK_TOKEN, _NOBODY})
_ENTRY: Final = f"\0{TOKEN_VARIABLE}=".encode()
_KILL_SECONDS_MAX: Final = 1.0
_GONE_SECONDS: Final = 0.1
_CALM_SCANS: Final = 3
"""Who goes on as its own child every few milliseconds can be missed by one scan."""

_PIDFD_SIGNAL_PROCESS_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class _Process:
    identity: Identity
    parent: int
    bonds: frozenset[int]
    """Its group and its session."""
    token: str | None


def carry(token: str) -> bool:
    """Belong to the run of this token from now on, with everything that this process starts; False if the
    environment had no room, so that only what it executes, not what it forks, will show the token."""
    os.environ[TOKEN_VARIABLE] = token
    with suppress(OSError), open("/proc/self/mem", "r+b", buffering=0) as memory:
        start, end = _environment()
        memory.seek(start)
        shown = b"\0" + memory.read(end - start)
        place = shown.find(_ENTRY)
        value = place + len(_ENTRY)
        if place >= 0 and shown.find(b"\0", value) - value == len(token):
            memory.seek(start - 1 + value)
            return memory.write(token.encode()) == len(token)
    return False


def leave() -> bool:
    """Belong to no run any more, with everything that this process starts from now on; the return is carry's."""
    return carry(_NOBODY)


def family(identity: Identity, token: str, *, known: Iterable[Identity] = ()) -> list[Identity]:
    """The living processes of the run that `identity` leads, itself included and first, then by age.

    Processes of this user only; zombies do not count. A pid that was recycled, or another run's process, is never
    taken for a member. Takes about 0.02 ms for each process of this user.
    """
    shown = _scan()
    members = {pid for pid, process in shown.items() if _is_named(process, identity, token, frozenset(known))}
    while fresh := {pid for pid in shown.keys() - members if _is_bound(shown[pid], members, shown, identity)}:
        members |= fresh
    found = (shown[pid].identity for pid in members)
    return sorted(found, key=lambda member: (member != identity, member.start_ticks, member.pid))


def end_family(identity: Identity, token: str, number: int, *, known: Iterable[Identity] = ()) -> list[Identity]:
    """Signal every process of the run, each by its identity; returns those that were reached.

    For SIGKILL the family is stopped first, until no scan finds a new member, so that none is born meanwhile, and
    looked for again afterwards; takes about a second at most.
    """
    if number != signal.SIGKILL:
        return [member for member in family(identity, token, known=known) if _send(member, number)]
    seen, reached = list(known), dict[Identity, None]()
    deadline = time.monotonic() + _KILL_SECONDS_MAX
    calm = 0
    while calm < _CALM_SCANS and time.monotonic() < deadline:
        frozen = _freeze(identity, token, known=[*seen, *reached], deadline=deadline)
        calm = 0 if frozen else calm + 1
        reached |= {member: None for member in frozen if _send(member, signal.SIGKILL)}
        _await_end(frozen)
    return list(reached)


def _freeze(identity: Identity, token: str, *, known: list[Identity], deadline: float) -> list[Identity]:
    _stop_group(identity)
    frozen: dict[Identity, None] = {}
    while fresh := [m for m in family(identity, token, known=[*known, *frozen]) if m not in frozen]:
        frozen |= dict.fromkeys(fresh)
        for member in fresh:
            _send(member, signal.SIGSTOP)
        if time.monotonic() > deadline:
            break
    return list(frozen)


def _stop_group(leader: Identity) -> None:
    """All at once, where the kernel can (Linux 6.9): a fork bomb outruns whoever stops one after the other."""
    with suppress(OSError):
        handle = os.pidfd_open(leader.pid)
        try:
            if host.runs_here(leader):
                signal.pidfd_send_signal(handle, signal.SIGSTOP, None, _PIDFD_SIGNAL_PROCESS_GROUP)
        finally:
            os.close(handle)


def _await_end(members: list[Identity]) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while any(map(host.runs_here, members)) and time.monotonic() < deadline:
        time.sleep(0.001)


def _send(member: Identity, number: int) -> bool:
    try:
        return host.send(member, number)
    except PermissionError:  # it has become another user's
        return False


def _is_named(process: _Process, leader: Identity, token: str, known: frozenset[Identity]) -> bool:
    if process.identity == leader or (process.token == token and token not in _NO_TOKENS):
        return True
    return process.identity in known and _is_free(process)


def _is_free(process: _Process) -> bool:
    return process.token in {None, BLANK_TOKEN}


def _is_bound(process: _Process, members: set[int], shown: Mapping[int, _Process], leader: Identity) -> bool:
    """Descends from a member, or is in a session or group that a member leads. Who is named must still live: then
    its pid was its own while the scan went on. The leader's own session outlives it as long as a member is there.
    """
    if not _is_free(process):
        return False
    ties = (process.bonds | {process.parent}) & members
    if any(host.runs_here(shown[pid].identity) for pid in ties):
        return True
    return leader.pid in process.bonds and any(leader.pid in shown[pid].bonds for pid in members)


def _scan() -> dict[int, _Process]:
    # The newest first: they are the ones that may be gone in a moment, leaving a child.
    me, user = host.myself(), os.geteuid()
    entries = sorted((entry for entry in os.listdir("/proc") if entry.isdigit()), key=int, reverse=True)
    return {process.identity.pid: process for entry in entries for process in _look(entry, me, user)}


def _look(entry: str, me: Identity, user: int) -> Iterator[_Process]:
    """One process; none if it is a zombie, another user's, gone, or the one that asks."""
    with suppress(OSError):
        if os.stat(f"/proc/{entry}").st_uid != user or int(entry) == me.pid:
            return
        fields = _stat(entry)
        if fields[0] in {b"Z", b"X", b"x"}:
            return
        parent, group, session = (int(field) for field in fields[1:4])
        identity = replace(me, pid=int(entry), start_ticks=int(fields[19]))
        yield _Process(identity, parent, frozenset((group, session)), _token(entry))


def _token(entry: str) -> str | None:
    try:
        with open(f"/proc/{entry}/environ", "rb", buffering=0) as file:
            shown = b"\0" + file.read()
    except OSError:
        return None
    place = shown.find(_ENTRY)
    if place < 0:
        return None
    return shown[place + len(_ENTRY) :].split(b"\0", 1)[0].decode("ascii", "replace")


def _environment() -> tuple[int, int]:
    fields = _stat("self")
    return int(fields[47]), int(fields[48])


def _stat(entry: str) -> list[bytes]:
    """The fields behind the name, which stands in brackets and may itself hold brackets and blanks."""
    with open(f"/proc/{entry}/stat", "rb", buffering=0) as file:
        line = file.read()
    return line[line.rindex(b")") + 2 :].split()
