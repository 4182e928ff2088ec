"""The embedded database: a MongoDB-wire server on loopback that its first user starts and its last user stops."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from weakref import WeakSet

from sysproduction.adapters import database_account, file_locks, host
from sysproduction.adapters.database_keeper import GRACE_SECONDS, READY_SECONDS, Places, State, read_state
from sysproduction.domain.errors import ConfigError, Unavailable

_KEEPER = "sysproduction.adapters.database_keeper"
_PATIENCE_SECONDS = READY_SECONDS + 2 * GRACE_SECONDS
_POLL_SECONDS = 0.01
_LOG_LINES = 6
_LOG_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """A running embedded database: its loopback port, its server's and keeper's pids, and its start."""

    port: int
    pid: int
    keeper_pid: int
    since: datetime


class EmbeddedMongo:
    """One user of the embedded database whose data lie in the folder `storage`.

    Any number of processes may use it at once: whoever finds no server starts one, under a keeper that outlives the
    starter; the last to release stops it. A user that is killed counts as released. The server keeps its port
    from life to life while that is free, so that clients find it again after a crash. Not for use by several
    threads at once.
    """

    def __init__(self, storage: Path, run: Path, logs: Path) -> None:
        self._places = Places(storage.absolute(), run.absolute(), logs.absolute())
        self._use: int | None = None
        _instances.add(self)

    def acquire(self) -> str:
        """The database's address, password included; starts the server if there is none.

        May be called again, to repair after a crash of the server; the caller stays one user. Raises Unavailable if
        the server cannot start (and names its log), ConfigError if it is not installed or the password is lost.
        """
        with ExitStack() as undo:
            undo.callback(self.release)
            self._make_folders()
            with file_locks.holding(self._lock, seconds=_PATIENCE_SECONDS):
                self._join_users()
                address = self._running_address()
            undo.pop_all()
        return address

    def release(self) -> None:
        """Stop being a user; for the last one, return when server and keeper are gone. Idempotent."""
        if self._use is None:
            return
        self.drop_use()
        with file_locks.holding(self._lock, seconds=_PATIENCE_SECONDS):
            if file_locks.is_free(self._places.users):
                self._stop()

    def drop_use(self) -> None:
        """Stop being a user and leave the rest to the keeper; a forked child does so with its parent's use."""
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def status(self) -> DatabaseStatus | None:
        """The running database, or None; starts nothing and waits for nobody."""
        state = read_state(self._places.state)
        if state is None or state.port is None or not _usable(state):
            return None
        return DatabaseStatus(state.port, state.server.pid, state.keeper.pid, state.since)

    @property
    def _lock(self) -> Path:
        return self._places.run / "database.lock"

    def _make_folders(self) -> None:
        for folder in (self._places.storage, self._places.run, self._places.logs):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as exc:
                raise Unavailable(f"cannot make the folder {folder} ({exc.strerror}): mend it or set another") from exc

    def _join_users(self) -> None:
        if self._use is None:
            self._use = file_locks.take(self._places.users, shared=True, seconds=_PATIENCE_SECONDS)
        if self._use is None:
            raise Unavailable(f"the embedded database does not end ({self._who()}): kill it and try again")

    def _running_address(self) -> str:
        storage = self._places.storage
        try:
            port = self._running_port() or self._start()
            return database_account.address(port, database_account.password_of(storage))
        except OSError as exc:
            raise Unavailable(f"cannot use the folder {storage} ({exc.strerror}): mend it or make room") from exc

    def _running_port(self) -> int | None:
        """The port of the server that runs, or None once the storage is free for another one."""
        begun = time.monotonic()
        while not file_locks.is_free(self._places.server_lock):
            state = read_state(self._places.state)
            if state is not None and _usable(state):
                return state.port
            if state is not None and not state.auth:
                # Left by a starter that was killed: nobody may use a server without logins.
                host.send(state.keeper, signal.SIGTERM)
            self._wait_on(begun)
        return None

    def _start(self) -> int:
        """Start a server that demands the password, and return its port.

        The server forgets a user that it has just acknowledged if it is killed, and with logins on it lets nobody
        create the first one. So the user is made on a server without logins, which is then stopped in good order;
        until a login has been proved, every start does this again, and a crash anywhere repairs itself.
        """
        _require_server()
        storage = self._places.storage
        password = database_account.password_of(storage)
        proved = database_account.is_provisioned(storage)
        if not proved:
            database_account.create_user(self._launch("open"), password)
            self._stop()
        port = self._launch("auth")
        database_account.prove_login(port, password, storage)
        if not proved:
            database_account.mark_provisioned(storage)
        return port

    def _launch(self, mode: str) -> int:
        port_file = self._places.storage / "port"
        places = [str(self._places.storage), str(self._places.run), str(self._places.logs)]
        command = [sys.executable, "-P", "-m", _KEEPER, *places, str(_former_port(port_file)), mode]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout) if done.stdout else {"error": done.stderr.strip() or "the keeper said nothing"}
        if "port" not in answer:
            self._await_end()
            raise Unavailable(
                f"the embedded database did not start: {answer['error']}; see {self._places.log}:\n{self._log_tail()}"
            )
        port_file.write_text(f"{answer['port']}\n")
        return int(answer["port"])

    def _stop(self) -> None:
        state = read_state(self._places.state)
        if state is not None:
            host.send(state.keeper, signal.SIGTERM)
        self._await_end()
        while state is not None and host.alive(state.keeper):
            time.sleep(_POLL_SECONDS)

    def _await_end(self) -> None:
        begun = time.monotonic()
        while not file_locks.is_free(self._places.server_lock):
            self._wait_on(begun)

    def _wait_on(self, begun: float) -> None:
        if time.monotonic() - begun > _PATIENCE_SECONDS:
            raise Unavailable(f"the embedded database does not end ({self._who()}): kill it and try again")
        time.sleep(_POLL_SECONDS)

    def _who(self) -> str:
        state = read_state(self._places.state)
        return "unknown pid" if state is None else f"pids {state.keeper.pid} and {state.server.pid}"

    def _log_tail(self) -> str:
        with suppress(OSError), self._places.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-_LOG_LINES:])
        return "(there is no log)"


def _usable(state: State) -> bool:
    return state.auth and state.port is not None and host.alive(state.keeper) and host.alive(state.server)


def _former_port(path: Path) -> int:
    """The port of the last life if it can be had again, else 0: any free one."""
    with suppress(OSError, ValueError), socket.socket() as probe:
        port = int(path.read_text())
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return port
    return 0


def _require_server() -> None:
    if importlib.util.find_spec("secantus") is None:
        raise ConfigError(
            "the embedded database is not installed: run `pip install SecantusDB==0.7.0b3`, "
            "or set `mongo` in private_config.yaml to the address of a MongoDB server"
        )


_instances: "WeakSet[EmbeddedMongo]" = WeakSet()


def _drop_inherited_uses() -> None:
    for instance in list(_instances):
        instance.drop_use()


os.register_at_fork(after_in_child=_drop_inherited_uses)
