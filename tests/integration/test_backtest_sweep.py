"""Grids of variants, and comparisons of runs, as a user calls them."""

import csv
import json
import signal
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tests.commands import COMMAND, await_true, command, environment, processes_of, right

SYSTEM = """\
instruments: [WHEAT, BUND]
rules:
  fast: {function: ewmac, arguments: {Lfast: 2, Lslow: 8}, scalar: 10}
  carry: {function: carry, arguments: {smooth_days: 5}, scalar: 30}
forecast_weights: {fast: 0.5, carry: 0.5}
instrument_weights: {WHEAT: 0.5, BUND: 0.5}
capital: 1000000
base_currency: USD
percentage_vol_target: 20
"""
GRID = """\
percentage_vol_target: [10, 20]
rules.carry.arguments.smooth_days: [5, 10, -3]
buffer: {size: [0.1, 7]}
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "system.yaml"
    path.write_text(SYSTEM, encoding="utf-8")
    return path


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.yaml"
    path.write_text(GRID, encoding="utf-8")
    return path


def figures(home: Path, recorded: Path, system: Path, change: tuple[str, str]) -> float:
    """The net Sharpe ratio of the system alone, with one line of its file changed."""
    system.write_text(SYSTEM.replace(*change), encoding="utf-8")
    ratio = right(home, "backtest", "system", str(system), "--data", str(recorded), "--json").json["total"]["sr_net"]
    system.write_text(SYSTEM, encoding="utf-8")
    return float(ratio)


def test_every_combination_is_a_row(home: Path, recorded: Path, system: Path, grid: Path, tmp_path: Path) -> None:
    """Each combination is a row in the order of the grid, with the figures of a run of its own; one that fails, or is
    not valid, is a row too; the tables on disk hold the same."""
    out = tmp_path / "out"
    words = ("backtest", "sweep", str(system), "--grid", str(grid), "--data", str(recorded))
    rows = right(home, *words, "--processes", "2", "--out", str(out), "--json").json
    tried = [(r["percentage_vol_target"], r["rules.carry.arguments.smooth_days"], r["buffer.size"]) for r in rows]
    assert tried == [(vol, days, size) for vol in (10, 20) for days in (5, 10, -3) for size in (0.1, 7)]
    assert [row["status"] == "ok" for row in rows] == [days > 0 and size < 1 for _, days, size in tried]
    assert "centre of mass" in rows[4]["error"]
    assert "buffer.size: must be a share from 0 to 1" in rows[1]["error"]
    alone = figures(home, recorded, system, ("smooth_days: 5", "smooth_days: 10"))
    assert rows[8]["sr_net"] == pytest.approx(alone, rel=1e-12)
    with (out / "table.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == [row["status"] for row in rows]
    table = pd.read_parquet(out / "table.parquet")
    assert table["sr_net"].iloc[8] == pytest.approx(alone, rel=1e-12)
    again = right(home, *words, "--out", str(out))
    assert "4 of 6 variants were run before" in again.err
    assert "failed: 2 of 12: ConfigError: rule carry" in again.err


def test_a_killed_sweep_goes_on(home: Path, recorded: Path, system: Path, tmp_path: Path) -> None:
    """After kill -9 nothing of it runs on; the same command does only what is left, and ends with the table of an
    undisturbed sweep."""
    grid, out, calm = tmp_path / "grid.yaml", tmp_path / "out", tmp_path / "calm"
    grid.write_text(f"percentage_vol_target: {[round(5 + 0.05 * n, 2) for n in range(300)]}\n", encoding="utf-8")
    words = ("backtest", "sweep", str(system), "--grid", str(grid), "--data", str(recorded), "--processes", "2")
    with subprocess.Popen(
        [COMMAND, *words, "--out", str(out)], env=environment(home, {}), stdout=subprocess.DEVNULL
    ) as process:
        rows = out / "rows.jsonl"
        await_true(lambda: rows.exists() and len(rows.read_text().splitlines()) >= 5)
        process.send_signal(signal.SIGKILL)
    await_true(lambda: not processes_of(home))
    kept = rows.read_text().splitlines()
    assert 5 <= len(kept) < 300
    with rows.open("a") as file:
        file.write('{"key": "torn')
    done = right(home, *words, "--out", str(out))
    whole = [line for line in kept if line.endswith("}")]
    assert f"{len(whole)} of 300 variants were run before" in done.err
    right(home, *words, "--out", str(calm))
    assert (out / "table.csv").read_bytes() == (calm / "table.csv").read_bytes()
    assert len({json.loads(line)["key"] for line in rows.read_text().splitlines()}) == 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bufer.size: [0.1]\n", "bufer: unknown key; did you mean buffer?"),
        ("buffer.size: 0.1\n", "must be a list of values to try, but is 0.1"),
        ("buffer.size: []\n", "must be a list of values to try"),
        ("[1, 2]\n", "must be a map of dotted keys with lists of values"),
        (f"capital: {list(range(1, 1001))}\npercentage_vol_target: {list(range(1, 201))}\n", "at most 100000 are run"),
    ],
)
def test_a_wrong_grid(home: Path, recorded: Path, system: Path, grid: Path, text: str, said: str) -> None:
    """A grid that cannot be meant is refused with one clear error before anything runs."""
    grid.write_text(text, encoding="utf-8")
    done = command(home, "backtest", "sweep", str(system), "--grid", str(grid), "--data", str(recorded))
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_nothing_but_failures(home: Path, recorded: Path, system: Path, grid: Path) -> None:
    """A sweep of which every variant fails shows its rows and fails."""
    grid.write_text("rules.carry.arguments.smooth_days: [-3, -4]\n", encoding="utf-8")
    done = command(home, "backtest", "sweep", str(system), "--grid", str(grid), "--data", str(recorded), "--json")
    assert done.code == 1
    assert [row["status"] for row in done.json] == ["failed", "failed"]


def test_runs_are_compared(home: Path, recorded: Path, system: Path, tmp_path: Path) -> None:
    """Two runs of the same are equal, to the last digit; of others it says which keys, tables, columns and figures
    differ, and where most."""
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    for folder in (one, same):
        right(home, "backtest", "system", str(system), "--data", str(recorded), "--out", str(folder))
    assert "the runs are equal" in right(home, "backtest", "compare", str(one), str(same), "--tolerance", "0").out
    assert right(home, "backtest", "compare", str(one), str(same), "--json").json["equal"] is True
    system.write_text(SYSTEM.replace("scalar: 30", "scalar: 15"), encoding="utf-8")
    words = ("--data", str(recorded), "--instruments", "WHEAT", "--out", str(other))
    right(home, "backtest", "system", str(system), *words)
    done = command(home, "backtest", "compare", str(one), str(other), "--json")
    assert done.code == 1
    found = done.json
    assert found["equal"] is False
    assert {"key": "instruments", "first": ["WHEAT", "BUND"], "second": ["WHEAT"]} in found["configuration"]
    assert {row["table"] for row in found["tables"]} == {"rules/BUND.parquet", "series/BUND.parquet"}
    columns = {(row["table"], row["column"]): row["difference"] for row in found["columns"]}
    assert columns["portfolio.parquet", "BUND_net"] == "only in the first"
    assert columns["rules/WHEAT.parquet", "capped_carry"].startswith("largest on 20")
    assert ("rules/WHEAT.parquet", "raw_carry") not in columns
    assert "total.sr_net" in {row["key"] for row in found["statistics"]}
    shown = command(home, "backtest", "compare", str(one), str(other))
    assert shown.code == 1
    assert "capped_carry" in shown.out


def test_what_cannot_be_compared(home: Path, tmp_path: Path) -> None:
    """A folder without a finished run is refused with a clear word."""
    done = command(home, "backtest", "compare", str(tmp_path), str(tmp_path / "none"))
    assert done.code == 2
    assert "holds no finished run" in done.err
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text("{}")
        (tmp_path / name / "portfolio.parquet").write_bytes(b"no parquet")
    done = command(home, "backtest", "compare", str(tmp_path / "one"), str(tmp_path / "two"))
    assert done.code == 2
    assert "portfolio.parquet: cannot be read" in done.err
    assert "Traceback" not in done.err
