"""Backups of a home's other files: its private configuration, the kill switch, and its data beside both stores."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from sysproduction.domain.backups import BackupKind
from sysproduction.domain.errors import Refused
from sysproduction.upkeep.backups import Backup, Contents, linked, make

STORES: Final = ("data/mongo", "data/arctic")
"""Folders of the home that have backups of their own."""

_SINGLE: Final = ("private_config.yaml", "run/kill_switch")
_DATABASES: Final = frozenset({".sqlite", ".db"})
_BESIDE_DATABASES: Final = ("-wal", "-shm", "-journal")


def copy_files(home: Path, target: Path, *, now: datetime, keep: int) -> Backup:
    """A backup of these files below `target`; raises as `make`, and sqlite3.Error for a database that is none."""

    def fill(part: Path, last: Backup | None) -> Contents:
        known: dict[str, str] = {}
        counts: dict[str, int] = {}
        for path in _to_copy(home, target):
            name = path.relative_to(home).as_posix()
            copy = part / name
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.suffix in _DATABASES:  # whose file may be older than what it holds
                _copy_database(path, copy)
            elif last is not None and name in last.files and _same(path, last.folder / name):
                linked(last.folder / name, copy)
                known[name] = last.files[name]
            else:
                shutil.copy2(path, copy)
            counts[name] = copy.stat().st_size
        return Contents(counts, known=known)

    return make(target, BackupKind.FILES, fill, now=now, keep=keep)


def restore_files(home: Path, backup: Backup, *, replace: bool = False) -> int | Refused:
    """Put the files of a backup into the home; how many. Those that are there and differ are kept unless `replace`."""
    for name in backup.files:
        place = home / name
        if place.exists() and not replace and not _same(backup.folder / name, place):
            return Refused(f"{place} is there already and differs: say --replace to overwrite it")
    for name in backup.files:
        place = home / name
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for beside in _BESIDE_DATABASES if place.suffix in _DATABASES else ():
            place.with_name(place.name + beside).unlink(missing_ok=True)
        shutil.copy2(backup.folder / name, place)
    return len(backup.files)


def _to_copy(home: Path, target: Path) -> Iterator[Path]:
    yield from (home / name for name in _SINGLE if (home / name).is_file())
    stores = [home / name for name in STORES]
    for path in sorted((home / "data").rglob("*")):
        if any(path.is_relative_to(place) for place in (*stores, target)) or path.is_symlink() or not path.is_file():
            continue
        if not path.name.endswith(_BESIDE_DATABASES):
            yield path


def _same(path: Path, copy: Path) -> bool:
    """As rsync sees it: size and time of the last change."""
    if not copy.is_file():
        return False
    mine, theirs = path.stat(), copy.stat()
    return (mine.st_size, mine.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def _copy_database(path: Path, copy: Path) -> None:
    """A consistent copy of a SQLite database that may be written meanwhile."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source, closing(sqlite3.connect(copy)) as sink:
        source.execute("SELECT COUNT(*) FROM sqlite_master")  # raises where `backup` would wait for ever for a lock
        source.backup(sink)
