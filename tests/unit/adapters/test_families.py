"""Who belongs to a run, with real processes that try to get away."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sysproduction.adapters import host
from sysproduction.adapters.families import BLANK_TOKEN, TOKEN_VARIABLE, end_family, family
from sysproduction.domain.identity import Identity

ROOT = Path(__file__).resolve().parents[3]
NO_BODY = replace(host.myself(), pid=2**22 + 1)


def poll(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


@dataclass
class Run:
    """A leader and the processes that it started and that said their pid."""

    process: "subprocess.Popen[bytes]"
    token: str
    leader: Identity
    others: list[Identity] = field(default_factory=list)

    @property
    def members(self) -> set[Identity]:
        return {self.leader, *self.others}

    def alive(self) -> set[Identity]:
        return {member for member in self.members if host.runs_here(member)}


def has_ended(run: Run) -> bool:
    """Whether nobody, known or not, holds the run's output any more."""
    assert run.process.stdout is not None
    os.set_blocking(run.process.stdout.fileno(), False)
    said = run.process.stdout.read()
    for pid in map(int, (said or b"").split()):
        with suppress(ProcessLookupError):
            run.others.append(host.identify(pid))
    return said == b""


class Runs:
    """Starts leaders as the template would, and leaves nothing of them behind."""

    def __init__(self) -> None:
        self.every: list[Run] = []
        self.idlers: list[subprocess.Popen[bytes]] = []

    def start(self, how: str, others: int) -> Run:
        token = secrets.token_hex(16)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.adapters.family_under_test", token, how],
            cwd=ROOT,
            env=os.environ | {TOKEN_VARIABLE: BLANK_TOKEN},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        run = Run(process, token, host.identify(process.pid))
        self.every.append(run)
        assert process.stdout is not None
        said = {int(process.stdout.readline()) for _ in range(others + 1)}
        run.others += [host.identify(pid) for pid in said - {process.pid}]
        return run

    def idle(self, token: str) -> "subprocess.Popen[bytes]":
        """A process of nobody's run that shows this token."""
        self.idlers.append(subprocess.Popen(["sleep", "1000"], env=os.environ | {TOKEN_VARIABLE: token}))
        return self.idlers[-1]

    def close(self) -> None:
        for process in self.idlers:
            process.kill()
            process.wait()
        for run in self.every:
            end_family(run.leader, run.token, signal.SIGKILL, known=run.others)
            for member in run.alive():
                host.send(member, signal.SIGKILL)
            run.process.communicate()
            poll(lambda run=run: not run.alive())


@pytest.fixture
def runs() -> Iterator[Runs]:
    """Runs that are gone afterwards."""
    runs = Runs()
    yield runs
    runs.close()


SCATTERED = [("alone", 0), ("twice setsid", 2), ("orphan", 1), ("cleared", 1), ("cleared alone", 1), ("left behind", 2)]


@pytest.mark.parametrize(("how", "others"), SCATTERED)
def test_the_whole_family_is_found(runs: Runs, how: str, others: int) -> None:
    """The leader comes first; executed or only forked, in sessions of their own and re-parented, all are there."""
    run = runs.start(how, others)
    found = family(run.leader, run.token)
    assert found[0] == run.leader
    assert set(found) == run.members
    assert len(found) == others + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(("how", "others"), SCATTERED)
def test_the_whole_family_ends(runs: Runs, how: str, others: int, number: int) -> None:
    """Each is signalled once, and none is left."""
    run = runs.start(how, others)
    reached = end_family(run.leader, run.token, number)
    assert len(reached) == len(set(reached))
    assert set(reached) == run.members
    poll(lambda: not run.alive())
    assert family(run.leader, run.token) == []


@pytest.mark.parametrize(("how", "others"), [("twice setsid", 2), ("orphan", 1), ("left behind", 2)])
def test_orphans_of_a_dead_leader_are_found(runs: Runs, how: str, others: int) -> None:
    """A leader that crashed, and was waited for, takes nobody's membership with it."""
    run = runs.start(how, others)
    run.process.kill()
    run.process.wait()
    assert set(family(run.leader, run.token)) == set(run.others)
    end_family(run.leader, run.token, signal.SIGKILL)
    poll(lambda: not run.alive())


