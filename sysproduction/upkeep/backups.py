"""Backups: a folder each, complete once it has its manifest, which names every file with its SHA-256."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sysproduction.domain.errors import DataError, Refused
from sysproduction.ports import DocumentDumps

MANIFEST: Final = "manifest.json"
MONGO: Final = "mongo"

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_PART: Final = ".part"


@dataclass(frozen=True, slots=True)
class Backup:
    """One complete backup; `counts` tells how many documents each collection had."""

    folder: Path
    made_at: datetime
    counts: Mapping[str, int]
    files: Mapping[str, str]


def dump_documents(dumps: DocumentDumps, target: Path, *, now: datetime, keep: int) -> Backup:
    """Write a backup of all documents below `target` and remove all but the newest `keep`.

    It is written under another name and appears under its own once it is complete and on disk. Raises OSError when the
    disk is full or the target cannot be written, Unavailable when the store cannot be read; older backups stay.
    """
    folder = target / f"{MONGO}-{now:{_STAMP}}"
    part = folder.with_name(folder.name + _PART)
    if folder.exists():
        return read_backup(folder)
    _clear_parts(target)
    part.mkdir(parents=True, mode=0o700)
    counts = dumps.dump(part)
    files = {path.name: _digest(path) for path in sorted(part.iterdir())}
    manifest = {"kind": MONGO, "made_at": now.isoformat(), "counts": counts, "files": files}
    _write_durably(part / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
    part.rename(folder)
    _sync(target)
    for old in backups(target)[keep:]:
        shutil.rmtree(old)
    return Backup(folder, now, counts, files)


def backups(target: Path) -> list[Path]:
    """Complete backups of documents below `target`, newest first."""
    found = target.glob(f"{MONGO}-*") if target.is_dir() else ()
    return sorted((path for path in found if (path / MANIFEST).is_file() and path.suffix != _PART), reverse=True)


def read_backup(folder: Path) -> Backup:
    """What a backup says of itself, every file checked against its SHA-256; raises DataError if it is none, is not
    complete, or was changed since."""
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        backup = Backup(folder, datetime.fromisoformat(told["made_at"]), told["counts"], told["files"])
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no complete backup (it has no {MANIFEST})") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / MANIFEST}: cannot be read: {error}") from error
    for name, digest in backup.files.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path}: missing, though the manifest names it")
        if _digest(path) != digest:
            raise DataError(f"{path}: does not have the SHA-256 of the manifest; take another backup")
    return backup


def restore_documents(dumps: DocumentDumps, folder: Path, *, replace: bool = False) -> dict[str, int] | Refused:
    """Put the documents of a backup into the store; how many each collection got.

    The store must be empty, hold a restore that was cut off, or be cleared first with `replace`. Raises DataError, with
    nothing changed, if the backup is damaged.
    """
    backup = read_backup(folder)
    there = dumps.collections()
    if there and not replace and not dumps.is_half_restored():
        return Refused(
            f"the database holds {len(there)} collections: restore into a fresh home, or say --replace to remove them"
        )
    dumps.clear()
    restored = dumps.restore(folder)
    if restored != dict(backup.counts):
        raise DataError(f"{folder}: restored {restored}, but the manifest says {dict(backup.counts)}")
    return restored


def _clear_parts(target: Path) -> None:
    """Remove what backups that were cut off have left."""
    for part in target.glob(f"{MONGO}-*{_PART}"):
        shutil.rmtree(part)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_durably(path: Path, text: str) -> None:
    for other in path.parent.iterdir():
        with other.open("rb") as file:
            os.fsync(file.fileno())
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
