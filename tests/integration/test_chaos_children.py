"""What children do, and what is done to them: kills, crash loops, hangs, deafness."""

import os
import random
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from sysproduction.domain.processes import ControlState
from tests.chaos import Arena, frozen, stopped
from tests.commands import await_true, private_home

EAGER = {"restart": {"backoff_seconds": 0.05, "backoff_seconds_max": 0.05, "crashes_max": 1000}}


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """A home for misbehaviour."""
    with private_home(tmp_path / "home") as home:
        yield Arena(home)


def kill_children(arena: Arena, times: int, seed: int) -> list[float]:
    """Seconds until a method ran again after each kill; one process bears them, the other notices nothing."""
    arena.plan(victim={"work": "count", "frequency": 0.0005} | EAGER, warm=True, witness={"work": "idle"})
    chance = random.Random(seed)
    back = []
    with arena.supervised("victim", "witness"):
        witness = arena.pids()["witness"]
        for _ in range(times):
            pid, done = arena.begun("count")[-1][0], len(arena.begun("count"))
            moment = time.monotonic() + chance.uniform(0.0, 0.5)
            await_true(lambda until=moment: time.monotonic() > until)  # type: ignore[misc]
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            await_true(lambda dead=pid, n=done: any(p != dead for p, _at in arena.begun("count")[n:]))  # type: ignore[misc]
            back.append(arena.begun("count")[-1][1] - killed)
        found = arena.runs("victim")
        assert [(run.outcome, run.reason) for run in found[:-1]] == [("crashed", "killed by SIGKILL")] * times
        assert arena.pids()["witness"] == witness
    arena.check()
    assert arena.told("alert") == ["process/victim/crashed"]
    return back


def test_a_child_killed_again_and_again(arena: Arena) -> None:
    """Three times: back soon, each death in the history with its reason, one alert for all of them."""
    assert min(kill_children(arena, 3, seed=3)) < 1.0


@pytest.mark.soak
def test_a_child_killed_twenty_times(arena: Arena) -> None:
    """The same in full, and each time back within 300 ms."""
    assert max(kill_children(arena, 20, seed=4)) < 0.3


def test_a_process_that_crashes_for_ever(arena: Arena) -> None:
    """After the limit it stays down, with one alert that it crashes and one that it is FAILED; the other lives on."""
    limited = {"backoff_seconds": 0.1, "backoff_seconds_max": 0.4, "crashes_max": 4}
    arena.plan(bad={"work": "crash", "restart": limited}, good={"work": "idle"})
    with arena.supervised("good"):
        good = arena.pids()["good"]
        await_true(lambda: "process/bad/failed" in arena.told("alert"))
        calm = time.monotonic() + 1.5
        await_true(lambda: time.monotonic() > calm)
        starts = [at for _pid, at in arena.begun("crash")]
        assert len(starts) == 5
        assert [run.reason for run in arena.runs("bad")] == ["exit code 7: see its log"] * 5
        assert arena.pids() == {"good": good}
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert all(gap >= least for gap, least in zip(gaps, (0.0, 0.1, 0.2, 0.4), strict=True))
    assert sorted(arena.told("alert")) == ["process/bad/crashed", "process/bad/failed"]
    arena.check()


def test_a_stopped_child_hangs(arena: Arena) -> None:
    """SIGSTOP between methods: found when its silence has lasted too long, killed since it cannot end, started
    again; nobody else is touched."""
    arena.plan(
        frozen={"work": "idle", "limits": {"silence_seconds": 2.0, "stop_seconds": 0.5}} | EAGER, other={"work": "idle"}
    )
    with arena.supervised("frozen", "other"):
        before = arena.pids()
        with frozen(before["frozen"]):
            began = time.monotonic()
            await_true(lambda: stopped(before["frozen"]), 20.0)
            assert time.monotonic() - began < 2.0 + 1.0 + 0.5 + 2.0
        await_true(lambda: len(arena.runs("frozen")) == 2)
        first = arena.runs("frozen")[0]
        assert first.outcome == "crashed"
        assert first.reason is not None
        assert "hung: it gave no sign of life" in first.reason
        assert arena.pids()["other"] == before["other"]
        calm = time.monotonic() + 4.0
        await_true(lambda: time.monotonic() > calm)
        assert len(arena.runs("frozen")) == 2
        assert len(arena.begun("idle")) == 2
    arena.check()
    assert arena.told("alert") == ["process/frozen/crashed"]


def test_a_busy_loop_hangs(arena: Arena) -> None:
    """A method that never lets go of the interpreter: its stacks are in its log, then it is killed and run again."""
    arena.plan(spinner={"work": "spin", "timeout_minutes": 1 / 60, "limits": {"stop_seconds": 0.5}} | EAGER)
    with arena.supervised("spinner"):
        await_true(lambda: len(arena.begun("spin")) == 2)
        (_, first), (_, second) = arena.begun("spin")
        assert 1.0 <= second - first < 1.0 + 1.0 + 0.5 + 3.0
        reason = arena.runs("spinner")[0].reason
        assert reason is not None
        assert "hung: it has been in spin" in reason
        log = (arena.home / "logs" / "spinner.log").read_text()
        assert "misbehaving.py" in log
        assert "in spin" in log
    arena.check()


@pytest.mark.parametrize("start_method", ["template", "exec"])
def test_a_deaf_child_and_its_grandchild(arena: Arena, start_method: str) -> None:
    """STOP: whoever ignores TERM, in whatever session, is gone a second after the time it was given."""
    arena.plan(deaf={"work": "deaf", "start_method": start_method, "limits": {"stop_seconds": 1.0}})
    with arena.supervised("deaf"):
        await_true(lambda: psutil.Process(arena.pids()["deaf"]).children())
        leader = psutil.Process(arena.pids()["deaf"])
        family = [leader, *leader.children()]
        assert os.getsid(family[1].pid) == family[1].pid
        arena.order("deaf", ControlState.STOP)
        ordered = time.monotonic()
        await_true(lambda: all(stopped(process.pid) for process in family))
        assert 1.0 <= time.monotonic() - ordered < 1.0 + 1.0 + 1.0
        await_true(lambda: arena.runs("deaf")[0].outcome == "crashed")
    arena.check()
    assert [run for run in arena.begun("deaf")] == [(leader.pid, arena.begun("deaf")[0][1])]


def test_a_method_that_raises(arena: Arena) -> None:
    """The others still run; what tidies up runs once, at STOP too, and each failure is in the history."""
    arena.plan(clumsy={"work": "fail", "beside": ["count"], "tidies": True})
    with arena.supervised("clumsy"):
        await_true(lambda: len(arena.begun("fail")) >= 3 and len(arena.begun("count")) >= 3)
        assert arena.begun("tidy") == []
        arena.order("clumsy", ControlState.STOP)
        await_true(lambda: "clumsy" not in arena.pids(), 5.0)
        assert len(arena.begun("tidy")) == 1
        assert arena.begun("tidy")[0][1] > max(at for _pid, at in arena.begun("count"))
        (run,) = arena.runs("clumsy")
        failures = arena.states(lambda states: states.method_runs(run_id=run.run_id)) or []
        told = [f.error for f in failures if f.method == "fail"]
        assert len(told) == len(arena.begun("fail"))
        assert all(error and "one and one is three" in error for error in told)
    arena.check()
