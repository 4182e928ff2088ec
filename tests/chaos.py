"""Supervisors under attack, and what must hold afterwards whatever was done to them.

The chaos cases and their tests (files without a folder are in tests/integration):

 1 a child killed again and again        test_chaos_children
 2 a process that crashes for ever       test_chaos_children; delays: unit/supervisor/test_supervise, test_planner
 3 the supervisor killed, ten adopted    test_chaos_daemon
 4 the supervisor killed again and again test_chaos_daemon
 5 the template killed                   test_chaos_daemon
 6 two supervisors on one home           test_chaos_daemon
 7 SIGSTOP to a child; a busy loop       test_chaos_children
 8 SIGSTOP to the supervisor             test_chaos_daemon
 9 deaf child, detached grandchild       test_chaos_children
10 full disks                            test_chaos_resources; unit/adapters/test_log_pump
11 a database that is away, hangs, slow     test_chaos_store; unit/supervisor/test_supervise_faults
12 Slack answers 429 or nothing          test_chaos_store; unit/adapters/test_slack_notifier
13 floods of output                      test_chaos_resources; unit/adapters/test_log_pump
14 fork bomb, memory eater               test_chaos_resources; unit/adapters/test_families
15 the clock set                         unit/supervisor/test_supervise_faults, test_duties
16 both DST days                         unit/supervisor/test_windows
17 windows against a brute-force model   unit/supervisor/test_windows
18 off over the start time               unit/supervisor/test_missed_starts
19 dependencies                          unit/supervisor/test_supervise, test_planner
20 bad configurations; reload            test_check_corpus; test_chaos_reload
21 raising methods, completion methods   test_chaos_children; unit/supervisor/test_runner_ends
22 orders during a long wait             test_supervised_day
23 forged identities                     ports/test_programs, unit/adapters/test_families
24 days with random faults               unit/supervisor/test_supervise_week

Beyond the list, test_chaos_daemon kills everything at once, as a service manager does.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

import psutil

from sysproduction.adapters import database_account, host
from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.adapters.wake_sockets import wake_all
from sysproduction.domain.processes import ControlState, ProcessRun, RunOutcome
from sysproduction.stores.process_states import ProcessStates
from tests.commands import await_true, environment, processes_of
from tests.misbehaving import PLAN

ROOT = Path(__file__).resolve().parent.parent
EVENT = re.compile(r" (alert|recovery) key=(\"(?:[^\"\\]|\\.)*\")")
T = TypeVar("T")


@dataclass
class Arena:
    """A home whose processes may misbehave."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    def plan(self, *, closes_in: float | None = None, warm: bool = False, **processes: dict[str, Any]) -> None:
        """Configure these processes; all may run now, and for hours, or for so many seconds. `warm`: they are forked
        from a template that has imported everything, as in the product."""
        now = datetime.now(UTC)
        opens = now - timedelta(hours=6)
        closes = opens - timedelta(minutes=1) if closes_in is None else now + timedelta(seconds=closes_in)
        window = {"start": f"{opens:%H:%M}", "stop": f"{closes:%H:%M:%S}"}
        (self.home / PLAN).write_text(json.dumps(window | {"processes": processes, "warm": warm}))

    def launch(self) -> "subprocess.Popen[str]":
        """A supervisor, at once."""
        command = [sys.executable, "-m", "tests.misbehaving", "supervise", str(self.home)]
        errors = (self.home / "stderr").open("a")
        with errors:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(self.home, self.variables),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                text=True,
            )

    @contextmanager
    def supervised(self, *names: str) -> "Iterator[subprocess.Popen[str]]":
        """A supervisor, once it is up and these processes run; told to stop unless it is gone by then."""
        lives = self.log.count(": starts; closed ")
        with self.launch() as supervisor:
            try:
                await_true(lambda: self.log.count(": starts; closed ") > lives or supervisor.poll() is not None)
                await_true(lambda: set(names) <= self.pids().keys() or supervisor.poll() is not None)
                assert supervisor.poll() is None, (self.home / "stderr").read_text()
                yield supervisor
                if supervisor.poll() is None:
                    supervisor.terminate()
                    assert supervisor.wait(60) == 0
            finally:
                supervisor.kill()

    @property
    def log(self) -> str:
        """What the supervisors have logged."""
        path = self.home / "logs" / "supervisor.log"
        return path.read_text() if path.exists() else ""

    @property
    def database(self) -> EmbeddedMongo:
        """The home's own."""
        return EmbeddedMongo(self.home / "data" / "mongo", self.home / "run", self.home / "logs")

    def states(self, question: Callable[[ProcessStates], T]) -> T | None:
        """Ask the running database, without becoming one of its users; None while it does not run."""
        status = self.database.status()
        if status is None:
            return None
        address = database_account.address(status.port, database_account.password_of(self.home / "data" / "mongo"))
        with closing(MongoDocuments(address, "sysproduction")) as documents:
            return question(ProcessStates(documents))

    def pids(self) -> dict[str, int]:
        """Of the processes whose run has begun, and not ended."""
        states = self.states(lambda states: states.states()) or {}
        active = {name: state.active.identity for name, state in states.items() if state.active is not None}
        return {name: identity.pid for name, identity in active.items() if host.alive(identity)}

    def runs(self, name: str | None = None) -> list[ProcessRun]:
        """Oldest first."""
        return list(reversed(self.states(lambda states: states.runs(process=name)) or []))

    def order(self, name: str, control: ControlState) -> None:
        """What the commands `stop`, `go` and so on do."""
        self.states(lambda states: states.set_control(name, control))
        wake_all(self.home / "run" / "wake")

    def begun(self, method: str) -> list[tuple[int, float]]:
        """Pid and machine time of each execution of a method, in order."""
        path = self.home / "begun"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [(int(pid), float(at)) for name, pid, at in lines if name == method]

    def check(self) -> None:
        """I1 to I4, once all supervisors have ended."""
        await_true(lambda: processes_of(self.home) == [], 5.0)
        database = self.database
        with closing(MongoDocuments(database.acquire(), "sysproduction")) as documents:
            states = ProcessStates(documents)
            runs, held = states.runs(), [name for name, state in states.states().items() if state.active is not None]
        database.release()
        assert held == []
        assert [run.run_id for run in runs if run.outcome is RunOutcome.RUNNING or run.ended_at is None] == []
        _assert_one_at_a_time(runs)
        self.assert_told_once()

    def assert_told_once(self) -> None:
        """I4: nobody alerts while the incident is open, and nobody recovers what is not."""
        opened: Counter[str] = Counter()
        for event, key in EVENT.findall(self.log):
            opened[key] += 1 if event == "alert" else -1
            assert opened[key] in (0, 1), f"{key}: {event} twice"

    def told(self, event: str) -> list[str]:
        """Keys of the `alert`s or `recovery`s that the supervisor told."""
        return [json.loads(key) for found, key in EVENT.findall(self.log) if found == event]


