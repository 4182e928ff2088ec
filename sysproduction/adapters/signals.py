"""Signals as a queue that a loop drains in its own time."""

import selectors
import signal
import socket
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sysproduction.adapters.wake_sockets import WakeSocket

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SignalQueue:
    """Signals as a queue: handlers only append, the owner's loop drains; `wait` ends early when one arrives, or when
    somebody wakes this process through its wake socket."""

    def __init__(self, wake: WakeSocket | None = None) -> None:
        self._wake = wake
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
        if self._wake is not None:
            self._wake.close()

    def drain(self) -> list[int]:
        """Signals received since the last call."""
        return [self._queue.popleft() for _ in range(len(self._queue))]

    def wait(self, seconds: float, *others: "FileDescriptorLike") -> list["FileDescriptorLike"]:
        """Return after `seconds`, at a signal, or when some of `others` can be read: those."""
        with selectors.DefaultSelector() as selector:
            wakes = [self._wake.socket] if self._wake is not None else []
            for source in (self._read, *wakes, *others):
                selector.register(source, selectors.EVENT_READ)
            ready = [key.fileobj for key, _events in selector.select(max(0.0, seconds))]
        with suppress(BlockingIOError):
            self._read.recv(4096)
        if self._wake is not None:
            self._wake.drain()
        return ready
