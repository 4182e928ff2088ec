"""`sysproduction status` while a supervisor runs: at most 0.5 s."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from measuring import COMMAND, answer, environment, fresh_home, measured, row

RUNS = 11
TARGET_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
SATURDAY = "environment: demo\nclock: {start: 2026-01-10T12:00}\n"
"""A market clock on which nothing is due."""


@contextmanager
def supervisor(home: Path) -> Iterator[None]:
    """A supervisor and its embedded database, stopped at the end."""
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen([COMMAND, "--home", str(home), "up"], env=environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while answer(home, "status")["supervisor"] != "running":
            if time.monotonic() > deadline or process.poll() is not None:
                sys.exit(f"the supervisor is not up:\n{(home / 'up.log').read_text()}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """Median of the runs against the target."""
    with fresh_home(SATURDAY) as home, supervisor(home):
        costs = [measured(home, "status") for _ in range(RUNS)]
    cpu = median(cost.cpu_seconds for cost in costs)
    row(f"CLI status, wall ({cpu:.2f} CPU s)", median(cost.wall_seconds for cost in costs), "s", TARGET_SECONDS)


if __name__ == "__main__":
    main()
