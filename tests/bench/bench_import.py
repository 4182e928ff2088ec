"""`sysproduction import csv` of all recorded prices into a fresh home: at most 5 CPU s and 400 MB."""

import json
from statistics import median

from measuring import fresh_home, measured, row, shared_data

RUNS = 3
INSTRUMENTS = 10
TARGET_CPU_SECONDS = 5.0
TARGET_MB = 400.0


def main() -> None:
    """Median CPU and the largest peak of some runs; the database server, a process of its own, is not counted."""
    data = shared_data("import csv")
    if data is None:
        return
    costs = []
    for _ in range(RUNS):
        with fresh_home("environment: demo\n") as home:
            costs.append(measured(home, "import", "csv", str(data), "--json"))
            found = json.loads((home / "bench.log").read_text())
            assert found["items"] >= INSTRUMENTS, found
            assert not found["problems"], found
    wall = median(cost.wall_seconds for cost in costs)
    row(f"import csv, CPU ({wall:.1f} s wall)", median(cost.cpu_seconds for cost in costs), "CPU s", TARGET_CPU_SECONDS)
    row("import csv, peak memory", max(cost.peak_mb for cost in costs), "MB", TARGET_MB)


if __name__ == "__main__":
    main()
