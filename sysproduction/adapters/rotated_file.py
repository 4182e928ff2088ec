"""A log that never outgrows its bound: full, NAME becomes NAME.1, what was NAME.1 becomes NAME.2, and so on."""

import fcntl
import os
from contextlib import suppress


class RotatedFile:
    """Appends to `path` and keeps `kept` older files beside it (at least 1), none above `bytes_max`.

    Several processes may write to one path: whoever finds that another one has rotated (or that somebody has moved
    or removed the file) goes on in the file that the path names now.
    """

    def __init__(self, path: str, *, bytes_max: int, kept: int) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._kept = kept
        self._file: int | None = None
        self.error = ""
        self.ends_mid_line = False

    def write(self, data: bytes) -> int:
        """How many bytes arrived, in order; if fewer than given, `error` tells why. Never raises OSError.

        Files end at the end of a line, unless one line alone is larger than a file.
        """
        written = 0
        try:
            while written < len(data):
                piece = self._fitting(data[written:], self._size())
                if piece:
                    written += os.write(self._opened(), piece)
                else:
                    self._rotate()
        except OSError as error:
            self.error = error.strerror or str(error)
            self.close()
        if written:
            self.ends_mid_line = data[written - 1 : written] != b"\n"
        return written

    def end_line(self) -> None:
        """What is written next begins a line, even if an earlier writer was killed in the middle of one."""
        with suppress(OSError):  # the next write meets it again and tells
            self._opened()
        if self.ends_mid_line:
            self.write(b"\n")

    def close(self) -> None:
        """Let go of the file; the next write opens it again."""
        if self._file is not None:
            with suppress(OSError):  # a network disk reports a late failure here
                os.close(self._file)
            self._file = None

    def _fitting(self, data: bytes, size: int) -> bytes:
        room = self._bytes_max - size
        if len(data) <= room:
            return data
        whole_lines = data[: data.rfind(b"\n", 0, max(room, 0)) + 1]
        return whole_lines or (data[:room] if size == 0 else b"")

    def _size(self) -> int:
        if self._file is not None and not self._is_in_place():
            self.close()
        return os.fstat(self._opened()).st_size

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            size = os.fstat(self._file).st_size
            self.ends_mid_line = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
        return self._file

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._opened()))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        fcntl.flock(self._opened(), fcntl.LOCK_EX)  # closing lets go of it
        if self._is_in_place():
            for number in range(self._kept - 1, 0, -1):
                with suppress(FileNotFoundError):
                    os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
            os.replace(self._path, f"{self._path}.1")
        self.close()
