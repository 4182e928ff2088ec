"""Runs on bars as one SQLite file, runs.db, beside a folder with their columns: how they are written."""

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sysproduction.adapters import host, run_schema, sqlite_files
from sysproduction.adapters.run_columns import ColumnFiles
from sysproduction.adapters.sqlite_files import translated
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import SysproductionError
from sysproduction.domain.events import Event
from sysproduction.domain.identity import Identity
from sysproduction.ports import IndicatorColumns, RunEnd, RunHeader, RunStatus

KILLED: Final = "its process was killed; what it did can be read up to bar "
"""Why a run is closed whose process is gone; the number of bars follows."""

UNENDED: Final = "the engine left it without an end; what was committed can be read"


class RunDatabase:
    """A `Journal` in a file (mode 0600), which several processes may write to and any may read at once. What was
    committed outlives a kill -9 of its process; the next one to open the file closes such runs as failed. So is a run
    that was not ended when the journal is closed."""

    def __init__(self, file: Path) -> None:
        self._file, self._run, self._is_open = file, 0, False
        self.columns = ColumnFiles(columns_folder(file))
        self._database = opened(file)
        with translated(file):
            close_dead_runs(self._database)

    def begin(self, header: RunHeader, bars: Sequence[BarColumns]) -> None:
        """As the port."""
        words = [json.dumps(plain(part)) for part in (header.strategies, header.symbols, header.config)]
        process = json.dumps(asdict(host.myself()))
        with self._transaction():
            found = self._database.execute(
                "INSERT INTO runs (run_id, status, strategies, symbols, config, process, began) VALUES (?,?,?,?,?,?,?)",
                (header.run_id, RunStatus.RUNNING, *words, process, _now()),
            )
            self._run, self._is_open = found.lastrowid or 0, True
        for place, one in enumerate(bars):
            columns = dict(one.columns())
            self._keep(one.symbol, place, "", columns, one.column_hashes)

    def processed(self, columns: IndicatorColumns) -> None:
        """As the port."""
        self._keep(columns.symbol, 0, columns.strategy, columns.values, columns.hashes)

    def write(self, kind: type[Event], rows: Sequence[Event]) -> None:
        """As the port."""
        with translated(self._file):
            if not self._database.in_transaction:
                self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(*run_schema.insertion(self._run, kind, rows))

    def commit(self, bars_played: int) -> None:
        """As the port. How far a run came is never taken back."""
        query = "UPDATE runs SET bars_played = max(bars_played, ?) WHERE id = ?"
        with translated(self._file):
            if not self._database.in_transaction:
                self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(query, (bars_played, self._run))
            self._database.execute("COMMIT")

    def end(self, end: RunEnd) -> None:
        """As the port; what was written since the last commit goes with it, or is left out where the disk is full."""
        if self._database.in_transaction:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK" if end.status is RunStatus.FAILED else "COMMIT")
        summary = None if end.summary is None else json.dumps(plain(end.summary))
        values = (end.status, _now(), end.run_hash, summary, end.error, end.event_index, self._run)
        with self._transaction():
            self._database.execute(
                "UPDATE runs SET status=?, ended=?, run_hash=?, summary=?, error=?, event_index=? WHERE id = ?", values
            )
        self._is_open = False

    def close(self) -> None:
        """As the port. A run whose end nobody could tell is failed; if the disk refuses even that, the next one to
        open the file finds it once this process is gone."""
        if self._is_open:
            self._is_open = False
            with suppress(SysproductionError):
                self.end(RunEnd(RunStatus.FAILED, error=UNENDED))
        self._database.close()

    def _keep(
        self, symbol: str, place: int, strategy: str, columns: Mapping[str, Any], hashes: Mapping[str, str]
    ) -> None:
        rows = [(self._run, symbol, place, strategy, name, hashes[name]) for name in columns]
        with self._transaction():
            self._database.executemany("INSERT INTO run_columns VALUES (?, ?, ?, ?, ?, ?)", rows)
            for name, values in columns.items():
                self.columns.keep(hashes[name], values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(self._file):
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:
                yield


def columns_folder(file: Path) -> Path:
    """Where the columns of the runs in a file are."""
    return file.with_suffix(".columns")


def opened(file: Path) -> sqlite3.Connection:
    """A connection to a database of runs, which is made if it is not there; raises as `sqlite_files.opened`."""
    return sqlite_files.opened(file, run_schema.schema().split(";"), run_schema.VERSION)


def dead_runs(database: sqlite3.Connection) -> set[int]:
    """The ids of running runs whose process is gone: those that still run when looked at after this are dead."""
    running = database.execute("SELECT id, process FROM runs WHERE status = 'running'").fetchall()
    return {run for run, process in running if not host.alive(Identity(**json.loads(process)))}


def close_dead_runs(database: sqlite3.Connection) -> int:
    """Close runs whose process is gone as failed; how many there were."""
    dead = dead_runs(database)
    for run in dead:
        database.execute(
            "UPDATE runs SET status = 'failed', ended = ?, error = ? || bars_played "
            "WHERE id = ? AND status = 'running'",
            (_now(), KILLED, run),
        )
    return len(dead)


def plain(value: Any) -> Any:
    """The value in words that JSON has: numbers that it has not become text."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
