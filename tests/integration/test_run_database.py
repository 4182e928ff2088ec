"""The database of runs: what was recorded is read back event by event, whatever became of the process that wrote."""

import multiprocessing
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sysproduction.adapters.run_database import RunDatabase
from sysproduction.adapters.run_reader import Runs
from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError, DataError, Refused, Unavailable
from sysproduction.domain.events import EVENTS, BarPeriod
from sysproduction.engine.indicators import SMA
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.stage import Bar
from sysproduction.engine.strategy import Strategy
from sysproduction.ports import RunStatus
from tests.unit.engine.runs import Kept, TestClock, broker_of, feed_of
from tests.unit.engine.test_orchestrator import Numbered, rows_of


def walk(symbol: str, length: int, seed: int, *, volume: bool = True) -> BarColumns:
    """Bars of a random walk, some minutes missing."""
    chance = np.random.default_rng(seed)
    ts = np.flatnonzero(chance.random(length * 2) < 0.6)[:length] * BarPeriod.MINUTE.nanoseconds
    close = 100 + chance.integers(-4, 5, len(ts)).cumsum() / 4
    open_ = np.r_[100, close[:-1]]
    high, low = np.maximum(open_, close) + 0.25, np.minimum(open_, close) - 0.25
    return BarColumns(symbol, BarPeriod.MINUTE, ts, open_, high, low, close, chance.random(len(ts)) if volume else None)


class _Both(Strategy):
    """Trades both symbols, and is called back."""

    name = "both"
    symbols = ("ES", "NQ")

    def setup(self) -> None:
        self.mean = self.indicator(SMA(5))

    def on_bar(self, bar: Bar) -> None:
        if bar.close > self.mean.now and self.position <= 0:
            self.bracket(*self.entry(), stop_loss=bar.close - 2, take_profit=bar.close + 2)
        elif bar.index % 7 == 3:
            self.sell(0)
            self.cancel_order(bar.index)
            self.modify_order(bar.index, quantity=2)

    def entry(self) -> Any:
        from sysproduction.domain.events import Side

        return Side.BUY, 1


class _Second(Strategy):
    """Has one of the symbols only."""

    name = "second"
    symbols = ("NQ",)

    def on_bar(self, bar: Bar) -> None:
        if bar.index % 5 == 0:
            self.buy(1)


HISTORIES = (walk("ES", 60, 1, volume=False), walk("NQ", 50, 2))


def recorded(file: Path, *histories: BarColumns, strategies: Any = (_Both, _Second), feed: Any = None) -> str:
    """The id of a run that was recorded in the file."""
    run = Orchestrator(
        strategies, broker_of(), feed or feed_of(*histories), clock=TestClock(), journal=RunDatabase(file)
    )
    run.run()
    return run.run_id


@pytest.mark.parametrize("way", ["columns", "windows", "followed"])
def test_all_thirteen_kinds_are_read_back_as_they_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Each event with its number and fields, equal to what a run that follows the feed publishes."""
    if way == "windows":
        monkeypatch.setattr("sysproduction.adapters.run_bars.WINDOW", 7)
    kept = Kept()
    rows = type("Rows", (Numbered,), {"rows": rows_of(*HISTORIES)})
    Orchestrator([_Both, _Second], broker_of(), rows, clock=TestClock(), journal=kept).run()
    name = recorded(tmp_path / "runs.db", *HISTORIES, feed=rows if way == "followed" else None)
    runs = Runs(tmp_path / "runs.db")
    record = runs.find(name)
    read = [event for kind in EVENTS for event in runs.events(record, kind)]
    expected = {kind.__name__: sum(type(event) is kind for event in kept.events) for kind in EVENTS}
    assert all(expected[name] for name in ("BarReceived", "BarProcessed", "FillEvent", "CancellationAccepted"))
    assert list(runs.counts(record).values()) == list(expected.values())
    assert repr([one._replace(ts_created_ns=0) for one in sorted(read)]) == repr(
        [one._replace(ts_created_ns=0) for one in kept.log()]
    )
    assert [one.sequence for one in runs.order_events(record)] == sorted(
        one.sequence for one in kept.events if type(one) not in EVENTS[:2]
    )


def test_an_export_has_a_plain_table_for_each_kind(tmp_path: Path) -> None:
    """Bars and indicators too; a file that is there is left alone."""
    name = recorded(tmp_path / "runs.db", *HISTORIES)
    runs = Runs(tmp_path / "runs.db")
    runs.export_rows(runs.find(name), tmp_path / "rows.db")
    with closing(sqlite3.connect(tmp_path / "rows.db")) as database:
        counts = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for (table,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        }
        prices = database.execute("SELECT sum(close), sum(json_extract(indicators, '$.sma_5') > 0) FROM bar_processed")
        assert prices.fetchone()[0] == pytest.approx(HISTORIES[0].close.sum() + 2 * HISTORIES[1].close.sum())
    assert counts == runs.counts(runs.find(name))
    with pytest.raises(ConfigError, match=r"rows.db exists"):
        runs.export_rows(runs.find(name), tmp_path / "rows.db")


def test_what_runs_share_is_kept_once_and_goes_with_the_last_of_them(tmp_path: Path) -> None:
    """Two runs over the same bars have the same files."""
    file = tmp_path / "runs.db"
    first = recorded(file, *HISTORIES)
    files = set((tmp_path / "runs.columns").iterdir())
    second = recorded(file, *HISTORIES)
    runs = Runs(file)
    assert runs.find(first).run_hash == runs.find(second).run_hash
    assert set((tmp_path / "runs.columns").iterdir()) == files
    runs.delete(runs.find(first))
    assert len(list(runs.events(runs.find(second), EVENTS[0]))) == 110
    runs.delete(runs.find(second))
    assert (list((tmp_path / "runs.columns").iterdir()), runs.all()) == ([], [])


CHILD = """
    import sys, time
    from pathlib import Path
    from sysproduction.adapters.run_database import RunDatabase
    from sysproduction.engine.orchestrator import Orchestrator
    from tests.integration.test_run_database import walk
    from tests.unit.engine.runs import TestClock, broker_of, feed_of, strategy_of

    def on_bar(strategy, bar):
        strategy.buy(1)
        if bar.index == {last}:
            {then}

    run = Orchestrator([strategy_of(on_bar)], broker_of(), feed_of(walk("ES", 30_000, 3)), clock=TestClock(),
                       journal=RunDatabase(Path(sys.argv[1])))
    run.run()
