"""Backups of all documents, and the way back."""

from datetime import datetime
from pathlib import Path

from sysproduction.domain.backups import BackupKind
from sysproduction.domain.errors import DataError, Refused
from sysproduction.ports import DocumentDumps
from sysproduction.upkeep.backups import Backup, Contents, make


def dump_documents(dumps: DocumentDumps, target: Path, *, now: datetime, keep: int) -> Backup:
    """A backup of all documents below `target`; raises as `make`."""
    return make(target, BackupKind.MONGO, lambda part, _last: Contents(dumps.dump(part)), now=now, keep=keep)


def restore_documents(dumps: DocumentDumps, backup: Backup, *, replace: bool = False) -> dict[str, int] | Refused:
    """Put the documents of a backup into the store; how many each collection got.

    The store must be empty, hold a restore that was cut off, or be cleared first with `replace`. Raises DataError if
    the backup holds something else than it says.
    """
    there = dumps.collections()
    if there and not replace and not dumps.is_half_restored():
        return Refused(
            f"the database holds {len(there)} collections: restore into a fresh home, or say --replace to remove them"
        )
    dumps.clear()
    restored = dumps.restore(backup.folder)
    if restored != dict(backup.counts):
        raise DataError(f"{backup.folder}: restored {restored}, but the manifest says {dict(backup.counts)}")
    return restored
