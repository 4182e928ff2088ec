"""A whole home backed up, lost, brought back and verified, as an operator does it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from tests.commands import (
    COMMAND,
    await_true,
    command,
    configure,
    environment,
    private_home,
    processes_of,
    right,
    running,
)

METHODS = tuple(f"run_backups.{name}" for name in ("backup_arctic_to_csv", "backup_files", "backup_mongo_data_as_dump"))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, imported: Path) -> Path:
    """A home with prices, a hand-made file and its backups; only to be copied."""
    with private_home(tmp_path_factory.mktemp("made") / "home") as home:
        shutil.copytree(imported, home, dirs_exist_ok=True)
        configure(home, (home / "private_config.yaml").read_text().partition("clock:")[0])  # real time names backups
        decision = home / "data" / "strategies" / "trend" / "1"
        decision.mkdir(parents=True)
        (decision / "versions.json").write_text("{}")
        for method in (METHODS[0], METHODS[2]):
            right(home, "method", method)
        return home


@pytest.fixture
def backed_up(made_once: Path, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A copy of that home, and the folder of its backups."""
    with private_home(tmp_path / "home") as home:
        shutil.copytree(made_once, home, dirs_exist_ok=True)
        target = tmp_path / "backups"
        shutil.move(home / "backups", target)
        configure(home, (home / "private_config.yaml").read_text() + f"backups: {{folder: {target}}}\n")
        right(home, "method", METHODS[1])
        yield home, target


def series_of(home: Path) -> list[object]:
    """Everything that is stored of one instrument, and the exchange rates."""
    return [
        right(home, "prices", "show", "WHEAT", "--kind", kind, "-n", "9999", "--json").json
        for kind in ("adjusted", "multiple")
    ] + [right(home, "fx", "show", "--json").json]


def test_a_lost_home_comes_back(backed_up: tuple[Path, Path], tmp_path: Path) -> None:
    """Backup, wipe, restore, verify: documents, series and files are as before, private configuration included."""
    home, target = backed_up
    contracts, series = right(home, "instruments", "show", "--json").json, series_of(home)
    assert contracts
    assert series[0]
    with private_home(tmp_path / "new") as new:
        begun = time.monotonic()
        out = right(new, "restore", str(target)).out
        assert time.monotonic() - begun < 60
        assert [line.split()[2] for line in out.splitlines()] == ["files", "documents", "series"]
        assert right(new, "instruments", "show", "--json").json == contracts
        assert series_of(new) == series
        assert (new / "private_config.yaml").read_text() == (home / "private_config.yaml").read_text()
        assert (new / "data/strategies/trend/1/versions.json").read_text() == "{}"
        assert "3 backups are good" in right(new, "backup", "verify").out
        refused = command(new, "restore", str(target))
        assert refused.code == 4
        assert "--replace" in refused.err
        right(new, "restore", str(target), "--replace")
        assert series_of(new) == series


def test_csv_files_are_what_is_stored(backed_up: tuple[Path, Path]) -> None:
    """Any program can read them: the first column is the UTC stamp, the rows are those of `prices export`."""
    home, target = backed_up
    (folder,) = target.glob("arctic-*")
    right(home, "prices", "export", "WHEAT", "--out", str(home / "wheat.csv"))
    exported, kept = pd.read_csv(home / "wheat.csv"), pd.read_csv(folder / "adjusted_prices" / "WHEAT.csv")
    assert list(kept.columns) == list(exported.columns)
    assert len(kept) == len(exported) > 0
    pd.testing.assert_frame_equal(
        kept.assign(DATETIME=pd.to_datetime(kept.DATETIME)),
        exported.assign(DATETIME=pd.to_datetime(exported.DATETIME)),
        check_dtype=False,
    )


