"""Simulated trading days, one after another or in several processes, each a pure function of its seed."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sysproduction.domain.errors import ConfigError

if TYPE_CHECKING:
    from sysproduction.ports import Series
    from sysproduction.simulation.trading_day import TradingDay
    from sysproduction.simulation.trading_faults import TradingFault

SHOWN: Final = 40
_SEEDS_A_TASK: Final = 10
_AHEAD: Final = 3
_MEMORY: Final = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one seed; `tail` holds the last events where a rule was broken."""

    seed: int
    steps: int
    faults: Counter[str]
    violations: tuple[str, ...]
    digest: str
    tail: tuple[str, ...]


def trading_day(seed: int, run: Path, faults: "Sequence[TradingFault]") -> "TradingDay":
    """The day of a seed, ready to run; files of its programs go to `run`, which should be empty."""
    from sysproduction import wiring
    from sysproduction.simulation.trading_day import TradingDay, TradingGround
    from sysproduction.simulation.trading_market import BEGIN

    clock, documents, broker = wiring.simulated_trading(BEGIN)
    return TradingDay(TradingGround(clock, documents, _series(), run, broker), seed, faults)


def play(seeds: Sequence[int], names: Sequence[str]) -> list[Played]:
    """The days of some seeds, in this process; `names` are the kinds of fault that they may know."""
    from sysproduction.simulation.trading_faults import TradingFault

    faults = tuple(TradingFault(name) for name in names)
    played = []
    for seed in seeds:
        with _run_folder() as run:
            report = trading_day(seed, Path(run), faults).run()
        counts = Counter({str(fault): count for fault, count in report.faults.items()})
        tail = report.log[-SHOWN:] if report.violations else ()
        played.append(Played(seed, report.steps, counts, report.violations, report.digest, tail))
    return played


def events(seed: int, names: Sequence[str]) -> tuple[str, ...]:
    """Every event of the day of a seed."""
    from sysproduction.simulation.trading_faults import TradingFault

    with _run_folder() as run:
        return trading_day(seed, Path(run), tuple(TradingFault(name) for name in names)).run().log


def play_all(seeds: range, names: Sequence[str], processes: int) -> Iterator[Played]:
    """The days of all seeds as they end, over so many processes."""
    if processes == 1:
        for seed in seeds:
            yield from play([seed], names)
        return
    from sysproduction.ops.sweeping import worker_processes

    tasks = [seeds[start : start + _SEEDS_A_TASK] for start in range(0, len(seeds), _SEEDS_A_TASK)]
    with worker_processes(processes) as pool:
        running: set[Future[list[Played]]] = set()
        for task in tasks:
            running.add(pool.submit(play, task, names))
            if len(running) >= processes * _AHEAD:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        for future in running:
            yield from future.result()


def chosen_faults(text: str) -> tuple[str, ...]:
    """`all`, `none`, or names with commas in between; ConfigError for an unknown one."""
    from sysproduction.config.problems import closest
    from sysproduction.simulation.trading_faults import TradingFault

    every = tuple(str(fault) for fault in TradingFault)
    if text in ("all", "none"):
        return every if text == "all" else ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in every:
            near = closest(name, every)
            hint = f"did you mean {near}?" if near else f"write all, none, or some of {', '.join(every)}"
            raise ConfigError(f"--faults {name}: there is no such fault; {hint}")
    return names


def _run_folder() -> "tempfile.TemporaryDirectory[str]":
    """In memory if it can be, since every word of the kill switch is written through to the disk."""
    usable = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    return tempfile.TemporaryDirectory(prefix="sysproduction-", dir=_MEMORY if usable else None)


@cache
def _series() -> "Series":
    """Prices of the days before: nobody changes them, so all days share them."""
    from sysproduction import wiring
    from sysproduction.simulation.trading_market import BEGIN, put_prices

    series = wiring.simulated_series(BEGIN)
    put_prices(series)
    return series
