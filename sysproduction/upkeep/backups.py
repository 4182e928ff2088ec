"""Backups: a folder each, complete once it has its manifest, which names every file with its SHA-256."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sysproduction.domain.backups import BackupKind
from sysproduction.domain.errors import DataError

MANIFEST: Final = "manifest.json"

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_PART: Final = ".part"


@dataclass(frozen=True, slots=True)
class Contents:
    """What was written: `counts` rows or documents of each series or collection, and of a series the version that it
    was of; `known` digests of files that are those of the backup before."""

    counts: Mapping[str, int]
    versions: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backup:
    """One complete backup; `files` gives the SHA-256 of each file by its path below the folder."""

    folder: Path
    kind: BackupKind
    made_at: datetime
    counts: Mapping[str, int]
    versions: Mapping[str, int]
    files: Mapping[str, str]


Fill = Callable[[Path, Backup | None], Contents]
"""Writes a backup into an empty folder; what has not changed since the last one may be linked to its files."""


def make(target: Path, kind: BackupKind, fill: Fill, *, now: datetime, keep: int) -> Backup:
    """Write a backup below `target` and remove all of its kind but the newest `keep`.

    It is written under another name and appears under its own once it is complete and on disk. Raises OSError when the
    disk is full or the target cannot be written, Unavailable when the store cannot be read; older backups stay.
    """
    folder = target / f"{kind}-{now:{_STAMP}}"
    part = folder.with_name(folder.name + _PART)
    if folder.exists():
        return read_backup(folder)
    for left in target.glob(f"{kind}-*{_PART}"):  # by one that was cut off
        shutil.rmtree(left)
    before = backups(target, kind)
    part.mkdir(parents=True, mode=0o700)
    contents = fill(part, _told(before[0]) if before else None)
    names = sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file())
    files = {name: contents.known.get(name) or digest(part / name) for name in names}
    made = Backup(folder, kind, now, dict(contents.counts), dict(contents.versions), files)
    for path in [*(part / name for name in names if name not in contents.known), *_folders(part)]:
        _sync(path)
    (part / MANIFEST).write_text(json.dumps(_manifest(made), indent=1, sort_keys=True), encoding="utf-8")
    _sync(part / MANIFEST)
    _sync(part)
    part.rename(folder)
    _sync(target)
    for old in backups(target, kind)[keep:]:
        shutil.rmtree(old)
    return made


def backups(target: Path, kind: BackupKind | None = None) -> list[Path]:
    """Complete backups below `target`, of one kind or all, newest first."""
    kinds = tuple(BackupKind) if kind is None else (kind,)
    found = [path for one in kinds if target.is_dir() for path in target.glob(f"{one}-*")]
    complete = [path for path in found if (path / MANIFEST).is_file() and path.suffix != _PART]
    return sorted(complete, key=lambda path: path.name.partition("-")[::-1], reverse=True)


def read_backup(folder: Path) -> Backup:
    """What a backup says of itself, every file checked against its SHA-256; raises DataError if it is none, is not
    complete, or was changed since."""
    backup = _told(folder)
    for name, wanted in backup.files.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path}: missing, though the manifest names it")
        if digest(path) != wanted:
            raise DataError(f"{path}: does not have the SHA-256 of the manifest; take another backup")
    return backup


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def linked(source: Path, target: Path) -> None:
    """The same file at another place; a copy where the disk knows no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _told(folder: Path) -> Backup:
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Backup(
            folder,
            BackupKind(told["kind"]),
            datetime.fromisoformat(told["made_at"]),
            told["counts"],
            told["versions"],
            told["files"],
        )
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no complete backup (it has no {MANIFEST})") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / MANIFEST}: cannot be read: {error}") from error


def _manifest(backup: Backup) -> dict[str, Any]:
    told = asdict(backup)
    del told["folder"]
    return told | {"made_at": backup.made_at.isoformat()}


def _folders(part: Path) -> list[Path]:
    return [path for path in part.rglob("*") if path.is_dir()]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
