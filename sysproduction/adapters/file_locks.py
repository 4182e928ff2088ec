"""Locks on files that the kernel drops when their holder dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sysproduction.domain.errors import Unavailable

_POLL_SECONDS = 0.01


def take(path: Path, *, shared: bool = False, seconds: float = 0.0) -> int | None:
    """A descriptor that holds the lock until it is closed, or None if others still held it after `seconds`.

    The descriptor does not survive an exec; a forked child must close its copy. Raises Unavailable if the file
    cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise Unavailable(f"cannot open the lock file {path}: {exc.strerror}; mend its folder") from exc
    deadline = time.monotonic() + seconds
    while not _locked(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            return None
        time.sleep(_POLL_SECONDS)
    return descriptor


@contextmanager
def holding(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock exclusively; raises Unavailable if others still held it after `seconds`."""
    descriptor = take(path, seconds=seconds)
    if descriptor is None:
        raise Unavailable(f"another process has held {path} for {seconds:g} s; end it and try again")
    try:
        yield
    finally:
        os.close(descriptor)


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock, shared or exclusive."""
    descriptor = take(path)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
