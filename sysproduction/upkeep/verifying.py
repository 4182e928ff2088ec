"""Whether backups are good: restored into empty stores, they give back what they were made of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sysproduction.domain.errors import DataError
from sysproduction.domain.fills import Fill, positions
from sysproduction.ports import Documents, Stores
from sysproduction.stores.fills import FillLedger
from sysproduction.upkeep.backups import Backup, digest
from sysproduction.upkeep.document_backups import restore_documents
from sysproduction.upkeep.series_backups import read_series, restore_series, series_of

_PAGE: Final = 10_000


def verify_documents(stores: Stores, backup: Backup, again: Path) -> None:
    """Restore into empty stores, dump again into the empty folder `again`, and compare documents; then the stored
    positions must be the sum of all fills. Raises DataError that names what differs."""
    restore_documents(stores.dumps, backup)
    stores.dumps.dump(again)
    for name, wanted in backup.files.items():
        if not name.endswith(".bson") or digest(again / name) == wanted:
            continue
        if stores.dumps.fingerprint(again / name) != stores.dumps.fingerprint(backup.folder / name):
            raise DataError(f"{backup.folder / name}: restored and dumped again, it is another one")
    _replay_ledger(stores.documents, backup)


def verify_series(stores: Stores, backup: Backup) -> None:
    """Restore into empty stores and compare every row with the backup's. Raises DataError that names what differs."""
    restore_series(stores.series, backup)
    for name, library, symbol in series_of(backup):
        found, wanted = stores.series.read(library, symbol), read_series(backup, name)
        if found is None or not wanted.equals(found) or len(wanted) != backup.counts[name]:
            raise DataError(f"{backup.folder / name}.parquet: restored, it reads otherwise")


def _replay_ledger(documents: Documents, backup: Backup) -> None:
    ledger = FillLedger(documents)
    if ledger.positions() != positions(_fills(ledger)):
        raise DataError(f"{backup.folder}: the stored positions are not the sum of the fills")


def _fills(ledger: FillLedger) -> Iterator[Fill]:
    last = 0
    while page := ledger.since(last, _PAGE):
        yield from page
        last = page[-1].sequence