"""


def child(file: Path, last: int, then: str, **options: Any) -> "subprocess.Popen[str]":
    """A process that records a run of 30,000 bars."""
    code = textwrap.dedent(CHILD).replace("{last}", str(last)).replace("{then}", then)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        **options,
    )


def test_a_killed_run_is_closed_as_failed_and_readable_up_to_its_last_commit(tmp_path: Path) -> None:
    """While it runs it can be read and not deleted; after a kill -9 the next look finds it dead."""
    process = child(tmp_path / "runs.db", 10_000, "print('there', flush=True); time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    runs = Runs(tmp_path / "runs.db")
    (running,) = runs.all()
    assert running.status is RunStatus.RUNNING
    assert isinstance(runs.delete(running), Refused)
    counts = runs.counts(running)
    assert counts["fill_event"] >= 9_000
    process.send_signal(signal.SIGKILL)
    process.communicate()
    runs = Runs(tmp_path / "runs.db")
    (dead,) = runs.all()
    assert (dead.status, runs.counts(dead)) == (RunStatus.FAILED, counts)
    assert "was killed; what it did can be read up to bar 9" in (dead.error or "")
    received = list(runs.events(dead, EVENTS[0]))
    assert len(received) == dead.bars_played == counts["bar_received"]
    assert len({event.sequence for event in received}) == dead.bars_played


def test_a_full_disk_fails_the_run_and_leaves_what_was_recorded(tmp_path: Path) -> None:
    """A file may not grow beyond 2 MB in the child: one clear error, status failed or closed as such."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    process = child(tmp_path / "runs.db", 29_999, "pass", preexec_fn=limited)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "Unavailable" in errors
    assert "runs.db" in errors
    runs = Runs(tmp_path / "runs.db")
    (failed,) = runs.all()
    assert failed.status is RunStatus.FAILED
    assert 1_000 < len(list(runs.order_events(failed))) < 90_000


def _record_many(file: Path, count: int) -> None:
    for _ in range(count):
        recorded(file, *HISTORIES)


def test_two_processes_record_into_one_file_while_a_third_reads(tmp_path: Path) -> None:
    """Every run of both is there, whole."""
    file = tmp_path / "runs.db"
    spawned = multiprocessing.get_context("spawn")
    writers = [spawned.Process(target=_record_many, args=(file, 8)) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if file.exists():
            assert len({one.run_hash for one in Runs(file).all() if one.status is RunStatus.COMPLETED}) <= 1
    assert [writer.exitcode for writer in writers] == [0, 0]
    found = Runs(file).all()
    assert [one.status for one in found] == [RunStatus.COMPLETED] * 16
    assert len({one.run_hash for one in found}) == 1


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """What it is and what to do: no database, a later version's, a folder that may not be written to."""
    (tmp_path / "text.db").write_text("not a database, but rather a text that is long enough to be one" * 20)
    with pytest.raises(DataError, match=r"text.db: file is not a database; move it away"):
        RunDatabase(tmp_path / "text.db")
    with closing(sqlite3.connect(tmp_path / "later.db")) as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match=r"later.db: made by a later version \(schema 99\)"):
        RunDatabase(tmp_path / "later.db")
    with pytest.raises(Unavailable, match=r"runs.db: No such file or directory"):
        RunDatabase(tmp_path / "nowhere" / "runs.db")
    assert os.listdir(tmp_path / ".") != []


def test_a_writer_that_holds_the_file_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear error rather than a run without a record."""
    monkeypatch.setattr("sysproduction.adapters.sqlite_files.PATIENCE_SECONDS", 0.05)
    journal = RunDatabase(tmp_path / "runs.db")
    with closing(sqlite3.connect(tmp_path / "runs.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        run = Orchestrator([_Second], broker_of(), feed_of(HISTORIES[1]), clock=TestClock(), journal=journal)
        with pytest.raises(Unavailable, match=r"runs.db: database is locked; try again when its writer is done"):
            run.run()


def test_runs_are_found_by_the_beginning_of_their_names(tmp_path: Path) -> None:
    """None, several and nearly one each say what there is."""
    with pytest.raises(ConfigError, match="the last are: none"):
        Runs(tmp_path / "runs.db").find("x")
    file = tmp_path / "runs.db"
    names = [recorded(file, *HISTORIES) for _ in range(2)]
    runs = Runs(file)
    assert runs.find(names[0]).run_id == names[0]
    assert runs.find(names[1][:-1]).run_id == names[1]
    with pytest.raises(ConfigError, match="2 begin like that"):
        runs.find(names[0][:20])
    with pytest.raises(ConfigError, match=f"did you mean {re.escape(names[0])}"):
        runs.find("x" + names[0][1:])
