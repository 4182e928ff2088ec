"""Identities of processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sysproduction.adapters import host


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that waits to be told to end."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_myself_is_alive() -> None:
    """The calling process knows itself, the same each time."""
    assert host.myself().pid == os.getpid()
    assert host.myself() == host.myself()
    assert host.alive(host.myself())


def test_recycled_pid_is_another_process() -> None:
    """A living pid with another start stamp is not the process that is asked for."""
    myself = host.myself()
    forged = replace(myself, start_ticks=myself.start_ticks - 1)
    assert not host.alive(forged)
    assert not host.send(forged, signal.SIGKILL)


def test_other_boot_is_dead() -> None:
    """Nothing of an earlier boot of this host lives."""
    assert not host.alive(replace(host.myself(), boot="00000000-0000-0000-0000-000000000000"))


def test_other_host_may_be_alive() -> None:
    """Of another host nothing is known, so nothing is declared dead, and nothing is signalled."""
    elsewhere = replace(host.myself(), host="elsewhere.example", boot="other")
    assert host.alive(elsewhere)
    assert not host.send(elsewhere, signal.SIGKILL)


def test_zombie_is_dead(child: "subprocess.Popen[bytes]") -> None:
    """A process that has ended but was not waited for does not live."""
    identity = host.identify(child.pid)
    assert host.alive(identity)
    assert host.send(identity, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not host.alive(identity)
    child.wait()
    assert not host.alive(identity)
    assert not host.send(identity, signal.SIGTERM)


def test_name_with_brackets() -> None:
    """A program may call itself anything."""
    script = "open('/proc/self/comm', 'w').write('a) Z (b'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert host.alive(host.identify(process.pid))
        process.kill()


def test_no_such_process() -> None:
    """Asking for a pid that nobody has is an error."""
    with pytest.raises(ProcessLookupError):
        host.identify(2**22 + 1)