def test_who_hides_is_known_from_before(runs: Runs) -> None:
    """A process without a token that leaves session and parent is found by who saw it as a member, and only so."""
    run = runs.start("cleared and away", 1)
    (hidden,) = run.others
    known = family(run.leader, run.token)
    assert hidden in known
    host.send(hidden, signal.SIGUSR2)
    poll(lambda: os.getsid(hidden.pid) == hidden.pid)
    run.process.kill()
    run.process.wait()
    assert family(run.leader, run.token) == []
    assert family(run.leader, run.token, known=known) == [hidden]
    assert end_family(run.leader, run.token, signal.SIGKILL, known=known) == [hidden]
    poll(lambda: not run.alive())


def test_who_left_is_spared(runs: Runs) -> None:
    """Neither ancestry, nor session, nor having been seen makes a member of who left, or of who it starts."""
    run = runs.start("gone for good", 2)
    assert family(run.leader, run.token, known=run.others) == [run.leader]
    assert end_family(run.leader, run.token, signal.SIGKILL, known=run.others) == [run.leader]
    poll(lambda: not host.runs_here(run.leader))
    assert run.alive() == set(run.others)


def test_another_run_is_spared(runs: Runs) -> None:
    """Runs side by side do not mix."""
    one, two = runs.start("orphan", 1), runs.start("orphan", 1)
    end_family(one.leader, one.token, signal.SIGKILL)
    poll(lambda: not one.alive())
    assert two.alive() == two.members == set(family(two.leader, two.token))


@pytest.mark.parametrize("token", ["", BLANK_TOKEN, "f" * 32])
@pytest.mark.parametrize("forged", [{"start_ticks": 1}, {"boot": "another"}, {"host": "elsewhere.example"}])
def test_a_recycled_pid_is_never_signalled(runs: Runs, token: str, forged: dict[str, object]) -> None:
    """An identity that only shares the pid of a leader reaches neither it nor its family; no token means none."""
    run = runs.start("cleared", 1)
    bystander = runs.idle(BLANK_TOKEN), runs.idle("")
    stranger = replace(run.leader, **forged)  # type: ignore[arg-type]
    assert end_family(stranger, token, signal.SIGKILL, known=[stranger]) == []
    assert run.alive() == run.members
    assert all(process.poll() is None for process in bystander)


def test_a_fork_bomb_ends(runs: Runs) -> None:
    """Two hundred processes, half of them orphans in sessions of their own, are gone soon."""
    run = runs.start("bomb", 200)
    begun = time.monotonic()
    reached = end_family(run.leader, run.token, signal.SIGKILL)
    assert time.monotonic() - begun < 1.5
    assert set(reached) == run.members
    poll(lambda: not run.alive())


def test_a_hydra_ends(runs: Runs) -> None:
    """A process that goes on as its own child every few milliseconds is caught."""
    run = runs.start("hydra", 0)
    poll(lambda: len(family(run.leader, run.token)) > 1)
    poll(lambda: not end_family(run.leader, run.token, signal.SIGKILL) and has_ended(run), 30)


def test_who_is_born_meanwhile_ends_too(runs: Runs) -> None:
    """A process that keeps starting others, which only their parent gives away, is stopped before it is killed."""
    run = runs.start("spawner", 5)
    end_family(run.leader, run.token, signal.SIGKILL)
    poll(lambda: has_ended(run), 5)


def test_without_room_the_fork_is_not_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was started without the variable is told so, and hands the token to what it executes."""
    script = (
        "import os, subprocess, sys; from sysproduction.adapters.families import carry; print(carry(sys.argv[1]));"
        "sys.stdout.flush(); subprocess.run(['printenv', sys.argv[2]])"
    )
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    command = [sys.executable, "-c", script, "f" * 32, TOKEN_VARIABLE]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "f" * 32]


def test_nobody_is_nobody() -> None:
    """A run of which nothing is left has no family."""
    assert family(NO_BODY, secrets.token_hex(16)) == []
    assert end_family(NO_BODY, secrets.token_hex(16), signal.SIGTERM) == []
