"""A database or a Slack that refuses, hangs or hurries nobody: the supervisor's loop turns on, and nothing is lost."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.processes import ControlState, MethodRun
from sysproduction.stores.process_states import ProcessStates
from tests.chaos import Arena, frozen, notify_socket
from tests.commands import await_true, configure, private_home, processes_of
from tests.slack_server import CHANNEL, TOKEN, Answer, slack_server
from tests.slow_link import SlowLink, slow_link

TURN = 1.0
BLOCKED = 1.0
"""A turn of the loop lasts a second at most; a store that is away may add so much to it."""

SLACK = "notify: {{slack: {{token: {token}, channel: '{channel}', url: '{url}'}}}}\n"


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """A home for misbehaviour, with a database that is not the supervisor's to mend."""
    with private_home(tmp_path / "home") as home:
        arena = Arena(home)
        database = arena.database
        try:
            configure(home, f"mongo: {database.acquire()}\n")
            yield arena
        finally:
            database.release()


def black_holed(arena: Arena) -> AbstractContextManager[None]:
    """Its connections stand, its port listens, and no answer comes."""
    status = arena.database.status()
    assert status is not None
    return frozen(status.pid)


@contextmanager
def refused(arena: Arena) -> Iterator[None]:
    """It is gone, and comes back at its old port."""
    status = arena.database.status()
    assert status is not None
    os.kill(status.pid, signal.SIGKILL)
    try:
        yield
    finally:
        other = arena.database
        assert f":{status.port}/" in other.acquire()
        other.drop_use()


def executions(arena: Arena, process: str) -> list[MethodRun]:
    """As recorded, oldest first; asked once all supervisors have ended."""
    database = arena.database
    with closing(MongoDocuments(database.acquire(), "sysproduction")) as documents:
        found = ProcessStates(documents).method_runs(process=process)
    database.drop_use()
    return found[::-1]


def lose_the_store(arena: Arena, ear: Path, *, kind: str, seconds: float) -> None:
    """For so long; then all must be as if nothing had been."""
    arena.plan(writer={"work": "count"}, quiet={"work": "idle"}, held={"work": "idle"})
    with notify_socket(ear) as manager:
        arena.variables = manager.variables
        with arena.supervised("writer", "quiet", "held"):
            before = arena.pids()
            await_true(lambda: len(arena.begun("count")) > 3)
            since = time.monotonic()
            with black_holed(arena) if kind == "black-holed" else refused(arena):
                await_true(lambda: "alert key=" + '"store"' in arena.log)
                await_true(lambda: time.monotonic() > since + seconds, seconds + 10)
                assert manager.longest_silence(since) < TURN + BLOCKED
            done = len(arena.begun("count"))
            await_true(lambda: 'recovery key="store"' in arena.log, 15.0)
            await_true(lambda: len(arena.begun("count")) > done + 2, 15.0)
            assert manager.longest_silence(since) < TURN + BLOCKED
            assert arena.pids() == before
            arena.order("held", ControlState.STOP)
            await_true(lambda: "held" not in arena.pids(), 3.0)
    arena.check()
    assert arena.told("alert") == ["store"]
    assert arena.told("recovery") == ["store"]
    recorded = executions(arena, "writer")
    assert len(recorded) == len(arena.begun("count"))
    assert len({run.started_at for run in recorded}) == len(recorded)


@pytest.mark.parametrize("kind", ["refused", "black-holed"])
def test_a_store_that_is_away(arena: Arena, tmp_path: Path, kind: str) -> None:
    """Five seconds: the loop turns on, no child ends, each execution is recorded once, one alert, one recovery."""
    lose_the_store(arena, tmp_path / "notify", kind=kind, seconds=5.0)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["refused", "black-holed"])
def test_a_store_that_is_away_for_long(arena: Arena, tmp_path: Path, kind: str) -> None:
    """A minute: longer than the silence that a child is allowed."""
    lose_the_store(arena, tmp_path / "notify", kind=kind, seconds=60.0)


