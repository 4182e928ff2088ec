"""Named folders of files on a disk: each is written beside its place and renamed into it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sysproduction.adapters.memory_folders import checked_part, parts_of
from sysproduction.domain.errors import Unavailable

_UNFINISHED: Final = ".writing-"


class DiskFolders:
    """The Folders port below one folder of the file system, for the owner's eyes only."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """As the port; a crash leaves the old folder, or the new one, and perhaps an unfinished one beside it, which
        the next write to the same parent removes."""
        target = self._path(name)
        with _said(target):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(target.parent)
            fresh = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{os.getpid()}-", dir=target.parent))
            for file, content in files.items():
                _write(fresh / checked_part(file), content)
            _swap(fresh, target)

    def read(self, name: str, file: str) -> bytes | None:
        """As the port."""
        path = self._path(name) / checked_part(file)
        with _said(path):
            return path.read_bytes() if path.is_file() else None

    def names(self, prefix: str = "") -> list[str]:
        """As the port: folders that hold files."""
        with _said(self._root):
            found = {path.parent for path in self._root.rglob("*") if path.is_file()}
        names = (path.relative_to(self._root).as_posix() for path in found)
        return sorted(name for name in names if name.startswith(prefix) and _UNFINISHED not in name)

    def delete(self, name: str) -> None:
        """As the port."""
        path = self._path(name)
        with _said(path):
            if path.exists():
                shutil.rmtree(path)

    def _path(self, name: str) -> Path:
        return self._root.joinpath(*parts_of(name))


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(fresh: Path, target: Path) -> None:
    """Rename into place; what was there goes first: a crash between both leaves nothing, which a rerun makes anew."""
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{os.getpid()}-", dir=target.parent))
        target.rename(old / "old")
        fresh.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        fresh.rename(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    """Take away what writers left that are dead."""
    for path in parent.glob(f"{_UNFINISHED}*"):
        pid = path.name.removeprefix(_UNFINISHED).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise Unavailable(f"{path}: {reason.strerror}; make room, or mend the folder, and try again") from reason
