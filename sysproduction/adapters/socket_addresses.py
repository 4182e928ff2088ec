"""Addresses of Unix sockets, which may have 108 bytes, in folders with paths of any length."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A descriptor of the folder, for as long as addresses in it are used."""
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield parent
    finally:
        os.close(parent)


def address(parent: int, file: str) -> str:
    """A short path to `file`, however long the folder's is."""
    return f"/proc/self/fd/{parent}/{file}"
