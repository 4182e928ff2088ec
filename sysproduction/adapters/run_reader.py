"""Runs on bars as one SQLite file, runs.db: how they are read, compared, exported and removed."""

import heapq
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sysproduction.adapters import run_schema
from sysproduction.adapters.run_bars import PlayedBars
from sysproduction.adapters.run_columns import ColumnFiles
from sysproduction.adapters.run_database import KILLED, close_dead_runs, columns_folder, dead_runs, opened
from sysproduction.adapters.sqlite_files import translated
from sysproduction.domain.bar_columns import BarColumns, Floats
from sysproduction.domain.errors import ConfigError, Refused, Unavailable
from sysproduction.domain.events import ORDER_EVENTS, BarPeriod, BarProcessed, BarReceived, Event, OrderEvent
from sysproduction.engine.replay import play_order
from sysproduction.ports import RunStatus

ROWS: Final = 10_000
"""How many are handed over at once."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What is known of a run. Times are UTC texts; of `bars_played` bars, all symbols together, everything is kept."""

    run_id: str
    status: RunStatus
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    config: Mapping[str, Any]
    began: str
    ended: str | None
    bars_played: int
    run_hash: str | None
    summary: Mapping[str, Any] | None
    error: str | None
    event_index: int | None


class Runs:
    """The runs in a file, which others may write to meanwhile. Raises Unavailable or DataError for one that cannot be
    read; one that is not there has no runs."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._columns = ColumnFiles(columns_folder(file))
        self._database = opened(file) if file.exists() else sqlite3.connect(":memory:", isolation_level=None)
        if not file.exists():
            self._database.executescript(run_schema.schema())
        with suppress(Unavailable), translated(file):  # a full disk is no reason not to read
            close_dead_runs(self._database)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def all(self) -> list[RunRecord]:
        """Every run, the last one first; one whose process is gone has failed, whatever the file still says."""
        names = ", ".join(RunRecord.__dataclass_fields__)
        with translated(self._file):
            dead = dead_runs(self._database)
            rows = self._database.execute(f"SELECT id, {names} FROM runs ORDER BY id DESC").fetchall()
        return [_record(values, is_dead=number in dead) for number, *values in rows]

    def find(self, name: str) -> RunRecord:
        """The run whose id is or begins with NAME; raises ConfigError if there is none, or several."""
        records = self.all()
        found = [one for one in records if one.run_id == name] or [
            one for one in records if one.run_id.startswith(name)
        ]
        if len(found) == 1:
            return found[0]
        ids = [one.run_id for one in records]
        if found:
            raise ConfigError(f"run {name}: {len(found)} begin like that: {', '.join(one.run_id for one in found)}")
        near = get_close_matches(name, ids, 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else f"the last are: {', '.join(ids[:5]) or 'none'}"
        raise ConfigError(f"run {name} does not exist; {hint}")

    def counts(self, run: RunRecord) -> dict[str, int]:
        """How many events of each kind there are, by the names of their tables."""
        number = self._number(run)
        found = {}
        with translated(self._file):
            for name in run_schema.TABLES:
                query = f"SELECT count(*) FROM {name} WHERE run = ?"
                (found[name],) = self._database.execute(query, (number,)).fetchone()
        history = self._history(run)
        if history:
            codes = _codes(history, run.bars_played)
            listeners = np.array([len(_listeners(run, bars.symbol)) for bars in history])
            found["bar_received"], found["bar_processed"] = len(codes), int(listeners[codes].sum())
        return found

    def events(self, run: RunRecord, kind: type[Event]) -> Iterator[Event]:
        """The run's events of one kind, in their order; bars only as far as everything of them is kept."""
        history = self._history(run) if kind in (BarReceived, BarProcessed) else []
        if not history:
            return self._rows(run, kind)
        played = self._played(run, history)
        return played.received() if kind is BarReceived else played.processed()

    def order_events(self, run: RunRecord) -> Iterator[OrderEvent]:
        """All that are not bars, in their order."""
        streams: list[Any] = [self._rows(run, kind) for kind in ORDER_EVENTS]
        return heapq.merge(*streams, key=attrgetter("sequence"))

    def bars(self, run: RunRecord) -> list[BarColumns]:
        """The bars that the run has played, of each symbol of which it has played any; none of a run that followed a
        feed bar by bar."""
        history = self._history(run)
        counts = np.bincount(_codes(history, run.bars_played), minlength=len(history)) if history else ()
        return [_first(bars, count) for bars, count in zip(history, counts, strict=True) if count]

    def indicators(self, run: RunRecord, strategy: str, bars: BarColumns) -> dict[str, Floats]:
        """Values of a strategy's indicators over bars that the run has played, by name."""
        return {name: values[: len(bars)] for name, values in self._values(run, strategy, bars.symbol).items()}

    def delete(self, run: RunRecord) -> Refused | None:
        """Remove a run with everything that no other one shares; refused while it is running."""
        if run.status is RunStatus.RUNNING:
            return Refused(f"run {run.run_id} is running: end its process first")
        number = self._number(run)
        with translated(self._file):
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:
                self._database.execute("DELETE FROM runs WHERE id = ?", (number,))
                used = self._database.execute("SELECT DISTINCT hash FROM run_columns")
                self._columns.keep_only({name for (name,) in used})
        return None

    def export_rows(self, run: RunRecord, target: Path) -> int:
        """Write all events of a run into a new SQLite file, a plain table for each of the thirteen kinds; how many
        there are. Of a run that still records it has what was committed at one moment.

        Raises ConfigError if the file is there already, Unavailable if it cannot be written; there is none then.
        """
        if target.exists():
            raise ConfigError(f"{target} exists; choose another name, or remove it first")
        count = 0
        with translated(target), self._snapshot(), ExitStack() as undo:
            undo.callback(target.unlink, missing_ok=True)
            run = self.find(run.run_id)
            with closing(sqlite3.connect(target)) as made:
                for name, kind in run_schema.TABLES.items():
                    made.executescript(run_schema.create(name, run="TEXT NOT NULL"))
                    for rows in _batches(self.events(run, kind)):
                        made.executemany(*run_schema.insertion(run.run_id, kind, rows))
                        count += len(rows)
                made.commit()
            undo.pop_all()
        return count

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Everything that is read in the block is of one moment; writers do not notice."""
        with translated(self._file):
            self._database.execute("BEGIN")
        with self._database:
            yield

    def _number(self, run: RunRecord) -> int:
        with translated(self._file):
            found = self._database.execute("SELECT id FROM runs WHERE run_id = ?", (run.run_id,)).fetchone()
        if found is None:
            raise ConfigError(f"run {run.run_id} was deleted meanwhile")
        return int(found[0])

    def _rows(self, run: RunRecord, kind: type[Event]) -> Iterator[Event]:
        name = run_schema.table(kind)
        with translated(self._file):
            rows = self._database.execute(f"SELECT * FROM {name} WHERE run = ? ORDER BY sequence", (self._number(run),))
            for row in rows:
                yield run_schema.loaded(kind, row[1:])

    def _hashes(self, run: RunRecord, strategy: str, symbol: str) -> list[tuple[str, str]]:
        query = "SELECT name, hash FROM run_columns WHERE run = ? AND strategy = ? AND symbol = ?"
        with translated(self._file):
            return self._database.execute(query, (self._number(run), strategy, symbol)).fetchall()

    def _values(self, run: RunRecord, strategy: str, symbol: str) -> dict[str, Floats]:
        return {name: self._columns.load(found) for name, found in self._hashes(run, strategy, symbol)}

    def _history(self, run: RunRecord) -> list[BarColumns]:
        query = "SELECT DISTINCT symbol FROM run_columns WHERE run = ? AND strategy = '' ORDER BY place"
        with translated(self._file):
            symbols = [symbol for (symbol,) in self._database.execute(query, (self._number(run),))]
        period = BarPeriod(run.config["bar_period"])
        loaded = ({name: self._columns.load(found) for name, found in self._hashes(run, "", one)} for one in symbols)
        return [BarColumns(symbol, period, **columns) for symbol, columns in zip(symbols, loaded, strict=True)]

    def _played(self, run: RunRecord, history: Sequence[BarColumns]) -> PlayedBars:
        query = " UNION ALL ".join(
            f"SELECT sequence FROM {run_schema.table(kind)} WHERE run = ?1" for kind in ORDER_EVENTS
        )
        with translated(self._file):
            taken = np.array(self._database.execute(query, (self._number(run),)).fetchall(), np.int64).ravel()
        readings = [
            {strategy: self._values(run, strategy, bars.symbol) for strategy in _listeners(run, bars.symbol)}
            for bars in history
        ]
        return PlayedBars(history, readings, _codes(history, run.bars_played), np.sort(taken))


def _record(row: Sequence[Any], *, is_dead: bool) -> RunRecord:
    record = RunRecord(*row)
    if is_dead and record.status == RunStatus.RUNNING:
        record = replace(record, status=RunStatus.FAILED, error=f"{KILLED}{record.bars_played}")
    read = {
        name: json.loads(getattr(record, name) or "null") for name in ("strategies", "symbols", "config", "summary")
    }
    values = {name: getattr(record, name) for name in RunRecord.__dataclass_fields__} | read
    values |= {name: tuple(read[name]) for name in ("strategies", "symbols")} | {"status": RunStatus(record.status)}
    return RunRecord(**values)


def _listeners(run: RunRecord, symbol: str) -> list[str]:
    return [title for title in run.strategies if symbol in run.config["strategies"][title]["symbols"]]


def _codes(history: Sequence[BarColumns], played: int) -> npt.NDArray[np.int64]:
    """Which history each bar is of, in the order of play, as far as was played."""
    codes = np.empty(sum(map(len, history)), np.int64)
    for code, places in enumerate(play_order(history)):
        codes[places] = code
    return codes[:played]


def _first(bars: BarColumns, count: int) -> BarColumns:
    cut = {name: column[:count] for name, column in bars.columns()}
    return bars if count == len(bars) else BarColumns(bars.symbol, bars.period, **cut)


def _batches(events: Iterator[Event]) -> Iterator[list[Event]]:
    while rows := list(islice(events, ROWS)):
        yield rows
