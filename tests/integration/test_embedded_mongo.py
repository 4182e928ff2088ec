"""The embedded database: who starts it, who stops it, and what is said when it cannot run."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from sysproduction.adapters.mongo import MongoDocuments, host_of
from sysproduction.domain.errors import ConfigError, Unavailable

USER = """
import sys
from pathlib import Path
from sysproduction.adapters.embedded_mongo import EmbeddedMongo
home = Path(sys.argv[1])
database = EmbeddedMongo(home / "data", home / "run", home / "logs")
database.acquire()
print(database.status().pid, flush=True)
sys.stdin.readline()
database.release()
"""

FORK = """
import os, sys
from pathlib import Path
from sysproduction.adapters.embedded_mongo import EmbeddedMongo
home = Path(sys.argv[1])
database = EmbeddedMongo(home / "data", home / "run", home / "logs")
database.acquire()
hold, go = os.pipe()
born, here = os.pipe()
if not os.fork():
    os.close(go)
    os.write(here, b".")
    os.read(hold, 1)
    os._exit(0)
os.read(born, 1)
database.release()
print(database.status(), flush=True)
os.close(go)
os.wait()
"""


def embedded(home: Path) -> EmbeddedMongo:
    return EmbeddedMongo(home / "data", home / "run", home / "logs")


def processes(home: Path) -> list[int]:
    """Pids whose command line names the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(home / "data").encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def await_true(condition: Callable[[], bool], seconds: float) -> float:
    """Seconds until the condition held; fails the test when it does not in time."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - begun


@contextmanager
def user(home: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that uses the database until it reads a line."""
    command = [sys.executable, "-c", USER, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def leave(process: "subprocess.Popen[str]") -> None:
    process.communicate("\n", timeout=20)
    assert process.returncode == 0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home's folder; no process of it may be left."""
    yield tmp_path
    left = processes(tmp_path)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


@pytest.fixture
def database(home: Path) -> Iterator[EmbeddedMongo]:
    """A database of this test's own, stopped afterwards."""
    database = embedded(home)
    yield database
    database.release()


def test_last_user_leaves_no_process(home: Path, database: EmbeddedMongo) -> None:
    """Acquire starts server and keeper, release ends both before it returns, and the data stay."""
    assert database.status() is None
    for round_ in (1, 2):
        documents = MongoDocuments(database.acquire(), "d")
        documents.insert("c", str(round_), {})
        assert documents.count("c") == round_
        status = database.status()
        assert status is not None
        assert {status.pid, status.keeper_pid} <= set(processes(home))
        documents.close()
        database.release()
        assert processes(home) == []
        assert database.status() is None
    database.release()


def test_password_is_demanded_and_private(home: Path, database: EmbeddedMongo) -> None:
    """Nobody gets in without the password, its file is the owner's alone, and the server listens on loopback only."""
    address = database.acquire()
    status = database.status()
    assert status is not None
    strangers = [f"mongodb://127.0.0.1:{status.port}", f"mongodb://sysproduction:guess@127.0.0.1:{status.port}"]
    for stranger in strangers:
        documents = MongoDocuments(stranger, "d")
        with pytest.raises(ConfigError, match="password") as raised:
            documents.insert("c", "k", {})
        documents.close()
        assert "guess" not in str(raised.value)
    assert (home / "data/password").stat().st_mode & 0o077 == 0
    assert (home / "data/password").read_text().strip() in address
    assert (home / "data/password").read_text().strip().encode() not in (home / "logs/database.log").read_bytes()
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert f"0100007F:{status.port:04X}" in listening
    assert f"00000000:{status.port:04X}" not in listening


def test_many_at_once_share_one_server(home: Path) -> None:
    """Processes that start together use the same server; it lives until the last of them leaves."""
    with user(home) as first, user(home) as second, user(home) as third:
        assert len({said(first), said(second), said(third)}) == 1
        assert len(processes(home)) == 2
        leave(first)
        leave(second)
        assert len(processes(home)) == 2
        leave(third)
    assert processes(home) == []


def test_killed_user_counts_as_gone(home: Path) -> None:
    """After kill -9 of the only user the server ends within three seconds."""
    with user(home) as only:
        said(only)
        only.kill()
        await_true(lambda: processes(home) == [], 3.0)


def test_forked_child_is_no_user(home: Path) -> None:
    """A child forked by a user does not hold the database."""
    done = subprocess.run([sys.executable, "-c", FORK, str(home)], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr, done.returncode) == ("None\n", "", 0)


def test_killed_keeper_is_repaired(home: Path, database: EmbeddedMongo) -> None:
    """Without its keeper the server ends at once, and the next acquire starts another on the same port."""
    address = database.acquire()
    status = database.status()
    assert status is not None
    documents = MongoDocuments(address, "d")
    documents.insert("c", "k", {"a": 1})
    os.kill(status.keeper_pid, signal.SIGKILL)
    await_true(lambda: database.status() is None, 3.0)
    assert database.acquire() == address
    assert documents.count("c") == 1
    os.kill(database.status().keeper_pid, signal.SIGKILL)  # type: ignore[union-attr]
    await_true(lambda: processes(home) == [], 3.0)
    documents.close()


def test_unresponsive_server_dies_with_its_keeper(home: Path, database: EmbeddedMongo) -> None:
    """A server that reacts to nothing does not outlive its keeper."""
    address = database.acquire()
    status = database.status()
    assert status is not None
    os.kill(status.pid, signal.SIGSTOP)
    os.kill(status.keeper_pid, signal.SIGKILL)
    await_true(lambda: database.status() is None, 3.0)
    assert database.acquire() == address


def test_taken_port(home: Path, database: EmbeddedMongo) -> None:
    """When another program has taken the last port the server listens on a new one."""
    former = host_of(database.acquire())
    database.release()
    with socket.create_server(("127.0.0.1", int(former.partition(":")[2]))):
        documents = MongoDocuments(database.acquire(), "d")
        assert documents.count("c") == 0
        documents.close()


def test_lost_password(home: Path, database: EmbeddedMongo) -> None:
    """A lost or changed password file is explained, and the way out that the message names works."""
    documents = MongoDocuments(database.acquire(), "d")
    documents.insert("c", "k", {})
    documents.close()
    database.release()
    for damage in (
        lambda path: path.unlink(),
        lambda path: path.write_text("other\n"),
        lambda path: path.write_text(""),
    ):
        damage(home / "data/password")
        with pytest.raises(ConfigError, match="provisioned") as raised:
            database.acquire()
        assert str(home / "data/password") in str(raised.value)
        assert processes(home) == []
    (home / "data/password").unlink()
    (home / "data/provisioned").unlink()
    documents = MongoDocuments(database.acquire(), "d")
    assert documents.count("c") == 1
    documents.close()


def test_unusable_folder(home: Path) -> None:
    """A storage folder that cannot be made is named."""
    (home / "data").write_text("a file in the way")
    with pytest.raises(Unavailable, match="data"):
        embedded(home).acquire()


def test_server_that_cannot_start(home: Path, database: EmbeddedMongo) -> None:
    """When the server ends at start its log and its last words are named, and nothing stays behind."""
    (home / "data").mkdir()
    (home / "data/data").write_text("a file in the way")
    with pytest.raises(Unavailable, match=r"(?s)database\.log:\n.*Error"):
        database.acquire()
    await_true(lambda: processes(home) == [], 5)


def test_missing_server_package(database: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the server's package the message says what to install."""
    monkeypatch.setitem(sys.modules, "secantus", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install"):
        database.acquire()


def test_log_is_bounded(home: Path, database: EmbeddedMongo) -> None:
    """A log that has grown large is put aside at the next start."""
    (home / "logs").mkdir()
    (home / "logs/database.log").write_bytes(b"x" * 4_000_001)
    database.acquire()
    assert (home / "logs/database.log").stat().st_size < 10_000
    assert (home / "logs/database.log.1").stat().st_size == 4_000_001


def test_database_down_is_told_in_bounded_time() -> None:
    """Nobody listening is Unavailable within the time that was allowed, for reads and writes, without the password."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    documents = MongoDocuments(f"mongodb://me:secret@127.0.0.1:{port}/", "d", timeout_seconds=0.3)
    begun = time.monotonic()
    for attempt in (lambda: documents.get("c", "k"), lambda: documents.insert("c", "k", {})):
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port} is not reachable.*start it or check") as raised:
            attempt()
        assert "secret" not in str(raised.value)
    documents.close()
    assert time.monotonic() - begun < 2


def test_silent_server_is_given_up() -> None:
    """A port that accepts and never answers is Unavailable within the time that was allowed."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"mongodb://127.0.0.1:{silent.getsockname()[1]}"
        documents = MongoDocuments(address, "d", timeout_seconds=0.3, answer_seconds=0.3)
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="not reachable"):
            documents.get("c", "k")
        documents.close()
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize("address", ["localhost:27017", "mongodb://u:p@ss@host:port", "mongodb://host:port", ""])
def test_malformed_address(address: str) -> None:
    """An address that cannot be read is a configuration error that does not repeat the password."""
    documents = MongoDocuments(address, "d")
    with pytest.raises(ConfigError, match="mongodb://USER:PASSWORD@HOST:PORT") as raised:
        documents.get("c", "k")
    assert "p@ss" not in str(raised.value)
    assert raised.value.__cause__ is None
