"""Children of the supervisor: forked from a preloaded template, watched and signalled by identity."""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from sysproduction.adapters import host
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.ports import Program, Signals

_ANSWER_SECONDS: Final = 30.0
_LEAVE_SECONDS: Final = 2.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SignalQueue:
    """Signals as a queue: handlers only append, the owner's loop drains; `wait` ends early when one arrives."""

    def __init__(self) -> None:
        self._queue: deque[int] = deque()
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)

    def listen(self) -> None:
        """Install the handlers (main thread only)."""
        for number in _SIGNALS:
            signal.signal(number, lambda received, _frame: self._queue.append(received))
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)

    def close(self) -> None:
        """Listen no more; idempotent."""
        if self._read.fileno() >= 0 and threading.current_thread() is threading.main_thread():
            previous = signal.set_wakeup_fd(-1)
            if previous not in (-1, self._write.fileno()):
                signal.set_wakeup_fd(previous)
        self._read.close()
        self._write.close()

    def drain(self) -> list[int]:
        """Signals received since the last call."""
        return [self._queue.popleft() for _ in range(len(self._queue))]

    def wait(self, seconds: float, *others: socket.socket) -> None:
        """Return after `seconds`, at a signal, or when one of `others` can be read."""
        with selectors.DefaultSelector() as selector:
            for source in (self._read, *others):
                selector.register(source, selectors.EVENT_READ)
            selector.select(seconds)
        with suppress(BlockingIOError):
            self._read.recv(4096)


class LocalPrograms:
    """Programs on this host. `entry` ("module:function") is what a child runs with its arguments; `preload` names
    modules that the template imports for all of them."""

    def __init__(self, *, entry: str, preload: Sequence[str] = (), log_path: Path, signals: Signals) -> None:
        self._command = [entry, *preload]
        self._log_path = log_path
        self._signals = signals
        self._template: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._received = b""
        self._awaited: set[tuple[int, int]] = set()
        self._exit_codes: dict[tuple[int, int], int] = {}
        self._answers: deque[dict[str, Any]] = deque()

    def myself(self) -> Identity:
        """The calling process."""
        return host.myself()

    def alive(self, identity: Identity) -> bool:
        """See host.alive."""
        return host.alive(identity)

    def start(self, program: Program) -> Identity:
        """Fork a child from the template; a template that is gone is replaced once."""
        request = {"arguments": list(program.arguments), "log": program.log_path}
        try:
            answer = self._ask(request)
        except (OSError, EOFError):
            self.close()
            try:
                answer = self._ask(request)
            except (OSError, EOFError) as error:
                raise Unavailable(f"the template process cannot be started; see {self._log_path}") from error
        if "failed" in answer:
            raise Unavailable(f"{program.name} cannot be started: {answer['failed']}")
        me = host.myself()
        return Identity(me.host, me.boot, answer["started"], answer["start_ticks"])

    def signal(self, identity: Identity, number: int) -> bool:
        """Signal the child's group, which it leads; a pid that now names another program is left alone."""
        if not host.runs_here(identity):
            return False
        try:
            if os.getpgid(identity.pid) == identity.pid:
                os.killpg(identity.pid, number)
            else:
                os.kill(identity.pid, number)
        except ProcessLookupError:
            return False
        return True

    def exit_code(self, identity: Identity) -> int | None:
        """As the template reported it; None for a child of somebody else. Told once."""
        self._receive()
        me = host.myself()
        if (identity.host, identity.boot) != (me.host, me.boot) or host.alive(identity):
            return None
        deadline = time.monotonic() + 1.0
        child = (identity.pid, identity.start_ticks)
        while child in self._awaited and self._is_template_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
            self._receive()
        self._awaited.discard(child)
        return self._exit_codes.pop(child, None)

    def wait(self, seconds: float) -> None:
        """Wake for signals and for the template's word that a child has ended."""
        sockets = [self._socket] if self._socket is not None else []
        self._signals.wait(seconds, *sockets)
        if sockets and not self._receive():
            self.close()

    def memory_mb(self, identity: Identity) -> float | None:
        """Resident set of the child and its descendants."""
        if not host.runs_here(identity):
            return None
        try:
            leader = psutil.Process(identity.pid)
            family = [leader, *leader.children(recursive=True)]
            return float(sum(member.memory_info().rss for member in family)) / 1e6
        except psutil.NoSuchProcess:
            return None

    def close(self) -> None:
        """End the template; children go on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._template is not None:
            try:
                self._template.wait(_LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                self._template.kill()
                self._template.wait()
            self._template = None
        self._received = b""
        self._answers.clear()
        self._awaited.clear()

    def _is_template_alive(self) -> bool:
        return self._template is not None and self._template.poll() is None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self._is_template_alive():
            self._receive()
            self.close()
            self._launch()
        assert self._socket is not None
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return self._answer()

    def _launch(self) -> None:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        with self._log_path.open("ab") as log:
            self._socket, theirs = socket.socketpair()
            self._socket.setblocking(False)
            command = [sys.executable, "-m", "sysproduction.adapters.template", str(theirs.fileno()), *self._command]
            with theirs:
                self._template = subprocess.Popen(
                    command,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
        if "ready" not in self._answer():
            raise EOFError("the template did not say that it is ready")

    def _answer(self) -> dict[str, Any]:
        deadline = time.monotonic() + _ANSWER_SECONDS
        assert self._socket is not None
        while not self._answers:
            if time.monotonic() > deadline:
                raise EOFError("the template did not answer")
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, selectors.EVENT_READ)
                selector.select(0.5)
            if not self._receive():
                raise EOFError("the template is gone")
        return self._answers.popleft()

    def _receive(self) -> bool:
        """Take in what the template has said; False at end of file."""
        if self._socket is None:
            return False
        try:
            while data := self._socket.recv(65536):
                self._received += data
        except BlockingIOError:
            return self._sort()
        except OSError:
            return False
        self._sort()
        return False

    def _sort(self) -> bool:
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "exited" in message:
                child = (message["exited"], message["start_ticks"])
                self._awaited.discard(child)
                self._exit_codes[child] = message["code"]
                continue
            if "started" in message:
                self._awaited.add((message["started"], message["start_ticks"]))
            self._answers.append(message)
        return True