def slow_store(arena: Arena, link: SlowLink, ear: Path, *, seconds: float) -> None:
    """Each answer takes 0.4 s for so long, and a child is killed: that takes its supervisor many questions."""
    arena.plan(writer={"work": "count"}, victim={"work": "idle"})
    with notify_socket(ear) as manager:
        arena.variables = manager.variables
        with arena.supervised("writer", "victim"):
            before = arena.pids()
            await_true(lambda: len(arena.begun("count")) > 3)
            since, link.delay = time.monotonic(), 0.4
            os.kill(before["victim"], signal.SIGKILL)
            await_true(lambda: arena.pids().get("victim", before["victim"]) != before["victim"], 30.0)
            await_true(lambda: time.monotonic() > since + seconds, seconds + 10)
            assert manager.longest_silence(since) < TURN + BLOCKED
            link.delay, done = 0.0, len(arena.begun("count"))
            await_true(lambda: len(arena.begun("count")) > done + 2, 15.0)
            assert arena.pids()["writer"] == before["writer"]
    arena.check()
    assert arena.told("alert") == ["process/victim/crashed"]
    recorded = executions(arena, "writer")
    assert len(recorded) == len(arena.begun("count"))
    assert all(earlier.ended_at <= later.started_at for earlier, later in pairwise(recorded))


@pytest.fixture
def link(arena: Arena) -> Iterator[SlowLink]:
    """Between the home and its database."""
    status = arena.database.status()
    assert status is not None
    with slow_link(status.port) as made:
        settings = arena.home / "private_config.yaml"
        settings.write_text(settings.read_text().replace(f":{status.port}/", f":{made.port}/"))
        yield made


def test_a_slow_store(arena: Arena, link: SlowLink, tmp_path: Path) -> None:
    """Five seconds: the loop turns on in the middle of its questions, a dead child comes back, nothing is told but its
    crash, each execution is recorded once and in order."""
    slow_store(arena, link, tmp_path / "notify", seconds=5.0)


@pytest.mark.soak
def test_a_slow_store_for_long(arena: Arena, link: SlowLink, tmp_path: Path) -> None:
    """A minute of the same."""
    slow_store(arena, link, tmp_path / "notify", seconds=60.0)


def test_an_end_without_the_store(arena: Arena) -> None:
    """Told to stop while the database hangs, the supervisor ends with everything it ran; the next start records it."""
    arena.plan(writer={"work": "count", "limits": {"stop_seconds": 1.0}})
    with arena.supervised("writer") as supervisor:
        with black_holed(arena):
            await_true(lambda: "the store is unreachable" in arena.log)
            supervisor.terminate()
            assert supervisor.wait(20) == 0
            assert processes_of(arena.home) == []
        assert "the next start records the end of writer" in arena.log
    with arena.supervised("writer"):
        assert [run.outcome for run in arena.runs("writer")] == ["crashed", "running"]
    arena.check()


def test_the_own_database_is_mended_beside_the_loop(tmp_path: Path) -> None:
    """The supervisor starts its database again, and its loop turns on meanwhile."""
    with private_home(tmp_path / "home") as home, notify_socket(tmp_path / "notify") as manager:
        arena = Arena(home, manager.variables)
        arena.plan(quiet={"work": "idle"}, writer={"work": "count"})
        with arena.supervised("quiet", "writer"):
            before, status = arena.pids(), arena.database.status()
            assert status is not None
            since = time.monotonic()
            os.kill(status.pid, signal.SIGKILL)
            await_true(lambda: 'recovery key="store"' in arena.log)
            done = len(arena.begun("count"))
            await_true(lambda: len(arena.begun("count")) > done + 2, 15.0)
            assert manager.longest_silence(since) < TURN + BLOCKED
            assert arena.pids() == before
        arena.check()


@pytest.mark.parametrize("answer", [Answer(429, "ratelimited", retry_after="30"), Answer(hang=True)])
def test_slack_delays_no_job(tmp_path: Path, answer: Answer) -> None:
    """While Slack wants to be left alone, or says nothing, a killed child is back as soon as ever."""
    with (
        private_home(tmp_path / "home") as home,
        slack_server() as slack,
        notify_socket(tmp_path / "notify") as manager,
    ):
        slack.script = [answer] * 100
        configure(home, SLACK.format(token=TOKEN, channel=CHANNEL, url=slack.url))
        arena = Arena(home, manager.variables)
        arena.plan(victim={"work": "count"}, bad={"work": "crash", "restart": {"enabled": False}})
        with arena.supervised("victim"):
            slack.wait_for_requests(1)
            since, dead = time.monotonic(), arena.pids()["victim"]
            os.kill(dead, signal.SIGKILL)
            await_true(lambda: arena.begun("count")[-1][0] != dead)
            assert time.monotonic() - since < 3.0
            await_true(lambda: "process/victim/crashed" in arena.told("alert"))
            assert manager.longest_silence(since) < TURN + BLOCKED
            assert len(slack.requested_at) == 1
        arena.check()
