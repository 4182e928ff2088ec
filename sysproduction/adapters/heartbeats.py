"""Heartbeats without a store: each process keeps overwriting one small record in a file of its own."""

import logging
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Final

from sysproduction.adapters import host
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.heartbeats import Beat

_FIELDS: Final = struct.Struct("<q128sdddqq")
"""Number, method, beat and begin of the method in monotonic seconds, its time-out, pid, start ticks."""

_CHECK: Final = struct.Struct("<I")
"""Checksum of the fields: numbers at both ends cannot tell a reader who is overtaken in the middle."""

_SIZE: Final = _FIELDS.size + _CHECK.size
_METHOD_BYTES_MAX: Final = 128
_READS_MAX: Final = 100

_log = logging.getLogger(__name__)


class Heartbeat:
    """The heart of the calling process, in the file `folder`/`name`; beats once when it is made, so that nothing
    of an earlier run is left there. Make it after the fork. Raises Unavailable if the file cannot be written."""

    def __init__(self, folder: Path, name: str) -> None:
        me = host.myself()
        self._who = (me.pid, me.start_ticks)
        self._path = folder / name
        self._number = 0
        self._method = ""
        self._since = 0.0
        self._failing = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"{self._path}: no heartbeat can be written: {error.strerror}") from error
        try:
            self._write("", 0.0)
        except OSError as error:
            self.close()
            raise Unavailable(f"{self._path}: no heartbeat can be written: {error.strerror}") from error

    def beat(self, method: str = "", timeout: float = 0.0) -> None:
        """Between methods: `beat()`. When one begins: `beat(method, timeout)`, seconds, 0 for no time-out; said
        again within the method it is one more sign of life, the begin stays. Never raises once it was made."""
        try:
            self._write(method, timeout)
        except OSError as error:
            if not self._failing:
                _log.error("%s: the heartbeat cannot be written: %s", self._path, error.strerror)
            self._failing = True
        else:
            self._failing = False

    def close(self) -> None:
        """Stop beating; the last record stays. Idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, method: str, timeout: float) -> None:
        now = time.monotonic()
        if method != self._method or not method:
            self._method, self._since = method, now
        self._number += 1
        name = method.encode(errors="replace")[:_METHOD_BYTES_MAX]
        fields = _FIELDS.pack(self._number, name, now, self._since, timeout, *self._who)
        os.pwrite(self._file, fields + _CHECK.pack(zlib.crc32(fields)), 0)


def read_beat(folder: Path, name: str) -> Beat | None:
    """The last beat of the process; None if it never beat or the record cannot be read."""
    try:
        file = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        for _ in range(_READS_MAX):
            record = os.pread(file, _SIZE, 0)
            if (
                len(record) == _SIZE
                and zlib.crc32(record[: _FIELDS.size]) == _CHECK.unpack_from(record, _FIELDS.size)[0]
            ):
                return _beat(record)
    except OSError:
        return None
    finally:
        os.close(file)
    return None


def _beat(record: bytes) -> Beat:
    number, method, at, since, timeout, pid, start_ticks = _FIELDS.unpack_from(record)
    name = method.rstrip(b"\0").decode("utf-8", "ignore")
    return Beat(number, at, name, since, timeout, pid, start_ticks)
