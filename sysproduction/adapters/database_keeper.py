"""The keeper of the embedded database: starts the server, and ends it when nobody uses it any more.

Run as `python -m sysproduction.adapters.database_keeper STORAGE RUN LOGS PORT auth|open`. It answers on standard output
with one line of JSON, {"port": …} or {"error": …}, once the server is ready or has failed, and goes on detached.
It imports next to nothing, because it lives as long as the database.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sysproduction.adapters import families
from sysproduction.adapters.host import identify, myself
from sysproduction.domain.identity import Identity

READY_SECONDS = 60.0
GRACE_SECONDS = 10.0

_POLL_SECONDS = 0.02
_WATCH_SECONDS = 0.5
_TELL_AGAIN_SECONDS = 0.2
_LOG_BYTES_MAX = 4_000_000
_CACHE = "64M"
_LISTENING = re.compile(rb"secantus listening on 127\.0\.0\.1:(\d+)")
_PR_SET_PDEATHSIG = 1
_ENDINGS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class NotStarted(Exception):
    """The server was not ready in time, or ended before; the message says which."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where one embedded database lives: its folder of data, its home's run state, the logs."""

    storage: Path
    run: Path
    logs: Path

    @property
    def state(self) -> Path:
        """What runs now, as JSON; absent when nothing does."""
        return self.run / "database.json"

    @property
    def users(self) -> Path:
        """Locked shared by each process that uses the database."""
        return self.run / "database.users"

    @property
    def server_lock(self) -> Path:
        """Locked by keeper and server: while either lives, no other server may open the storage."""
        return self.storage / "server.lock"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.logs / "database.log"


@dataclass(frozen=True, slots=True)
class State:
    """A running server; `port` is None until it is ready, and without `auth` it takes anybody's commands."""

    keeper: Identity
    server: Identity
    since: datetime
    auth: bool
    port: int | None

    def written(self, path: Path) -> None:
        """Replace the file at `path` in one step; raises OSError."""
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(self) | {"since": self.since.isoformat()}))
        scratch.replace(path)


def read_state(path: Path) -> State | None:
    """What the file says, or None if there is none that can be read."""
    try:
        found = json.loads(path.read_text())
        return State(
            keeper=Identity(**found["keeper"]),
            server=Identity(**found["server"]),
            since=datetime.fromisoformat(found["since"]),
            auth=found["auth"],
            port=found["port"],
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def main(arguments: list[str]) -> int:
    """Fork: the child keeps the server, detached; the parent prints the child's answer and returns 0."""
    storage, run, logs, port, mode = arguments
    places = Places(Path(storage), Path(run), Path(logs))
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with os.fdopen(reading) as answer:
            sys.stdout.write(answer.read() or json.dumps({"error": "the database's keeper died"}))
        return 0
    os.close(reading)
    with os.fdopen(writing, "w") as answer:
        _detach(places)
        _keep(places, port=int(port), auth=mode == "auth", answer=lambda reply: _reply(answer, reply))
    return 0


def _reply(answer: Any, reply: dict[str, object]) -> None:
    json.dump(reply, answer)
    answer.close()


def _detach(places: Places) -> None:
    families.leave()  # the run that happened to start us may be killed with everything that belongs to it
    os.setsid()
    os.chdir(places.storage)
    if places.log.exists() and places.log.stat().st_size > _LOG_BYTES_MAX:
        places.log.replace(places.log.with_suffix(".log.1"))
    log = os.open(places.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)


def _keep(places: Places, *, port: int, auth: bool, answer: Callable[[dict[str, object]], None]) -> None:
    with open(places.server_lock, "ab") as held, open(places.users, "ab") as users:
        server, ready = None, None
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            said = places.log.stat().st_size
            server = _spawn(places, held.fileno(), port=port, auth=auth)
            state = State(myself(), identify(server.pid), datetime.now(UTC), auth, None)
            state.written(places.state)
            ready = _await_port(places.log, said, server)
            State(state.keeper, state.server, state.since, auth, ready).written(places.state)
            answer({"port": ready})
            _watch(server, users.fileno())
        except (OSError, NotStarted) as exc:
            answer({"error": str(exc)})
        finally:
            places.state.unlink(missing_ok=True)
            if server is not None:
                _end(server, ready)


def _spawn(places: Places, lock: int, *, port: int, auth: bool) -> "subprocess.Popen[bytes]":
    # An explicit configuration file keeps the server from reading one in the user's home or in /etc.
    settings = places.storage / "secantusd.toml"
    settings.write_text("# The keeper gives all settings on the command line.\n")
    command = [sys.executable, "-P", "-m", "secantus", "--config", str(settings), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--storage-path", str(places.storage / "data"), "--cache-size", _CACHE]
    command += ["--sync-on-commit", "--log-level", "INFO", *(["--auth"] if auth else [])]
    libc = ctypes.CDLL(None, use_errno=True)
    keeper = os.getpid()

    def die_with_keeper() -> None:
        # Not SIGTERM, which the server may miss; every acknowledged write is on the disk.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(1)

    # The keeper has one thread, so that running code between fork and exec is safe.
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(lock,), preexec_fn=die_with_keeper)


def _await_port(log: Path, start: int, server: "subprocess.Popen[bytes]") -> int:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        code = server.poll()
        with log.open("rb") as said:
            said.seek(start)
            found = _LISTENING.search(said.read())
        if code is not None:
            raise NotStarted(f"the server ended with code {code}")
        if found is not None:
            return int(found[1])
        time.sleep(_POLL_SECONDS)
    raise NotStarted(f"the server was not ready after {READY_SECONDS:g} s")


def _watch(server: "subprocess.Popen[bytes]", users: int) -> None:
    signals = _ENDINGS | {signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    while server.poll() is None and not _unused(users):
        caught = signal.sigtimedwait(signals, _WATCH_SECONDS)
        if caught is not None and caught.si_signo in _ENDINGS:
            return


def _unused(users: int) -> bool:
    # Once taken, the lock is kept: who comes now waits until this server is gone and starts another.
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end(server: "subprocess.Popen[bytes]", port: int | None) -> None:
    """End the server in good order within GRACE_SECONDS, else by force.

    It sees that it is to stop only when its wait for a connection returns: 2 s late, unless somebody knocks. And a
    signal that meets it on its way to sleep is lost: if it still lets in who knocks, it has to be told again.
    """
    begun = told = time.monotonic()
    server.terminate()
    while server.poll() is None:
        now = time.monotonic()
        if now - begun > GRACE_SECONDS:
            server.kill()
        elif _lets_in(port) and now - told > _TELL_AGAIN_SECONDS:
            server.terminate()
            told = now
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_POLL_SECONDS)


def _lets_in(port: int | None) -> bool:
    if port is None:
        return False
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_POLL_SECONDS).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
