"""The template process: imports what every child needs once, then forks a child for each start it is asked for.

Run as `python -m sysproduction.adapters.template FD MODULE:FUNCTION PRELOAD…` by adapters/programs.py, which talks
to it in JSON lines over the socket FD: {"arguments", "log"} is answered by {"started", "start_ticks"} or
{"failed"}; {"exited", "start_ticks", "code"} follows when a child has ended. At end of file it leaves; its children
go on.
"""

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from sysproduction.adapters.host import identify

Main = Callable[[list[str]], int]


def main(argv: list[str]) -> None:
    """Preload, freeze, serve."""
    descriptor, entry, *preload = argv
    module, _, function = entry.partition(":")
    run: Main = getattr(importlib.import_module(module), function)
    for name in preload:
        importlib.import_module(name)
    sys.stdout.flush()  # what a preload printed must not be printed by each child again
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(descriptor)), run)


def _serve(requests: socket.socket, run: Main) -> None:
    children, wake = socket.socketpair()
    wake.setblocking(False)
    children.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake.fileno())
    lines = requests.makefile("r", encoding="utf-8")
    _say(requests, {"ready": os.getpid()})
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(children, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _events in selector.select()}
            if children in ready:
                children.recv(4096)
                _reap(requests)
            if requests in ready:
                line = lines.readline()
                if not line:
                    return
                _start(requests, run, json.loads(line))


def _start(requests: socket.socket, run: Main, request: dict[str, Any]) -> None:
    try:
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _say(requests, {"failed": f"{request['log']}: {error.strerror}"})
        return
    try:
        pid = os.fork()
    except OSError as error:
        os.close(log)
        _say(requests, {"failed": f"no new process: {error.strerror}"})
        return
    if pid == 0:
        _become(run, request["arguments"], log)
    os.close(log)
    _say(requests, {"started": pid, "start_ticks": identify(pid).start_ticks})


def _become(run: Main, arguments: list[str], log: int) -> NoReturn:
    """In the child: own session, own output, nothing of the template's left open, then the command itself."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        sys.argv = ["sysproduction", *arguments]
        code = run(arguments)
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
        if isinstance(leave.code, str):
            sys.stderr.write(leave.code + "\n")
    finally:
        with suppress(OSError, ValueError):  # a full disk or a closed stream must not change the exit code
            if sys.exc_info()[1] is not None:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _reap(requests: socket.socket) -> None:
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        ticks = identify(ended.si_pid).start_ticks
        _pid, status = os.waitpid(ended.si_pid, 0)
        _say(requests, {"exited": ended.si_pid, "start_ticks": ticks, "code": os.waitstatus_to_exitcode(status)})


def _say(requests: socket.socket, answer: dict[str, Any]) -> None:
    requests.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
