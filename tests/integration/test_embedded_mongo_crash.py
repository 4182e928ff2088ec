"""The embedded database under kill -9: nothing acknowledged is lost, and every crash of its first start is repaired."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.errors import AlreadyExists, ConfigError

WRITER = """
import itertools, sys
from pathlib import Path
from sysproduction.adapters.mongo import MongoDocuments
from sysproduction.domain.errors import Unavailable
address, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
documents = MongoDocuments(address, "load", timeout_seconds=0.2)
with open(folder / name, "w") as acknowledged:
    for number in itertools.count():
        if (folder / "stop").exists():
            break
        try:
            documents.insert("c", f"{name}-{number}", {"number": number})
            print(f"{name}-{number}", file=acknowledged, flush=True)
        except Unavailable:
            print("unavailable", file=acknowledged, flush=True)
documents.close()
"""

CRASH = """
import os, signal, sys
from pathlib import Path
from sysproduction.adapters import database_account
from sysproduction.adapters.database_keeper import read_state
from sysproduction.adapters.embedded_mongo import EmbeddedMongo
home, name, call, victims = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
holder = EmbeddedMongo if hasattr(EmbeddedMongo, name) else database_account
original = getattr(holder, name)
calls = []

def crashing(*arguments):
    calls.append(name)
    if victims != "before":
        result = original(*arguments)
    if len(calls) < call:
        return result
    state = read_state(home / "run/database.json")
    if victims == "all":
        os.kill(state.server.pid, signal.SIGKILL)
        os.kill(state.keeper.pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(holder, name, crashing)
EmbeddedMongo(home / "data", home / "run", home / "logs").acquire()
"""

STEPS = [
    ("password_of", 1, "after"),
    ("_launch", 1, "after"),
    ("create_user", 1, "before"),
    ("create_user", 1, "after"),
    ("create_user", 1, "all"),
    ("_stop", 1, "after"),
    ("_launch", 2, "after"),
    ("_launch", 2, "all"),
    ("prove_login", 1, "after"),
    ("mark_provisioned", 1, "before"),
    ("mark_provisioned", 1, "all"),
]


def embedded(home: Path) -> EmbeddedMongo:
    return EmbeddedMongo(home / "data", home / "run", home / "logs")


def processes(home: Path) -> list[int]:
    """Pids whose command line names the folder of the data."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(home / "data").encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def await_true(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home's folder; no process of it may be left."""
    yield tmp_path
    left = processes(tmp_path)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


@pytest.mark.parametrize("victim", ["server", "keeper", "both"])
def test_kill_under_load_loses_nothing(home: Path, victim: str) -> None:
    """Several processes write while the database is killed: every acknowledged document is there afterwards, and
    the writers go on by themselves once somebody has started it again."""
    database = embedded(home)
    address = database.acquire()
    folder = home / "acknowledged"
    folder.mkdir()
    names = ["w1", "w2", "w3", "w4"]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, address, name, str(folder)]) for name in names]

    def lines(name: str) -> list[str]:
        return (folder / name).read_text().splitlines() if (folder / name).exists() else []

    def all_wrote(count: int) -> bool:
        return all(len([line for line in lines(name) if line != "unavailable"]) >= count for name in names)

    try:
        await_true(lambda: all_wrote(50), 20)
        status = database.status()
        assert status is not None
        pids = {"server": [status.pid], "keeper": [status.keeper_pid], "both": [status.pid, status.keeper_pid]}
        for pid in pids[victim]:
            os.kill(pid, signal.SIGKILL)
        await_true(lambda: all("unavailable" in lines(name) for name in names), 20)
        before = max(len(lines(name)) for name in names)
        assert database.acquire() == address
        await_true(lambda: all_wrote(before + 50), 20)
    finally:
        (folder / "stop").touch()
        codes = [writer.wait(30) for writer in writers]
    assert codes == [0] * 4
    documents = MongoDocuments(address, "load")
    stored = {document.key for document in documents.find("c")}
    acknowledged = {line for name in names for line in lines(name)} - {"unavailable"}
    documents.close()
    database.release()
    assert acknowledged - stored == set()


def test_declared_index_survives_a_kill(home: Path) -> None:
    """A unique index that was declared holds after kill -9 at once."""
    database = embedded(home)
    documents = MongoDocuments(database.acquire(), "d")
    documents.declare("c", unique=[("a",)])
    os.kill(database.status().pid, signal.SIGKILL)  # type: ignore[union-attr]
    documents.close()
    await_true(lambda: database.status() is None, 5)
    assert database.acquire()
    documents.insert("c", "1", {"a": 1})
    with pytest.raises(AlreadyExists):
        documents.insert("c", "2", {"a": 1})
    documents.close()
    database.release()


@pytest.mark.parametrize(("step", "call", "victims"), STEPS)
def test_crash_of_the_first_start_is_repaired(home: Path, step: str, call: int, victims: str) -> None:
    """Whichever step of the first start is the last before kill -9, the next user gets a database with a password."""
    crashed = subprocess.run([sys.executable, "-c", CRASH, str(home), step, str(call), victims], timeout=30)
    assert crashed.returncode == -signal.SIGKILL
    database = embedded(home)
    address = database.acquire()
    documents, stranger = MongoDocuments(address, "d"), MongoDocuments(f"mongodb://{address.rpartition('@')[2]}", "d")
    documents.insert("c", "k", {})
    with pytest.raises(ConfigError, match="password"):
        stranger.get("c", "k")
    documents.close()
    stranger.close()
    database.release()
