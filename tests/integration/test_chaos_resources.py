"""Children that flood, breed and eat, and disks that are full: what is shared stays usable."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sysproduction.adapters.limited_log import Limits
from sysproduction.domain.errors import Unavailable
from sysproduction.ports import Documents
from sysproduction.stores.process_states import ProcessStates
from tests.chaos import Arena, notify_socket, stopped
from tests.commands import await_true, private_home, processes_of

ONCE = {"restart": {"enabled": False}}


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """A home for misbehaviour."""
    with private_home(tmp_path / "home") as home:
        yield Arena(home)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """A file system of this size at `place`."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take up all the room of the file system."""
    with (disk / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize)
    return disk / "filler"


def flood(arena: Arena, ear: Path, seconds: float) -> None:
    """One line of 100 MB, then `yes`, for so long."""
    arena.plan(loud={"work": "flood", "limits": {"stop_seconds": 0.5}}, quiet={"work": "count"})
    with notify_socket(ear) as manager:
        arena.variables = manager.variables
        with arena.supervised("loud", "quiet") as supervisor:
            await_true(lambda: len(arena.begun("flood")) == 1)
            since, done = time.monotonic(), len(arena.begun("count"))
            memory = psutil.Process(supervisor.pid).memory_info().rss
            await_true(lambda: time.monotonic() > since + seconds, seconds + 10)
            assert manager.longest_silence(since) < 1.5
            assert psutil.Process(supervisor.pid).memory_info().rss - memory < 20e6
            assert len(arena.begun("count")) - done > seconds
            asked = time.monotonic()
            arena.states(lambda states: states.states())
            assert time.monotonic() - asked < 0.75
    logs = [path.stat().st_size for path in (arena.home / "logs").glob("loud.log*")]
    assert max(logs) <= Limits().file_bytes_max
    assert len(logs) <= Limits().files_kept + 1
    arena.check()


def test_a_flood_of_output(arena: Arena, tmp_path: Path) -> None:
    """Three seconds: the loop turns on, its memory stays, the other process works on, the log is bounded."""
    flood(arena, tmp_path / "notify", 3.0)


@pytest.mark.soak
def test_a_long_flood_of_output(arena: Arena, tmp_path: Path) -> None:
    """Thirty seconds of the same."""
    flood(arena, tmp_path / "notify", 30.0)


@pytest.mark.parametrize(("work", "limit"), [("breed", 1000), ("eat", 300)])
def test_a_greedy_family_ends(arena: Arena, work: str, limit: int) -> None:
    """Two hundred processes or one that eats memory: over its limit the whole family is killed and nobody else; the
    record says why."""
    arena.plan(greedy={"work": work, "limits": {"memory_mb": limit}} | ONCE, quiet={"work": "idle"})
    with arena.supervised("quiet"):
        quiet = arena.pids()["quiet"]
        await_true(lambda: [run.outcome for run in arena.runs("greedy")] == ["crashed"])
        reason = arena.runs("greedy")[0].reason
        assert reason is not None
        assert f"MB of memory, its limit is {limit} MB" in reason
        await_true(lambda: len(processes_of(arena.home)) < 12, 3.0)
        assert arena.pids() == {"quiet": quiet}
        assert not stopped(quiet)
    arena.check()
    assert len(arena.told("alert")) == 1


def test_logs_on_a_full_disk(arena: Arena) -> None:
    """Jobs go on and are started; where there is room again, the log tells what it lost."""
    with small_disk(arena.home / "logs", "256k"):
        arena.plan(talker={"work": "talk", "limits": {"stop_seconds": 0.5}}, quiet={"work": "count"})
        with arena.supervised("talker", "quiet"):
            filler = fill(arena.home / "logs")
            before, done = arena.pids(), len(arena.begun("count"))
            said = (arena.home / "logs" / "talker.log").stat().st_size
            psutil.Process(before["quiet"]).kill()
            await_true(lambda: arena.pids().get("quiet", before["quiet"]) != before["quiet"])
            await_true(lambda: len(arena.begun("count")) > done + 3)
            filler.unlink()
            await_true(lambda: "--- " in (arena.home / "logs" / "talker.log").read_text()[said:])
            assert arena.pids()["talker"] == before["talker"]
        arena.check()
        await_true(lambda: processes_of(arena.home) == [])


def test_state_on_a_full_disk(arena: Arena) -> None:
    """What runs goes on; nothing works whose run is not recorded durably; when there is room, all is well again."""
    place = arena.home / "data" / "mongo"
    with small_disk(place, "160m"):
        arena.plan(quiet={"work": "idle"})
        with arena.supervised("quiet"):
            quiet = arena.pids()["quiet"]
        arena.check()
        arena.plan(quiet={"work": "idle"}, writer={"work": "count"})
        with arena.supervised("quiet", "writer"):
            before, filler = arena.pids(), fill(place)
            arena.states(_stuff)
            psutil.Process(before["writer"]).kill()
            later = time.monotonic() + 5.0
            await_true(lambda: time.monotonic() > later)
            worked = {pid for pid, _at in arena.begun("count")}
            assert not stopped(before["quiet"])
            filler.unlink()
            done = len(arena.begun("count"))
            await_true(lambda: len(arena.begun("count")) > done + 2, 60.0)
            assert arena.pids()["quiet"] == before["quiet"] != quiet
        arena.check()
        with arena.supervised("quiet"):
            assert worked <= {run.identity.pid for run in arena.runs("writer")}
        arena.check()


def _stuff(states: ProcessStates) -> None:
    """Use up what the database had set aside for itself."""
    for size in (1_000_000, 30_000, 1_000):
        with pytest.raises(Unavailable):
            _insert_all(states._documents, size)


def _insert_all(documents: Documents, size: int) -> None:
    for number in range(1000):
        documents.insert("ballast", f"{size}/{number}", {"text": "x" * size})
