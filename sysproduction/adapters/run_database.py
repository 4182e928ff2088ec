"""Runs on bars as one SQLite file, runs.db, beside a folder with their columns: how they are written."""

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sysproduction.adapters import host, run_schema, sqlite_files
from sysproduction.adapters.run_columns import ColumnFiles
from sysproduction.adapters.sqlite_files import translated
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import Event
from sysproduction.domain.identity import Identity
from sysproduction.ports import IndicatorColumns, RunEnd, RunHeader, RunStatus


class RunDatabase:
    """A `Journal` in a file (mode 0600), which several processes may write to and any may read at once. What was
    committed outlives a kill -9 of its process; the next one to open the file closes such runs as failed."""

    def __init__(self, file: Path) -> None:
        self._file, self._run = file, 0
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
            self._run = found.lastrowid or 0
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
            self._database.executemany(run_schema.insertion(kind), run_schema.stored(self._run, kind, rows))

    def commit(self, bars_played: int) -> None:
        """As the port."""
        with translated(self._file):
            if not self._database.in_transaction:
                self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("UPDATE runs SET bars_played = ? WHERE id = ?", (bars_played, self._run))
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

    def close(self) -> None:
        """As the port."""
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


def close_dead_runs(database: sqlite3.Connection) -> int:
    """Close runs whose process is gone as failed; how many there were."""
    running = database.execute("SELECT id, process, bars_played FROM runs WHERE status = 'running'").fetchall()
    dead = [(run, bars) for run, process, bars in running if not host.alive(Identity(**json.loads(process)))]
    for run, bars in dead:
        database.execute(
            "UPDATE runs SET status = 'failed', ended = ?, error = ? WHERE id = ? AND status = 'running'",
            (_now(), f"its process was killed; what it did can be read up to bar {bars}", run),
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
