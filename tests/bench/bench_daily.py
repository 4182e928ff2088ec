"""One day's update of all recorded instruments: at most 2 CPU s for each process, its start included.

Measured as crontab runs it (a command of its own, which starts and stops the embedded database as well) and as the
supervisor does (a child forked from a process that has imported what the template preloads).
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from measuring import Cost, answer, awaited, configure, fresh_home, measured, row, shared_data

from sysproduction.adapters.preload import PRELOAD, prepare
from sysproduction.ops.main import main as command

INSTRUMENTS = 10
TARGET_CPU_SECONDS = 2.0
IMPORTED_UNTIL = "2023-08-28T00:00"
DAYS = ("2023-08-28", "2023-08-29", "2023-08-30")
PROCESSES = (
    "run_daily_fx_and_contract_updates",
    "run_daily_prices_updates",
    "run_daily_update_multiple_adjusted_prices",
)

Run = Callable[[Path, str], Cost]


def as_command(home: Path, process: str) -> Cost:
    """A program of its own."""
    return measured(home, "run", process, "--no-wait")


def as_child(home: Path, process: str) -> Cost:
    """A fork of this process."""
    log, begun = home / "bench.log", time.perf_counter()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(output, 1)
            os.dup2(output, 2)
            code = command(["--home", str(home), "run", process, "--no-wait"])
        finally:
            os._exit(code)
    return awaited(pid, begun, log)


def measure(home: Path, data: Path, how: str, run: Run) -> None:
    """Walk the days; one row for each process, with the median day."""
    costs: dict[str, list[Cost]] = {process: [] for process in PROCESSES}
    for day in DAYS:
        configure(home, configuration(data, day))
        for process in PROCESSES:
            costs[process].append(run(home, process))
    written = [s["rows_written"] for s in answer(home, "summary")["days"] if s["process"] == PROCESSES[1]]
    assert len(written) == len(DAYS), written
    assert min(written) >= INSTRUMENTS, written
    for process, spent in costs.items():
        wall = median(cost.wall_seconds for cost in spent)
        name = f"{process.removeprefix('run_')}, {how} ({wall:.1f} s wall)"
        row(name, median(cost.cpu_seconds for cost in spent), "CPU s", TARGET_CPU_SECONDS)


def configuration(data: Path, day: str) -> str:
    """Recorded prices, and a market clock that begins when all three processes may run."""
    return f"environment: demo\nfeed: {{kind: csv, folder: {data}}}\nclock: {{start: {day}T23:05}}\n"


def main() -> None:
    """Both ways from the same imported history."""
    data = shared_data("one daily update")
    if data is None:
        return
    with fresh_home(configuration(data, DAYS[0])) as home, fresh_home("") as other:
        measured(home, "import", "csv", str(data), "--until", IMPORTED_UNTIL)
        shutil.copytree(home, other, dirs_exist_ok=True)
        measure(home, data, "command", as_command)
        prepare(PRELOAD)
        measure(other, data, "forked", as_child)


if __name__ == "__main__":
    main()
