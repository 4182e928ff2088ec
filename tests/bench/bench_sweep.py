"""A sweep of 100 variants over both cores: how much of them stays idle, and that prices are read once per worker."""

import os
import tempfile
from pathlib import Path

import measuring

VARIANTS, IDLE_PERCENT_MAX = 100, 15.0
GRID = """\
percentage_vol_target: [12, 14, 16, 18, 20]
buffer.size: [0.05, 0.075, 0.1, 0.125, 0.15]
rules.carry.arguments.smooth_days: [60, 75, 90, 105]
"""


def main() -> None:
    """The command as a user calls it, on the recorded prices of the diversified system. On a busy machine
    others fill what we leave idle, so only a quiet one shows it."""
    name = f"sweep of {VARIANTS} variants on 2 processes: idle share of two cores"
    data = measuring.shared_data(name)
    if data is None:
        return
    with tempfile.TemporaryDirectory(prefix="sysproduction-bench-") as scratch, measuring.fresh_home("") as home:
        grid, out = Path(scratch, "grid.yaml"), Path(scratch, "out")
        grid.write_text(GRID, encoding="utf-8")
        words = ("--grid", str(grid), "--data", str(data), "--out", str(out), "--processes", "2")
        before = _cpu_of_machine()
        cost = measuring.measured(home, "backtest", "sweep", "diversified", *words)
        machine = _cpu_of_machine() - before
        rows = len((out / "rows.jsonl").read_text(encoding="utf-8").splitlines())
    assert rows == VARIANTS, rows
    cores = min(2, len(os.sched_getaffinity(0)))
    others = (
        max(machine - cost.cpu_seconds, 0.0) * cores / (os.cpu_count() or cores)
    )  # what other programs took from our cores
    idle = 100.0 * (1.0 - cost.cpu_seconds / (cost.wall_seconds * cores - others))
    measuring.row(name, idle, "percent", IDLE_PERCENT_MAX)


def _cpu_of_machine() -> float:
    """Seconds that all programs of the machine have used: user, nice and system."""
    fields = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:4]
    return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
