"""The database of runs is read beside writers, on a full disk and after faults; nothing is left half done."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sysproduction.adapters.run_database import UNENDED, RunDatabase
from sysproduction.adapters.run_reader import Runs
from sysproduction.domain.errors import DataError, SysproductionError, Unavailable
from sysproduction.domain.events import BarReceived, OrderAccepted
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.stage import Bar
from sysproduction.ports import RunHeader, RunStatus
from tests.commands import command, right
from tests.integration.test_run_database import HISTORIES, child, recorded, walk
from tests.unit.engine.runs import TestClock, broker_of, feed_of, strategy_of

HEADER = RunHeader("one", ("made",), ("ES",), {"bar_period": "MINUTE", "strategies": {"made": {"symbols": ["ES"]}}})


def accepted(first: int, count: int) -> list[OrderAccepted]:
    """Answers of a broker, numbered from `first` on."""
    return [OrderAccepted(number, 0, 0, 0, number, None) for number in range(first, first + count)]


def test_a_reader_neither_waits_for_a_writer_nor_keeps_it_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened in the midst of a transaction, it sees what was committed; another one ends while it reads on."""
    monkeypatch.setattr("sysproduction.adapters.sqlite_files.PATIENCE_SECONDS", 0.0)
    with closing(RunDatabase(tmp_path / "runs.db")) as journal:
        journal.begin(HEADER, [])
        journal.write(OrderAccepted, accepted(0, 100))
        journal.commit(0)
        journal.write(OrderAccepted, accepted(100, 100))
        with closing(Runs(tmp_path / "runs.db")) as runs:
            reading = runs.events(runs.find("one"), OrderAccepted)
            assert next(reading).sequence == 0
            journal.commit(0)
            assert len(list(reading)) == 99
            assert runs.counts(runs.find("one"))["order_accepted"] == 200


def test_an_export_of_a_run_that_records_is_of_one_moment(tmp_path: Path) -> None:
    """Every answer has its request, however much is committed between the tables."""
    process = child(tmp_path / "runs.db", 2_000, "print('there', flush=True)")
    assert process.stdout is not None
    process.stdout.readline()
    runs, made = Runs(tmp_path / "runs.db"), 0
    (record,) = runs.all()
    while process.poll() is None or not made:
        target = tmp_path / f"{made}.db"
        count = runs.export_rows(record, target)
        with closing(sqlite3.connect(target)) as database:
            tables = ("order_submission_request", "order_accepted", "fill_event", "bar_received")
            asked, answered, filled, bars = (
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
            )
        assert answered <= asked <= answered + 1
        assert bars - 1 <= filled <= bars
        assert count >= asked + answered + filled + bars
        made += 1
    process.communicate()


def test_an_export_that_cannot_be_finished_leaves_no_file(tmp_path: Path) -> None:
    """A column that is gone, or a folder that is not there: one error, and the same words work once it is mended."""
    runs = Runs(tmp_path / "runs.db") if recorded(tmp_path / "runs.db", *HISTORIES) else None
    assert runs is not None
    (record,) = runs.all()
    gone = next((tmp_path / "runs.columns").iterdir())
    kept = gone.read_bytes()
    gone.unlink()
    with pytest.raises(DataError, match=r"\.npy: a column of a run cannot be read"):
        runs.export_rows(record, tmp_path / "rows.db")
    assert not (tmp_path / "rows.db").exists()
    gone.write_bytes(kept)
    assert runs.export_rows(record, tmp_path / "rows.db") == sum(runs.counts(record).values())
    with pytest.raises(
        Unavailable, match=r"nowhere.rows\.db: unable to open database file; see that it and its folder"
    ):
        runs.export_rows(record, tmp_path / "nowhere" / "rows.db")


READER = """
    import resource, signal, sys
    from pathlib import Path
    from sysproduction.adapters.run_reader import Runs
    from sysproduction.domain.events import BarReceived

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    (record,) = (runs := Runs(Path(sys.argv[1]))).all()
    print(record.status.value, record.bars_played, len(list(runs.events(record, BarReceived))), record.error)
"""


def test_a_killed_run_is_read_on_a_full_disk(tmp_path: Path) -> None:
    """It has failed, though nobody can write that down; once there is room, the file says so too."""
    process = child(tmp_path / "runs.db", 5_000, "print('there', flush=True); time.sleep(60)")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    words = [sys.executable, "-c", textwrap.dedent(READER), str(tmp_path / "runs.db")]
    with closing(sqlite3.connect(tmp_path / "runs.db")) as database:  # keeps SQLite's shared memory, which needs room
        query = "SELECT status FROM runs"
        assert database.execute(query).fetchone() == ("running",)
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
        assert done.returncode == 0, done.stderr
        status, played, bars, error = done.stdout.split(maxsplit=3)
        assert (status, played) == ("failed", bars)
        assert f"can be read up to bar {played}" in error
        assert database.execute(query).fetchone() == ("running",)
        Runs(tmp_path / "runs.db").close()
        assert database.execute(query).fetchone() == ("failed",)


