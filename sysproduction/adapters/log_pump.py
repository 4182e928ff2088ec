"""Pumps: one small process per child carries the child's output into its log, and outlives whoever started it.

A pump reads until every writer is gone, grandchildren included. Up to `bytes_per_second` no writer ever waits for it:
it can take twice that out of the pipe, whatever the disk does short of hanging. Above the limit it counts
instead of writing, 256 KB every 10 ms at most; a faster writer then waits at its full pipe. That is the
bargain: a flood slows down the flooding job and costs the machine a few percent of a core, no more.
"""

import errno
import fcntl
import gc
import os
import select
import signal
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from sysproduction.adapters.limited_log import LimitedLog, Limits
from sysproduction.adapters.rotated_file import RotatedFile

_CHUNK: Final = 262_144
_PIPE_BYTES: Final = 1_048_576  # what the kernel grants without privileges
_GATHER_SECONDS: Final = 0.01
_TELL_MILLISECONDS: Final = 200
_LIFE_SECONDS_MIN: Final = 1.0
_IGNORED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class _Pump:
    source: int
    log_path: str
    started: float


class Pumps:
    """The pumps that the calling process starts and reaps; it must have no threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pumps: dict[int, _Pump] = {}

    def start(self, log_path: str) -> int:
        """Fork a pump; the write end of its pipe, for the caller to give away and then close.

        Raises OSError if there is no such folder, the log may not be written, or nothing can be forked. A full disk
        is no reason: the pump counts until there is room.
        """
        _check(log_path)
        source, output = os.pipe()
        with suppress(OSError):  # the user's pipes may hold too much already
            fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self._fork(source, log_path)
        except OSError:
            os.close(source)
            os.close(output)
            raise
        return output

    def ended(self, pid: int, code: int) -> bool:
        """Whether the child that was reaped was a pump, not a job.

        One that was killed is replaced: the caller kept the pipe open, so the job has noticed nothing. One that does
        not even live for a second is not: then the pipe breaks, and the job fails at its next line rather than hang.
        """
        pump = self._pumps.pop(pid, None)
        if pump is None:
            return False
        if code == 0 or time.monotonic() - pump.started < _LIFE_SECONDS_MIN:
            os.close(pump.source)
            return True
        try:
            self._fork(pump.source, pump.log_path, f"the log pump died ({code}); what it held in hand is lost")
        except OSError:
            os.close(pump.source)
        return True

    def _fork(self, source: int, log_path: str, news: str = "") -> None:
        pid = os.fork()
        if pid == 0:
            _become(source, log_path, self._limits, news)
        self._pumps[pid] = _Pump(source, log_path, time.monotonic())


def pump(source: int, log_path: str, limits: Limits, news: str = "") -> None:
    """Carry from the pipe `source` to the log until end of file; memory does not depend on what comes."""
    room = min(_CHUNK, fcntl.fcntl(source, fcntl.F_GETPIPE_SZ))
    pause = min(_GATHER_SECONDS, room / (2 * limits.bytes_per_second))
    file = RotatedFile(log_path, bytes_max=limits.file_bytes_max, kept=limits.files_kept)
    file.end_line()
    log = LimitedLog(file, limits, time.monotonic())
    if news:
        log.say(news)
    arrivals = select.poll()
    arrivals.register(source, select.POLLIN)
    while True:
        if log.owes_count and not arrivals.poll(_TELL_MILLISECONDS):
            log.tell(time.monotonic())
            continue
        data = os.read(source, _CHUNK)
        if not data:
            break
        is_open = log.take(data, time.monotonic())
        if not is_open or len(data) < room:
            time.sleep(pause)  # what comes meanwhile is taken in one go
    log.finish()


def _check(log_path: str) -> None:
    try:
        os.close(os.open(log_path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno not in _FULL:
            raise


def _become(source: int, log_path: str, limits: Limits, news: str) -> NoReturn:
    """In the forked process: own session, deaf, the pipe as standard input, of the caller's only standard error."""
    code = 1
    gc.disable()  # shared pages stay shared
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        os.dup2(source, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)
        _rename_process()
        pump(0, log_path, limits, news)
        code = 0
    finally:
        if code:
            with suppress(OSError, ValueError):
                traceback.print_exc()
        os._exit(code)


def _rename_process() -> None:
    with suppress(OSError):
        name = os.open("/proc/self/comm", os.O_WRONLY)  # a Python file would touch a megabyte of shared memory
        os.write(name, b"log-pump")
        os.close(name)
