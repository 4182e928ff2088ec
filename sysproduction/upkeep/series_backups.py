"""Backups of all time series, as CSV for people and as Parquet for the way back; what has not changed since the backup
before is linked to it."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from sysproduction.domain.backups import BackupKind
from sysproduction.domain.errors import DataError, Refused
from sysproduction.ports import Series
from sysproduction.stores import capital, fx, prices, spreads
from sysproduction.upkeep.backups import Backup, Contents, linked, make

LIBRARIES: Final = (prices.BARS, prices.MULTIPLE, prices.ADJUSTED, fx.FX, capital.LIBRARY, spreads.SPREADS)
_SUFFIXES: Final = (".csv", ".parquet")
_BATCH: Final = 64


def write_series(series: Series, target: Path, *, now: datetime, keep: int) -> Backup:
    """A backup of all series below `target`: LIBRARY/SYMBOL.csv, whose first column DATETIME is UTC, and .parquet;
    raises as `make`."""

    def fill(part: Path, last: Backup | None) -> Contents:
        counts: dict[str, int] = {}
        versions: dict[str, int] = {}
        known: dict[str, str] = {}
        for library, symbol, version, frame in _changed(series, last):
            name = _name(library, symbol)
            versions[name] = version
            if frame is None and last is not None:
                counts[name] = last.counts[name]
                for file in _files(name):
                    linked(last.folder / file, part / file)
                    known[file] = last.files[file]
            elif frame is not None:
                counts[name] = len(frame)
                _write(frame, part / name)
        return Contents(counts, versions, known)

    return make(target, BackupKind.ARCTIC, fill, now=now, keep=keep)


def restore_series(series: Series, backup: Backup, *, replace: bool = False) -> int | Refused:
    """Put all series of a backup into the store; how many. With `replace` the store may hold others, which are removed.
    Raises DataError for a file that cannot be read; what was restored by then stays."""
    there = [(library, symbol) for library in LIBRARIES for symbol in series.symbols(library)]
    if there and not replace:
        return Refused(
            f"the store holds {len(there)} series: restore into a fresh home, or say --replace to remove them"
        )
    for library, symbol in there:
        if _name(library, symbol) not in backup.versions:
            series.delete(library, symbol)
    for name, library, symbol in series_of(backup):
        series.replace(library, symbol, read_series(backup, name))
    return len(backup.versions)


def series_of(backup: Backup) -> Iterator[tuple[str, str, str]]:
    """Name, library and symbol of each series of a backup."""
    for name in backup.versions:
        library, _, symbol = name.partition("/")
        yield name, library, unquote(symbol)


def read_series(backup: Backup, name: str) -> pd.DataFrame:
    """The series LIBRARY/SYMBOL of a backup; raises DataError."""
    path = backup.folder / f"{name}.parquet"
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _changed(series: Series, last: Backup | None) -> Iterator[tuple[str, str, int, pd.DataFrame | None]]:
    """Library, symbol, version, and the rows unless the last backup has them."""
    old = {} if last is None else last.versions
    for library in LIBRARIES:
        versions = series.last_versions(library, series.symbols(library))
        fresh = {symbol: number for symbol, number in versions.items() if old.get(_name(library, symbol)) != number}
        for symbol in versions.keys() - fresh.keys():
            yield library, symbol, versions[symbol], None
        symbols = list(fresh)
        for start in range(0, len(symbols), _BATCH):
            some = {symbol: fresh[symbol] for symbol in symbols[start : start + _BATCH]}
            for symbol, frame in series.read_many(library, some).items():
                yield library, symbol, some[symbol], frame


def _name(library: str, symbol: str) -> str:
    return f"{library}/{quote(symbol, safe='/')}"


def _files(name: str) -> list[str]:
    return [name + suffix for suffix in _SUFFIXES]


def _write(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = pa.Table.from_pandas(frame, preserve_index=False)
    stamps = pa.array(pd.DatetimeIndex(frame.index).tz_convert("UTC").tz_localize(None))
    csv.write_csv(columns.add_column(0, "DATETIME", stamps), path.with_name(f"{path.name}.csv"))
    parquet.write_table(pa.Table.from_pandas(frame), path.with_name(f"{path.name}.parquet"))
