"""What is done to the supervisor itself, or to everything at once, and how the next one finds its way."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sysproduction.domain.errors import Refused
from tests.chaos import Arena, frozen, notify_socket, stopped
from tests.commands import await_true, command, private_home, processes_of

TEN = tuple(f"process_{number}" for number in range(10))
TEMPLATE = "sysproduction.adapters.template"
RESTLESS = {"restart": {"backoff_seconds": 0.05, "backoff_seconds_max": 0.05, "crashes_max": 100_000}}


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """A home for misbehaviour."""
    with private_home(tmp_path / "home") as home:
        yield Arena(home)


def kill(supervisor: "subprocess.Popen[str]") -> None:
    supervisor.kill()
    supervisor.wait()


def adopt_ten(arena: Arena) -> float:
    """Seconds until all were adopted, from the moment at which the supervisor was up."""
    talker = {"work": "talk", "limits": {"stop_seconds": 0.5}}
    arena.plan(**{name: talker if name == TEN[0] else {"work": "idle"} for name in TEN})
    with arena.supervised(*TEN) as first:
        before = arena.pids()
        kill(first)
    lines = arena.home / "logs" / f"{TEN[0]}.log"
    said = lines.stat().st_size
    with arena.supervised() as second:
        begun = time.monotonic()
        await_true(lambda: arena.log.count(": adopted") == 10)
        adopted = time.monotonic() - begun
        await_true(lambda: lines.stat().st_size > said)
        assert second.poll() is None
        assert arena.pids() == before
        assert len(arena.begun("idle")) == 9
    assert all(stopped(pid) for pid in before.values())
    arena.check()
    return adopted


def test_ten_children_are_adopted(arena: Arena) -> None:
    """After kill -9 of the supervisor all go on, the one that prints too; the next one adopts all, starts no second
    copy, and stops them."""
    assert adopt_ten(arena) < 5.0


@pytest.mark.soak
def test_ten_children_are_adopted_in_no_time(arena: Arena) -> None:
    """Within two seconds."""
    assert adopt_ten(arena) < 2.0


def test_an_adopted_child_ends_with_its_window(arena: Arena) -> None:
    """It was started by a supervisor that is dead, and is stopped in time by the next."""
    begun = time.monotonic()
    arena.plan(closes_in=12.0, one={"work": "idle"})
    with arena.supervised("one") as first:
        pid = arena.pids()["one"]
        kill(first)
    with arena.supervised() as second:
        await_true(lambda: "one is running already" in arena.log or stopped(pid))
        await_true(lambda: stopped(pid), 20.0)
        assert 11.0 <= time.monotonic() - begun < 12.0 + 3.0
        await_true(lambda: [run.outcome for run in arena.runs("one")] == ["succeeded"])
        assert second.poll() is None
    assert arena.log.count("adopted") == 1
    arena.check()


def kill_the_supervisor(arena: Arena, times: int, seed: int) -> None:
    """At random moments while processes crash, begin and write; then once in good order."""
    arena.plan(
        quiet={"work": "idle"},
        busy={"work": "count"},
        one={"work": "crash"} | RESTLESS,
        two={"work": "crash"} | RESTLESS,
    )
    chance = random.Random(seed)
    for _ in range(times):
        crashes = len(arena.begun("crash"))
        with arena.launch() as supervisor:
            await_true(lambda before=crashes: len(arena.begun("crash")) > before)  # type: ignore[misc]
            moment = time.monotonic() + chance.uniform(0.0, 0.3)
            await_true(lambda until=moment: time.monotonic() > until)  # type: ignore[misc]
            kill(supervisor)
    with arena.supervised("quiet", "busy"):
        assert len(arena.begun("idle")) == 1
    arena.check()


def test_a_supervisor_killed_again_and_again(arena: Arena) -> None:
    """Five times: each next one finds a state that makes sense; no run is doubled, none is left open."""
    kill_the_supervisor(arena, 5, seed=1)


@pytest.mark.soak
def test_a_supervisor_killed_fifty_times(arena: Arena) -> None:
    """The same in full."""
    kill_the_supervisor(arena, 50, seed=2)


def test_a_killed_template_is_replaced(arena: Arena) -> None:
    """Running jobs go on and are still watched; the next start takes two seconds at most."""
    arena.plan(one={"work": "idle"}, two={"work": "idle"})
    with arena.supervised("one", "two") as supervisor:
        before = arena.pids()
        (template,) = (c for c in psutil.Process(supervisor.pid).children() if TEMPLATE in c.cmdline())
        template.kill()
        await_true(lambda: stopped(template.pid))
        os.kill(before["one"], signal.SIGKILL)
        assert await_true(lambda: arena.pids().get("one", before["one"]) != before["one"]) < 4.0
        assert arena.pids()["two"] == before["two"]
    arena.check()


@pytest.mark.soak
def test_a_template_that_hangs_is_replaced(arena: Arena) -> None:
    """SIGSTOP to the template: the next start is given up after seconds, and made by a new one."""
    arena.plan(one={"work": "idle"})
    with arena.supervised("one") as supervisor:
        (template,) = (c for c in psutil.Process(supervisor.pid).children() if TEMPLATE in c.cmdline())
        dead = arena.pids()["one"]
        with frozen(template.pid):
            os.kill(dead, signal.SIGKILL)
            await_true(lambda: arena.pids().get("one", dead) != dead, 15.0)
            assert stopped(template.pid)
    arena.check()


def test_a_second_supervisor_is_refused_at_once(arena: Arena) -> None:
    """Within a second, and it changes nothing."""
    arena.plan(one={"work": "idle"})
    with arena.supervised("one"):
        second = command(arena.home, "up")
        assert second.code == Refused.exit_code
        assert "running already" in second.err
        assert second.cpu_seconds <= 1.0
        with arena.launch() as another:  # which looks at the lock only
            assert another.wait(10) == Refused.exit_code
        assert len(arena.begun("idle")) == 1
    arena.check()


def test_a_stopped_supervisor_feeds_no_watchdog(arena: Arena, tmp_path: Path) -> None:
    """The service manager hears READY, then the watchdog's food while the loop turns and only then, then STOPPING."""
    arena.plan(one={"work": "idle"})
    with notify_socket(tmp_path / "notify") as manager:
        arena.variables = manager.variables
        with arena.supervised("one") as supervisor:
            await_true(lambda: len(manager.times("WATCHDOG=1")) > 2)
            with frozen(supervisor.pid):
                at = time.monotonic() + 0.3  # what is under way may still arrive
                await_true(lambda: time.monotonic() > at + 2.5)
                assert [moment for moment in manager.times("WATCHDOG=1") if moment > at] == []
            await_true(lambda: max(manager.times("WATCHDOG=1")) > at + 2.5)
            assert manager.times("STOPPING=1") == []
    assert len(manager.times("READY=1")) == 1
    assert len(manager.times("STOPPING=1")) == 1
    assert manager.times("READY=1")[0] < manager.times("WATCHDOG=1")[0]
    arena.check()


def test_everything_is_killed_at_once(arena: Arena) -> None:
    """Supervisor, template, children, pumps and database die together, as under a service manager: the next start
    closes what was open and runs everything again."""
    names = TEN[:3]
    arena.plan(**{name: {"work": "idle"} for name in names})
    with arena.supervised(*names) as supervisor:
        before = arena.pids()
        for process in processes_of(arena.home):
            process.kill()
        supervisor.wait()
    await_true(lambda: processes_of(arena.home) == [])
    with arena.supervised(*names):
        assert not set(before.values()) & set(arena.pids().values())
        assert [run.outcome for run in arena.runs(TEN[0])] == ["crashed", "running"]
    arena.check()
