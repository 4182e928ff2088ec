"""Systems from loaded prices to accounts: 0.12 CPU s for chapter 15; 3 CPU s and 1.0 GB for 208 instruments x 50 years.

Ratios are against `pandas_system`, the same system in plain vectorised pandas, which gives the same numbers.
`bench_systems.py made` measures the large panel alone; it runs in a process of its own, so that its peak is its own.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import made_panel
import numpy as np
import pandas as pd
import pandas_system
from measuring import row, shared_data

from sysproduction import wiring
from sysproduction.domain.histories import MarketData
from sysproduction.domain.trading_systems import Quirk, SystemConfig
from sysproduction.systems.system import run

RUNS = 7
SMALL_TARGET, LARGE_TARGET, PEAK_TARGET_MB = 0.12, 3.0, 1000.0
RATIO_TARGET = 1.0 / 15.0
PANDAS_INSTRUMENTS = 16


def main() -> None:
    """Chapter 15 on recorded prices, then the made-up panel."""
    data = shared_data("chapter 15, prices to accounts")
    if data is not None:
        chapter_15(data)
    begun = subprocess.run([sys.executable, __file__, "made"], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(begun.stdout)
    row("208 instruments x 50 years, prices to accounts", found["cpu"], "CPU s", LARGE_TARGET)
    row("208 instruments x 50 years, peak memory", found["peak_mb"], "MB", PEAK_TARGET_MB)
    row("208 instruments, our time over plain pandas'", found["cpu"] / found["pandas_cpu"], "", RATIO_TARGET)


def chapter_15(data: Path) -> None:
    """Time and ratio of the shipped system; both ways give the same accounts."""
    config = replace(shipped("chapter15"), reproduce=frozenset(Quirk))
    market = wiring.csv_market(data, config.instruments, config.base_currency, lambda *_: None)
    ours = run(config, market)
    theirs = pandas_system.run(config, market).portfolio["TOTAL_net"]
    pd.testing.assert_series_equal(
        pd.Series(ours.account.net_total, ours.prices.days), theirs, check_names=False, check_freq=False, rtol=1e-9
    )
    cpu = median(cpu_seconds(lambda: run(config, market)) for _ in range(RUNS))
    other = cpu_seconds(lambda: pandas_system.run(config, market))
    row("chapter 15, prices to accounts", cpu, "CPU s", SMALL_TARGET)
    row("chapter 15, our time over plain pandas'", cpu / other, "", RATIO_TARGET)


def made() -> None:
    """The large panel: our time and peak, and plain pandas' time for some of its instruments taken for all."""
    few = made_panel.made_panel(4, 2)
    run(made_panel.made_system(few), few)
    market = made_panel.made_panel()
    config = made_panel.made_system(market)
    cpu = cpu_seconds(lambda: run(config, market))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = min(cpu, cpu_seconds(lambda: run(config, market)))
    some = dict(list(market.histories.items())[:PANDAS_INSTRUMENTS])
    part = MarketData(some, market.rates)
    quirky = replace(made_panel.made_system(part), reproduce=frozenset(Quirk))
    other = cpu_seconds(lambda: pandas_system.run(quirky, part)) * len(market.histories) / len(some)
    print(json.dumps({"cpu": cpu, "peak_mb": peak_mb, "pandas_cpu": other}))


def shipped(name: str) -> SystemConfig:
    """A shipped system."""
    from sysproduction.config.systems import find_system, load_system
    from sysproduction.processes.system_files import rule_book

    return load_system(find_system(name), rule_book())


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process for the work."""
    with np.errstate(all="ignore"):
        begun = time.process_time()
        work()
        return time.process_time() - begun


if __name__ == "__main__":
    made() if sys.argv[1:] == ["made"] else main()