def test_a_run_without_an_end_is_failed_when_its_journal_is_closed(tmp_path: Path) -> None:
    """With what was committed, and without what was not."""
    with closing(RunDatabase(tmp_path / "runs.db")) as journal:
        journal.begin(HEADER, [])
        journal.write(OrderAccepted, accepted(0, 10))
        journal.commit(0)
        journal.write(OrderAccepted, accepted(10, 10))
    runs = Runs(tmp_path / "runs.db")
    (record,) = runs.all()
    assert (record.status, record.error, runs.counts(record)["order_accepted"]) == (RunStatus.FAILED, UNENDED, 10)


def _more_than_there_is(strategy: Any, bar: Bar) -> None:
    strategy.buy(2**70)


def _no_text(strategy: Any, bar: Bar) -> None:
    strategy.buy(1, signal="\ud800")


def _half(strategy: Any, bar: Bar) -> None:
    strategy.buy(1.5)


@pytest.mark.parametrize("on_bar", [_more_than_there_is, _no_text, _half])
def test_a_run_whose_orders_cannot_be_recorded_is_never_left_running(tmp_path: Path, on_bar: Any) -> None:
    """Whatever the engine makes of it."""
    journal = RunDatabase(tmp_path / "runs.db")
    run = Orchestrator(
        [strategy_of(on_bar)], broker_of(), feed_of(walk("ES", 20, 3)), clock=TestClock(), journal=journal
    )
    with pytest.raises((SysproductionError, ArithmeticError, ValueError, TypeError)):
        run.run()
    assert [one.status for one in Runs(tmp_path / "runs.db").all()] == [RunStatus.FAILED]


def test_a_request_finds_its_answers_by_an_index(tmp_path: Path) -> None:
    """Plain SQL over a run does not look at every answer for each order."""
    RunDatabase(tmp_path / "runs.db").close()
    with closing(sqlite3.connect(tmp_path / "runs.db")) as database:
        plan = database.execute(
            "EXPLAIN QUERY PLAN SELECT * FROM order_submission_request AS r JOIN fill_event AS f "
            "ON f.run = r.run AND f.associated_order_id = r.system_order_id WHERE r.run = 1"
        )
        assert "USING INDEX fill_event_of_order (run=? AND associated_order_id=?)" in " ".join(
            step for *_, step in plan
        )


def _rises_then_fails(strategy: Any, bar: Bar) -> None:
    strategy.buy(1)
    if bar.index == 1_500:
        raise RuntimeError("as told")


def test_an_unfinished_run_is_reckoned_up_to_its_last_bar(home: Path) -> None:
    """Its bars, round trips and figures are of what it has played, not of what it was to play; lists choose."""
    (home / "data").mkdir(parents=True)
    file, bars = home / "data" / "runs.db", walk("ES", 4_000, 3)
    run = Orchestrator(
        [strategy_of(_rises_then_fails)], broker_of(), feed_of(bars), clock=TestClock(), journal=RunDatabase(file)
    )
    with pytest.raises(SysproductionError, match="as told"):
        run.run()
    other = recorded(file, HISTORIES[1], strategies=[_second()])
    (record,) = (one for one in Runs(file).all() if one.run_id == run.run_id)
    assert 900 < record.bars_played <= 1_501
    (played,) = Runs(file).bars(record)
    assert (played.ts == bars.ts[: record.bars_played]).all()
    (trip,) = right(home, "runs", "trips", run.run_id, "--json").json
    assert trip["quantity"] == trip["bars"] == record.bars_played - 1
    assert trip["highest"] == bars.high[1 : record.bars_played].max()
    figures = right(home, "runs", "show", run.run_id, "--json").json["figures"]
    bought = (bars.close[record.bars_played - 1] - bars.open[1 : record.bars_played]).sum()
    assert figures["profit"] == pytest.approx(bought)
    for chosen, found in (
        (("--status", "failed"), [run.run_id]),
        (("--symbol", "NQ"), [other]),
        (("--symbol", "NQ", "--status", "failed"), []),
    ):
        assert [row["run_id"] for row in right(home, "runs", "list", *chosen, "--json").json] == found
    refused = command(home, "runs", "list", "--status", "faild")
    assert (refused.code, "there are running, completed, failed, cancelled" in refused.err) == (2, True)


def test_what_killed_writers_left_goes_with_the_next_deletion(tmp_path: Path) -> None:
    """A column that no run refers to, and one that was half written; those of other runs stay."""
    file, folder = tmp_path / "runs.db", tmp_path / "runs.columns"
    first, second = recorded(file, HISTORIES[1], strategies=[_second()]), recorded(file, *HISTORIES)
    files = set(folder.iterdir())
    (folder / "0123.npy").write_bytes(b"of nobody")
    (folder / "4567.99.part").write_bytes(b"half")
    runs = Runs(file)
    runs.delete(runs.find(first))
    assert set(folder.iterdir()) == files
    assert len(list(runs.events(runs.find(second), BarReceived))) == 110


def _second() -> Any:
    return strategy_of(lambda strategy, bar: None, ("NQ",))
