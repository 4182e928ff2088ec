"""Cleaning, as an operator and the evening's process do it."""

import os
from pathlib import Path

from tests.commands import command, configure, right


def aged(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (0, 0))
    os.utime(path.parent, (0, 0))
    return path


def test_a_dry_run_lists_and_the_methods_remove(own: Path) -> None:
    """The same files; the newest state folder of a strategy stays."""
    states = [aged(own / "data/strategies/trend" / f"{number:06d}" / "decision.parquet").parent for number in (1, 2)]
    log = aged(own / "logs/run_systems.log.3")
    told = right(own, "clean", "--dry-run", "--json").json
    assert {Path(row["path"]) for row in told["files"]} == {states[0], log}
    assert states[0].exists()
    assert told["methods"] == right(own, "clean", "--json").json["methods"]
    assert [path.exists() for path in (*states, log)] == [False, True, False]
    for name in ("clean_backtest_states", "clean_echo_files", "clean_log_files"):
        assert "0 items" in right(own, "method", f"run_cleaners.{name}").out


def test_a_cleaner_that_is_led_outside_the_home_is_told(own: Path, tmp_path: Path) -> None:
    """One message that names both places; nothing is removed."""
    precious = aged(tmp_path / "elsewhere/000001/decision.parquet")
    aged(tmp_path / "elsewhere/000002/decision.parquet")
    (own / "data/strategies").symlink_to(tmp_path)
    done = command(own, "method", "run_cleaners.clean_backtest_states")
    assert (done.code, str(tmp_path) in done.err, "Traceback" in done.err) == (1, True, False)
    assert precious.exists()


def test_retention_is_checked(own: Path) -> None:
    """Nothing is kept for less than a day."""
    configure(own, (own / "private_config.yaml").read_text() + "cleaners: {log_days: 0}\n")
    done = command(own, "check")
    assert (done.code, "cleaners.log_days" in done.err) == (2, True)
