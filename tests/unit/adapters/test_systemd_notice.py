"""Notices to systemd, at a socket that stands for it."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysproduction.adapters.systemd_notice import Systemd


class Receiver:
    """What systemd would hear."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture(params=["path", "abstract"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    """A socket in the file system, and one of the abstract kind."""
    address = f"@sysproduction-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    receiver = Receiver(address)
    yield receiver
    receiver.socket.close()


def manager(receiver: Receiver, **environ: str) -> Systemd:
    return Systemd({"NOTIFY_SOCKET": receiver.address, **environ})


def test_each_state_is_said(receiver: Receiver) -> None:
    """One datagram each, in order; a status is one line."""
    systemd = manager(receiver)
    assert systemd.ready()
    assert systemd.status("ten processes\nrun, naïvely")
    assert systemd.stopping()
    assert receiver.heard() == ["READY=1", "STATUS=ten processes run, naïvely", "STOPPING=1"]


def test_a_reload_says_when_it_began(receiver: Receiver) -> None:
    """The stamp is of the monotonic clock, in microseconds."""
    before = time.monotonic()
    assert manager(receiver).reloading()
    first, second = receiver.heard()[0].split("\n")
    name, stamp = second.split("=")
    assert (first, name) == ("RELOADING=1", "MONOTONIC_USEC")
    assert int(before * 1e6) - 1 <= int(stamp) <= time.monotonic() * 1e6


def test_the_watchdog_is_fed_at_half_its_time(receiver: Receiver) -> None:
    """At once, then only when half of the time has passed since."""
    systemd = manager(receiver, WATCHDOG_USEC="30000000", WATCHDOG_PID=str(os.getpid()))
    assert systemd.alive_seconds == 15
    assert [systemd.alive(now) for now in (100, 100.1, 114.9, 115, 115.1, 129.9, 130)] == [
        *(True, False, False, True, False, False, True)
    ]
    assert receiver.heard() == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}],
)
def test_no_watchdog_of_ours_is_not_fed(receiver: Receiver, environ: dict[str, str]) -> None:
    """None set, another process's, or nonsense."""
    systemd = manager(receiver, **environ)
    assert systemd.alive_seconds is None
    assert not systemd.alive(1e6)
    assert receiver.heard() == []


def test_a_watchdog_for_everybody_is_fed(receiver: Receiver) -> None:
    """Without WATCHDOG_PID it waits for whoever has the variable."""
    assert manager(receiver, WATCHDOG_USEC="2000000").alive(0.0)
    assert receiver.heard() == ["WATCHDOG=1"]


def test_without_systemd_nothing_is_sent() -> None:
    """No NOTIFY_SOCKET: every call is free of effect, a watchdog's time or not."""
    systemd = Systemd({"WATCHDOG_USEC": "2000000"}, send=lambda *_: pytest.fail("something was sent"))
    assert not any([systemd.ready(), systemd.stopping(), systemd.reloading(), systemd.status("x"), systemd.alive(9.0)])
    assert systemd.alive_seconds is None


@pytest.mark.parametrize("address", ["nowhere", "", "/" + "x" * 200, "a\0b", "@"])
def test_a_bad_socket_harms_nobody(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Absent, too long, not a name at all: no error, and one line in the log however often it is tried."""
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        systemd = Systemd({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000"})
        assert not any([systemd.ready(), systemd.alive(0.0), systemd.alive(5.0)])
    assert len(caplog.records) == (1 if address else 0)


def test_a_full_socket_does_not_block(receiver: Receiver) -> None:
    """What cannot be handed over is said, and the watchdog is fed as soon as there is room."""
    systemd = manager(receiver, WATCHDOG_USEC="30000000")
    begun = time.monotonic()
    handed = sum(systemd.status("busy") for _ in range(2000))
    assert time.monotonic() - begun < 5
    assert handed < 2000
    assert not systemd.alive(0.0)
    assert len(receiver.heard()) == handed
    assert systemd.alive(0.1)
    assert receiver.heard() == ["WATCHDOG=1"]