def _assert_one_at_a_time(runs: list[ProcessRun]) -> None:
    """I1: no run of a process began before the one before it had ended."""
    for name in {run.process for run in runs}:
        mine = sorted((run for run in runs if run.process == name), key=lambda run: (run.day, run.number))
        for earlier, later in pairwise(mine):
            assert earlier.ended_at is not None
            assert earlier.ended_at <= later.started_at, (earlier, later)
            assert earlier.identity != later.identity


def stopped(pid: int) -> bool:
    """Whether this process exists no more."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stopped for a while, as by a debugger or a dying disk."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@dataclass
class NotifySocket:
    """A service manager's ear: (machine time, message) in order."""

    path: Path
    heard: list[tuple[float, str]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the service; the watchdog wants to be fed at every turn of the loop."""
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": "20000"}

    def times(self, message: str) -> list[float]:
        """When such messages came."""
        return [at for at, text in list(self.heard) if text.startswith(message)]

    def longest_silence(self, since: float) -> float:
        """Seconds between two feedings of the watchdog, since a moment of machine time until now."""
        fed = [since, *(at for at in self.times("WATCHDOG=1") if at > since), time.monotonic()]
        return max(later - earlier for earlier, later in pairwise(fed))


@contextmanager
def notify_socket(path: Path) -> Iterator[NotifySocket]:
    """A fake NOTIFY_SOCKET."""
    ear = NotifySocket(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        server.settimeout(0.1)
        done = Event()

        def listen() -> None:
            while not done.is_set():
                with suppress(TimeoutError):
                    ear.heard.append((time.monotonic(), server.recv(4096).decode()))

        thread = Thread(target=listen)
        thread.start()
        try:
            yield ear
        finally:
            done.set()
            thread.join()
