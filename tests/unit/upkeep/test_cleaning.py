"""What cleaners find in a home, and what they must leave alone."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sysproduction.adapters.open_files import open_below
from sysproduction.domain.cleaning import CleaningPolicy, Litter
from sysproduction.domain.errors import DataError
from sysproduction.upkeep.cleaning import find_old, remove, rotate_echo

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def aged(path: Path, days: float) -> Path:
    """A file, made with its folders, that last changed so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    stamp = (NOW - timedelta(days=days)).timestamp()
    for one in (path, path.parent):
        os.utime(one, (stamp, stamp))
    return path


def nothing_open() -> frozenset[Path]:
    return frozenset()


def found(home: Path, kind: Litter) -> list[str]:
    old = find_old(kind, CleaningPolicy(home), now=NOW, open_paths=nothing_open)
    return [one.path.relative_to(home).as_posix() for one in old]


def test_of_state_folders_the_newest_of_each_strategy_stays(tmp_path: Path) -> None:
    """However old it is; and a folder is as young as the youngest file in it."""
    for name, days in (("trend/000009", 90), ("trend/000010", 80), ("trend/000011", 70), ("carry/000001", 99)):
        aged(tmp_path / "data/strategies" / name / "decision.parquet", days)
    aged(tmp_path / "data/strategies/trend/000010/late.json", 1)
    assert found(tmp_path, Litter.BACKTESTS) == ["data/strategies/trend/000009"]


def test_logs_that_are_written_stay_and_rotated_ones_go(tmp_path: Path) -> None:
    """By age; echo files likewise, once they are rotated."""
    for name, days in (("a.log", 99), ("a.log.1", 29), ("a.log.2", 31), ("a.echo", 99), ("notes.txt", 99)):
        aged(tmp_path / "logs" / name, days)
    assert found(tmp_path, Litter.LOGS) == ["logs/a.log.2"]
    assert found(tmp_path, Litter.ECHO) == []
    assert rotate_echo(tmp_path, now=NOW) == 1
    assert found(tmp_path, Litter.ECHO) == ["logs/a.echo.20260331T120000"]
    assert rotate_echo(tmp_path, now=NOW) == 0


def test_what_a_crash_left_goes_but_never_from_the_stores(tmp_path: Path) -> None:
    """Unfinished files anywhere else in the home; finished and young ones stay."""
    for name in ("data/strategies/trend/.writing-12-ab/f", "reports/2026/.page.html.77", "run/accepted.new"):
        aged(tmp_path / name, 3)
    for name in ("data/arctic/.x.1", "data/mongo/y.part", "reports/2026/page.html"):
        aged(tmp_path / name, 3)
    aged(tmp_path / "backups/mongo-20260301T000000Z.part/a.bson", 1)
    assert sorted(found(tmp_path, Litter.TEMPORARY)) == [
        "data/strategies/trend/.writing-12-ab",
        "reports/2026/.page.html.77",
        "run/accepted.new",
    ]


def test_what_a_program_has_open_stays(tmp_path: Path) -> None:
    """A file, and the folder that holds it."""
    kept = aged(tmp_path / "logs/a.log.1", 90)
    aged(tmp_path / "logs/b.log.1", 90)
    state = aged(tmp_path / "data/strategies/trend/000001/decision.parquet", 90)
    aged(tmp_path / "data/strategies/trend/000002/decision.parquet", 90)
    policy = CleaningPolicy(tmp_path)
    with kept.open(), state.open():
        for kind in (Litter.LOGS, Litter.BACKTESTS):
            remove(find_old(kind, policy, now=NOW, open_paths=lambda: open_below(tmp_path)), tmp_path)
    assert (kept.exists(), (tmp_path / "logs/b.log.1").exists(), state.exists()) == (True, False, True)


def test_nothing_outside_the_home_is_touched(tmp_path: Path) -> None:
    """A folder that is a link to elsewhere is one message; a link inside it is neither followed nor removed."""
    outside, home = tmp_path / "elsewhere", tmp_path / "home"
    precious = aged(outside / "a.log.1", 99)
    home.mkdir()
    (home / "logs").symlink_to(outside)
    with pytest.raises(DataError, match="outside the home"):
        found(home, Litter.LOGS)
    (home / "logs").unlink()
    (home / "logs").mkdir()
    (home / "logs/b.log.1").symlink_to(precious)
    assert found(home, Litter.LOGS) == []
    assert precious.exists()
