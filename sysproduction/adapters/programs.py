"""Children of the supervisor: forked from a preloaded template, watched and signalled by identity."""

import hashlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from sysproduction.adapters import families, host, stack_dumps
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.ports import Program, Signals, Usage

_PRELOAD_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 5.0
"""A template that says nothing for so long is replaced."""
_LEAVE_SECONDS: Final = 2.0


def run_token(identity: Identity) -> str:
    """What everything that this child starts carries in its environment: known to whoever knows the child."""
    return hashlib.blake2s(repr(identity).encode(), digest_size=16).hexdigest()


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
        self._is_ready = False
        self._awaited: set[tuple[int, int]] = set()
        self._exit_codes: dict[tuple[int, int], int] = {}
        self._answers: deque[dict[str, Any]] = deque()
        self._handles: set[int] = set()

    def warm(self) -> None:
        """Have the template import its modules now, without waiting for it: the first start finds it ready."""
        with suppress(OSError):  # the first start tries again, and tells
            self._spawn()

    def myself(self) -> Identity:
        """The calling process."""
        return host.myself()

    def alive(self, identity: Identity) -> bool:
        """See host.alive."""
        return host.alive(identity)

    def start(self, program: Program) -> Identity:
        """Have the template fork a child; a template that is gone is replaced once."""
        request = {"arguments": list(program.arguments), "log": program.log_path, "fresh": program.fresh}
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
        if number == signal.SIGKILL:
            return bool(families.end_family(identity, run_token(identity), number))
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
        """Wake for signals, for the template's word that a child has ended, and for the end of who is watched."""
        sources = [self._socket] if self._socket is not None else []
        ready = self._signals.wait(seconds, *sources, *self._handles)
        for handle in self._handles.intersection(ready):
            self._handles.remove(handle)
            os.close(handle)
        if sources and not self._receive():
            self.close()

    def dump_stacks(self, identity: Identity) -> bool:
        """See stack_dumps."""
        return stack_dumps.dump_stacks(identity)

    def watch(self, identity: Identity) -> None:
        """Hold a handle on it, which a recycled pid cannot fool; one that is gone already needs no watching."""
        with suppress(OSError):
            handle = os.pidfd_open(identity.pid)
            if host.runs_here(identity):
                self._handles.add(handle)
            else:
                os.close(handle)

    def usage(self, identity: Identity) -> Usage | None:
        """Of the child and its descendants."""
        if not host.runs_here(identity):
            return None
        try:
            leader = psutil.Process(identity.pid)
            family = [leader, *leader.children(recursive=True)]
            spent = [member.cpu_times() for member in family]
            memory = sum(member.memory_info().rss for member in family) / 1e6
            return Usage(memory, sum(cpu.user + cpu.system for cpu in spent))
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
        me = host.myself()
        for pid, start_ticks in self._awaited:  # nobody else will tell of their end
            self.watch(Identity(me.host, me.boot, pid, start_ticks))
        self._awaited.clear()

    def _is_template_alive(self) -> bool:
        return self._template is not None and self._template.poll() is None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self._is_template_alive():
            self._receive()
            self.close()
            self._spawn()
        self._await_ready()
        assert self._socket is not None
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return self._answer(_ANSWER_SECONDS)

    def _spawn(self) -> None:
        self._is_ready = False
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
                    env=_environment(),
                    start_new_session=True,
                )

    def _await_ready(self) -> None:
        if not self._is_ready and "ready" not in self._answer(_PRELOAD_SECONDS):
            raise EOFError("the template did not say that it is ready")
        self._is_ready = True

    def _answer(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
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


def _environment() -> dict[str, str]:
    """Ours, with room for the run's token; a child computes with one core."""
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", families.TOKEN_VARIABLE: families.BLANK_TOKEN}
