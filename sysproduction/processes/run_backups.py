"""The evening's backups."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sysproduction.domain.backups import BackupKind, BackupPolicy
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.results import MethodResult
from sysproduction.ports import World
from sysproduction.upkeep.backups import Backup, backups, read_backup
from sysproduction.upkeep.document_backups import dump_documents
from sysproduction.upkeep.file_backups import copy_files
from sysproduction.upkeep.series_backups import write_series
from sysproduction.upkeep.verifying import verify_documents, verify_series

__all__ = [
    "backup_arctic_to_csv",
    "backup_files",
    "backup_mongo_data_as_dump",
    "copy_backups_off_site",
    "verify_backups",
]

_VERIFIED = "verified.json"


def backup_arctic_to_csv(world: World) -> MethodResult:
    """Write all series into a new folder, as CSV and as Parquet."""
    policy = _policy(world)
    with _told(policy.folder):
        return _result(write_series(world.series, policy.folder, now=world.clock.now(), keep=policy.keep))


def backup_files(world: World) -> MethodResult:
    """Copy private configuration, kill switch and the data beside both stores into a new folder."""
    policy = _policy(world)
    with _told(policy.folder):
        made = copy_files(policy.home, policy.folder, now=world.clock.now(), keep=policy.keep)
    return MethodResult(items=len(made.files))


def backup_mongo_data_as_dump(world: World) -> MethodResult:
    """Write all documents into a new folder in mongodump's layout."""
    policy = _policy(world)
    assert world.dumps is not None
    with _told(policy.folder):
        return _result(dump_documents(world.dumps, policy.folder, now=world.clock.now(), keep=policy.keep))


def copy_backups_off_site(world: World) -> MethodResult:
    """Copy complete backups to where `backups.off_site` says, if it says anything."""
    if world.off_site is None:
        return MethodResult()
    return MethodResult(items=world.off_site(backups(_policy(world).folder)))


def verify_backups(world: World, every_days: int = 7) -> MethodResult:
    """Restore the newest backups of documents and series into empty stores, replay the ledger of fills and compare;
    does nothing for `every_days` after it went well."""
    folder, now = _policy(world).folder, world.clock.now()
    if _verified_at(folder) > now - timedelta(days=every_days):
        return MethodResult()
    assert world.empty_stores is not None
    newest = {kind: found[0] for kind in BackupKind if (found := backups(folder, kind))}
    with _told(folder), world.empty_stores() as stores, tempfile.TemporaryDirectory() as again:
        if BackupKind.MONGO in newest:
            verify_documents(stores, read_backup(newest[BackupKind.MONGO]), Path(again))
        if BackupKind.ARCTIC in newest:
            verify_series(stores, read_backup(newest[BackupKind.ARCTIC]))
        if BackupKind.FILES in newest:
            read_backup(newest[BackupKind.FILES])
        told = {"at": now.isoformat(), "backups": sorted(path.name for path in newest.values())}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _VERIFIED).write_text(json.dumps(told), encoding="utf-8")
    return MethodResult(items=len(newest))


def _policy(world: World) -> BackupPolicy:
    assert world.backups is not None
    return world.backups


def _verified_at(folder: Path) -> datetime:
    try:
        return datetime.fromisoformat(json.loads((folder / _VERIFIED).read_text(encoding="utf-8"))["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def _result(made: Backup) -> MethodResult:
    return MethodResult(rows_written=sum(made.counts.values()), items=len(made.counts))


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """A disk that is full, or a target that cannot be written, is one message; the older backups stay."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"{error.filename or target}: the backup cannot be written: {error.strerror}; make room there or set "
            "backups.folder in private_config.yaml to another place"
        ) from error
    except sqlite3.Error as error:
        raise Unavailable(f"a database of the home cannot be copied: {error}") from error
