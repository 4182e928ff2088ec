"""Waking processes at once: one datagram socket per process in a folder, and a byte sent to it.

A wake says only that something has changed; the receiver looks for itself what. Wakes that meet a receiver which
has not drained the earlier ones melt into those. `folder` is the one that holds the sockets, one for each name.
"""

import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from sysproduction.adapters.socket_addresses import address, opened
from sysproduction.domain.errors import ConfigError, Unavailable

_SUFFIX: Final = ".sock"
_NAME_BYTES_MAX: Final = 80
"""With "/proc/self/fd/…/" in front it must fit into the 108 bytes of a socket's address."""


class WakeSocket:
    """This process's socket `name` in `folder`; takes the name over from whoever had it.

    Raises ConfigError for a name that cannot be a file's and Unavailable if the socket cannot be made.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._file = _file_name(name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        """For a selector; readable when somebody has woken us."""
        self.socket.setblocking(False)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._inode = self._bind()
        except OSError as error:
            self.socket.close()
            raise Unavailable(f"{folder / self._file}: this socket cannot be made: {error.strerror}") from error

    def drain(self) -> bool:
        """Whether anybody has woken us since the last call."""
        woken = False
        with suppress(BlockingIOError):
            while True:
                self.socket.recv(16)
                woken = True
        return woken

    def close(self) -> None:
        """Take the socket away, unless another process has the name by now; idempotent."""
        if self.socket.fileno() < 0:
            return
        self.socket.close()
        with suppress(OSError), opened(self._folder) as parent:
            fcntl.flock(parent, fcntl.LOCK_EX)
            if os.stat(self._file, dir_fd=parent).st_ino == self._inode:
                os.unlink(self._file, dir_fd=parent)

    def _bind(self) -> int:
        with opened(self._folder) as parent:
            fcntl.flock(parent, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                os.unlink(self._file, dir_fd=parent)
            os.fchmod(self.socket.fileno(), 0o600)  # Linux gives the file this mode from its first moment
            self.socket.bind(address(parent, self._file))
            return os.stat(self._file, dir_fd=parent).st_ino


def wake(folder: Path, name: str) -> bool:
    """Wake the process; False if nobody listens. Never blocks or raises; the socket of a dead one is removed."""
    try:
        with opened(folder) as parent:
            return _wake(parent, name + _SUFFIX)
    except (OSError, ValueError):  # ValueError: a name that can be no file's
        return False


def wake_all(folder: Path) -> int:
    """Wake everybody; how many listen. Never blocks or raises; sockets of the dead are removed."""
    try:
        with opened(folder) as parent:
            return sum(_wake(parent, file) for file in sorted(os.listdir(parent)) if file.endswith(_SUFFIX))
    except OSError:
        return 0


def _wake(parent: int, file: str) -> bool:
    try:
        return _send(parent, file)
    except ConnectionRefusedError:
        _remove_dead(parent, file)
        return False
    except (OSError, ValueError):
        return False


def _send(parent: int, file: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with suppress(BlockingIOError):  # its queue is full of wakes
            sender.sendto(b"\0", address(parent, file))
    return True


def _remove_dead(parent: int, file: str) -> None:
    """Under the lock that those who bind hold too: the name may have got a living owner since."""
    with suppress(OSError):
        fcntl.flock(parent, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            _send(parent, file)
        except ConnectionRefusedError:
            os.unlink(file, dir_fd=parent)
        finally:
            fcntl.flock(parent, fcntl.LOCK_UN)


def _file_name(name: str) -> str:
    if not name or "/" in name or "\0" in name or len(os.fsencode(name)) > _NAME_BYTES_MAX:
        raise ConfigError(
            f"{name!r} cannot name a socket: take 1 to {_NAME_BYTES_MAX} bytes without a slash for a process's name"
        )
    return name + _SUFFIX
