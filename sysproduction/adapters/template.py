"""The template process: imports what every child needs once, then forks a child for each start it is asked for.

Run as `python -m sysproduction.adapters.template FD MODULE:FUNCTION PRELOAD…` by adapters/programs.py, which talks
to it in JSON lines over the socket FD: {"arguments", "log", "fresh"} is answered by {"started", "start_ticks"} or
{"failed"}; {"exited", "start_ticks", "code"} follows when a child has ended. A PRELOAD is a MODULE to import, or a
MODULE:FUNCTION or MODULE:FUNCTION:TEXT to call. At end of file it leaves; its children go on.
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
from functools import partial
from io import TextIOWrapper
from typing import Any, NoReturn

from sysproduction.adapters.host import identify
from sysproduction.adapters.limited_log import Limits
from sysproduction.adapters.log_pump import Pumps
from sysproduction.adapters.preload import prepare

Main = Callable[[list[str]], int]

Ways = dict[bool, Main]
"""How a child becomes the command: by a call, or, fresh, by executing an interpreter of its own."""


def main(argv: list[str]) -> None:
    """Preload, freeze, serve."""
    descriptor, entry, *preload = argv
    module, _, function = entry.partition(":")
    run: Main = getattr(importlib.import_module(module), function)
    prepare(preload)
    sys.stdout.flush()  # what a preload printed must not be printed by each child again
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(descriptor)), {False: run, True: partial(_execute, module)})


def _execute(module: str, arguments: list[str]) -> NoReturn:
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def _serve(requests: socket.socket, ways: Ways) -> None:
    pumps = Pumps(Limits())
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
                _reap(requests, pumps)
            if requests in ready:
                line = lines.readline()
                if not line:
                    return
                _start(requests, ways, pumps, json.loads(line))


def _start(requests: socket.socket, ways: Ways, pumps: Pumps, request: dict[str, Any]) -> None:
    try:
        output = pumps.start(request["log"])
    except OSError as error:
        _say(requests, {"failed": f"{request['log']}: {error.strerror}"})
        return
    try:
        pid = os.fork()
    except OSError as error:
        os.close(output)
        _say(requests, {"failed": f"no new process: {error.strerror}"})
        return
    if pid == 0:
        _become(ways[request["fresh"]], request["arguments"], output)
    os.close(output)
    _say(requests, {"started": pid, "start_ticks": identify(pid).start_ticks})


def _become(run: Main, arguments: list[str], output: int) -> NoReturn:
    """In the child: own session, own output, nothing of the template's left open, then the command itself."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
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


def _reap(requests: socket.socket, pumps: Pumps) -> None:
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        ticks = identify(ended.si_pid).start_ticks
        _pid, status = os.waitpid(ended.si_pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if not pumps.ended(ended.si_pid, code):
            _say(requests, {"exited": ended.si_pid, "start_ticks": ticks, "code": code})


def _say(requests: socket.socket, answer: dict[str, Any]) -> None:
    requests.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