def test_a_second_backup_takes_up_no_room(backed_up: tuple[Path, Path]) -> None:
    """What has not changed is the same file; older backups than `keep` go, and the rest stay whole."""
    home, target = backed_up
    configure(home, (home / "private_config.yaml").read_text().replace("{folder", "{keep: 2, folder"))
    for _ in range(2):
        time.sleep(1.1)  # names of backups have whole seconds
        right(home, "method", METHODS[0])
    newer, older = sorted(target.glob("arctic-*"), reverse=True)
    files = [path.relative_to(newer) for path in newer.rglob("*.parquet")]
    assert files
    assert all((newer / file).stat().st_ino == (older / file).stat().st_ino for file in files)
    assert right(home, "backup", "check", str(newer)).out.endswith("files are whole\n")


def test_a_backup_killed_half_way_is_made_anew(backed_up: tuple[Path, Path]) -> None:
    """kill -9 while series are written: what is left is no backup, and the next run removes it and completes."""
    home, target = backed_up
    (complete,) = target.glob("arctic-*")
    shutil.rmtree(complete)
    with subprocess.Popen(
        [COMMAND, "method", METHODS[0]], env=environment(home, {}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        await_true(lambda: any(target.glob("arctic-*.part/*/*")), 30.0)
        os.kill(running.pid, signal.SIGKILL)
    assert not [path for path in target.glob("arctic-*") if path.suffix != ".part"]
    right(home, "method", METHODS[0])
    (made,) = target.glob("arctic-*")
    assert right(home, "backup", "check", str(made)).code == 0
    assert "3 backups are good" in right(home, "backup", "verify").out


def test_a_backup_that_lies_is_found_by_verifying(backed_up: tuple[Path, Path]) -> None:
    """A changed file is named, exit 1, and the home stays as it is."""
    home, target = backed_up
    (folder,) = target.glob("arctic-*")
    path = folder / "adjusted_prices" / "WHEAT.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    done = command(home, "backup", "verify")
    assert done.code == 1
    assert "WHEAT.parquet" in done.err
    assert "Traceback" not in done.err


def test_copies_at_another_place(backed_up: tuple[Path, Path], tmp_path: Path) -> None:
    """Complete backups are copied, once; a place that cannot be written is one message."""
    home, target = backed_up
    text, away = (home / "private_config.yaml").read_text(), tmp_path / "away"
    configure(home, text.replace("{folder", f"{{off_site: 'file://{away}', folder"))
    right(home, "method", "run_backups.copy_backups_off_site")
    assert sorted(path.name for path in away.iterdir()) == sorted(path.name for path in target.glob("*-*"))
    for folder in away.iterdir():
        right(home, "backup", "check", str(folder))
    away_file = tmp_path / "file"
    away_file.write_text("")
    configure(home, text.replace("{folder", f"{{off_site: 'file://{away_file}', folder"))
    done = command(home, "method", "run_backups.copy_backups_off_site")
    assert done.code != 0
    assert "backups.off_site" in done.err
    configure(home, text.replace("{folder", "{off_site: 'nobody@127.0.0.1:/nowhere', folder"))
    done = command(home, "method", "run_backups.copy_backups_off_site")
    assert done.code != 0
    assert "rsync" in done.err


def test_files_are_copied_while_the_paper_exchange_runs(own: Path, tmp_path: Path) -> None:
    """Its database is read beside it, and a database that somebody else holds for himself is told within seconds."""
    text = (
        (own / "private_config.yaml").read_text().replace("start: 2023-02-28\n  speed: 60", "start: 2023-02-28T15:00")
    )
    configure(own, text)
    with running(own, "run", "run_paper_exchange") as exchange:
        await_true((own / "run" / "paper_exchange.socket").exists)
        right(own, "method", METHODS[1])
        (copy,) = (own / "backups").glob("files-*/data/paper_exchange.sqlite")
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("SELECT COUNT(*) FROM account").fetchone() is not None
        exchange.terminate()
        exchange.wait(20)
    await_true(lambda: processes_of(own) == [], 10.0)
    with closing(sqlite3.connect(own / "data" / "paper_exchange.sqlite", isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        done = command(own, "method", METHODS[1])
    assert (done.code, "locked" in done.err, "Traceback" in done.err) == (3, True, False), done.err
