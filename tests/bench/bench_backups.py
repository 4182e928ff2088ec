"""Backups of series: bytes of CSV a second, an unchanged second run, and the way back of a whole home."""

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import fresh_home, measured, row

from sysproduction import wiring
from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.stores.prices import ADJUSTED
from sysproduction.upkeep.series_backups import write_series

SYMBOLS, ROWS = 60, 50_000
NOW = datetime(2024, 5, 14, tzinfo=UTC)


def prices(seed: int) -> pd.DataFrame:
    """Minutes of a made-up market."""
    stamps = pd.date_range("2020-01-01", periods=ROWS, freq="min", tz="UTC")
    return pd.DataFrame({"price": 100 + np.random.default_rng(seed).normal(size=ROWS).cumsum()}, index=stamps)


def spent() -> float:
    """CPU seconds of this process, all its threads included."""
    used = os.times()
    return used.user + used.system


def measure_series() -> None:
    """In this process, on the real store."""
    with fresh_home("environment: demo\n") as path, wiring.outside(*_home(path)) as ports:
        for number in range(SYMBOLS):
            ports.series.replace(ADJUSTED, f"MARKET{number:02d}", prices(number))
        target, costs = path / "backups", []
        for day in range(2):
            before = spent()
            made = write_series(ports.series, target, now=NOW + timedelta(days=day), keep=3)
            costs.append(spent() - before)
        size = sum(file.stat().st_size for file in made.folder.rglob("*.csv")) / 1e6
    row(f"backup of series, CPU a 50 MB of CSV ({size:.0f} MB written, with Parquet)", costs[0] / size * 50, "s", 1.0)
    row("backup of series, second run unchanged : first", costs[1] / costs[0], "x", 0.05)


def measure_restore() -> None:
    """By the command: a home of the size of the demo's."""
    with fresh_home("environment: demo\n") as path:
        measured(path, "method", "run_daily_fx_and_contract_updates.update_fx_prices")
        measured(path, "method", "run_daily_prices_updates.update_sampled_contracts")
        measured(path, "method", "run_daily_prices_updates.update_historical_prices")
        for name in ("backup_arctic_to_csv", "backup_files", "backup_mongo_data_as_dump"):
            measured(path, "method", f"run_backups.{name}")
        for name in ("data", "run", "private_config.yaml"):
            lost = path / name
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        begun = time.perf_counter()
        measured(path, "restore", str(path / "backups"))
        row("restore of a home", time.perf_counter() - begun, "s", 30.0)


def _home(path: Path) -> tuple[Home, loading.Config]:
    home = Home(path)
    return home, loading.load(home, environ={})


def main() -> None:
    """Both."""
    measure_series()
    measure_restore()


if __name__ == "__main__":
    main()
