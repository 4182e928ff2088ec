"""A stack handler without orders, beside the paper exchange: its CPU time and what it adds to the database's."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from measuring import COMMAND, environment, fresh_home, row

from sysproduction.adapters.embedded_mongo import EmbeddedMongo

CONFIGURATION = """\
feed: {kind: synthetic}
clock: {start: 2024-05-14T12:00}
"""
SETTLE_SECONDS = 15.0
SECONDS = 40.0
PATIENCE_SECONDS = 60.0


@contextmanager
def running(home: Path, name: str) -> Iterator[psutil.Process]:
    """A process of the platform, once it works."""
    log = home / f"{name}.out"
    with log.open("wb") as output:
        command = [COMMAND, "--home", str(home), "run", name]
        process = subprocess.Popen(command, env=environment(), stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while " starts" not in log.read_text(errors="replace"):
            if time.monotonic() > deadline or process.poll() is not None:
                sys.exit(f"{name} does not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        time.sleep(SETTLE_SECONDS)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def share(*processes: psutil.Process) -> float:
    """Of one core, in per cent."""
    before, begun = sum(map(spent, processes)), time.monotonic()
    time.sleep(SECONDS)
    return 100 * (sum(map(spent, processes)) - before) / (time.monotonic() - begun)


def spent(process: psutil.Process) -> float:
    """CPU seconds so far, by the scheduler's own account where there is one thread, else by clock ticks."""
    used = process.cpu_times()
    return float(used.user + used.system)


def main() -> None:
    """The exchange alone first, to know the database's other load."""
    with fresh_home(CONFIGURATION) as home:
        server = EmbeddedMongo(home / "data" / "mongo", home / "run", home / "logs")
        server.acquire()
        try:
            status = server.status()
            assert status is not None
            database = psutil.Process(status.pid)
            with running(home, "run_paper_exchange"):
                alone = share(database)
                with running(home, "run_stack_handler") as handler:
                    both = share(database, handler)
        finally:
            server.release()
    row("idle stack handler, CPU with its load on the database", both - alone, "%", 2.0)


if __name__ == "__main__":
    main()
