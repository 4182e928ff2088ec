"""Waking processes through their sockets."""

import os
import selectors
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sysproduction.adapters.wake_sockets import WakeSocket, wake, wake_all
from sysproduction.domain.errors import ConfigError, Unavailable

ROOT = Path(__file__).resolve().parents[3]
SLEEPER = """
import selectors, sys
from pathlib import Path
from sysproduction.adapters.wake_sockets import WakeSocket
own = WakeSocket(Path(sys.argv[1]), sys.argv[2])
print("bound", flush=True)
with selectors.DefaultSelector() as selector:
    selector.register(own.socket, selectors.EVENT_READ)
    woken = bool(selector.select(20)) and own.drain()
print("woken" if woken else "overslept", flush=True)
sys.stdin.read()
own.close()
"""


def sleeper(folder: Path, name: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(folder), name],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "bound\n"
    return process


@pytest.fixture(params=["short", "long"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder of sockets, also one whose path alone is longer than a socket's address may be."""
    path = tmp_path / "wake"
    if request.param == "long":
        path = tmp_path / ("home" * 30) / ("deep" * 30) / "wake"
        assert len(str(path)) > 200
    return path


def readable(own: WakeSocket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(own.socket, selectors.EVENT_READ)
        return bool(selector.select(0))


def test_a_wake_is_seen_once(folder: Path) -> None:
    """Readable when woken, however often, until it is drained."""
    own = WakeSocket(folder, "run_systems")
    assert not readable(own)
    assert not own.drain()
    assert wake(folder, "run_systems")
    assert wake(folder, "run_systems")
    assert readable(own)
    assert own.drain()
    assert not readable(own)
    assert not own.drain()
    own.close()
    assert list(folder.iterdir()) == []


def test_only_the_owner_may_wake(folder: Path) -> None:
    """The socket is for its owner's eyes, and so is the folder."""
    own = WakeSocket(folder, "a")
    assert stat.S_IMODE((folder / "a.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    own.close()


def test_another_process_is_woken_at_once(folder: Path) -> None:
    """Both by name and with everybody else; who is not named sleeps on."""
    first, second = sleeper(folder, "first"), sleeper(folder, "second")
    own = WakeSocket(folder, "third")
    assert wake(folder, "first")
    assert first.communicate()[0] == "woken\n"
    assert not own.drain()
    assert wake_all(folder) == 2
    assert second.communicate()[0] == "woken\n"
    assert own.drain()
    own.close()
    assert list(folder.iterdir()) == []


def test_a_dead_process_is_cleaned_up(folder: Path) -> None:
    """One that was killed leaves its socket behind; who wakes it next takes it away."""
    for clean in (lambda: wake(folder, "victim"), lambda: bool(wake_all(folder))):
        victim = sleeper(folder, "victim")
        victim.kill()
        victim.communicate()
        assert (folder / "victim.sock").exists()
        assert not clean()
        assert not (folder / "victim.sock").exists()


def test_a_stale_socket_is_taken_over(folder: Path) -> None:
    """Whoever comes next under the name gets the wakes, and the one before does not take its socket away."""
    before = WakeSocket(folder, "a")
    after = WakeSocket(folder, "a")
    assert wake(folder, "a")
    assert after.drain()
    assert not before.drain()
    before.close()
    assert wake(folder, "a")
    after.close()
    after.close()
    assert not wake(folder, "a")


def test_a_thousand_wakes_do_not_block(folder: Path) -> None:
    """A receiver that does not read, stopped or busy, holds nobody up; they count as one wake."""
    own = WakeSocket(folder, "deaf")
    begun = time.monotonic()
    assert all(wake(folder, "deaf") for _ in range(500))
    assert sum(wake_all(folder) for _ in range(500)) == 500
    assert time.monotonic() - begun < 2
    assert own.drain()
    assert not own.drain()
    own.close()


def test_nobody_there_is_no_error(folder: Path) -> None:
    """No folder, no socket, something else under the name, a name that can be none: nobody listens."""
    assert not wake(folder, "a")
    assert wake_all(folder) == 0
    folder.mkdir(parents=True)
    (folder / "file.sock").write_text("not a socket")
    (folder / "other").write_text("not a socket's name")
    assert [wake(folder, name) for name in ("a", "file", "", "x" * 300, "a\0b", "../a")] == [False] * 6
    assert wake_all(folder) == 0
    assert (folder / "other").exists()


def test_no_descriptor_is_left_open(folder: Path) -> None:
    """Neither waking nor being woken leaks."""
    before = len(os.listdir("/proc/self/fd"))
    own = WakeSocket(folder, "a")
    for _ in range(5):
        wake(folder, "a")
        wake_all(folder)
        wake(folder, "b")
    own.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", ["", "a/b", "a\0b", "x" * 81])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    """A name that can be no socket's is a mistake of the configuration."""
    with pytest.raises(ConfigError, match="cannot name a socket"):
        WakeSocket(tmp_path, name)


def test_a_folder_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    """A file where the folder should be is told."""
    (tmp_path / "wake").write_text("")
    with pytest.raises(Unavailable, match=r"wake/a\.sock: this socket cannot be made: File exists"):
        WakeSocket(tmp_path / "wake", "a")
