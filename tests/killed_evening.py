"""A program that runs an evening's systems and orders, or updates capital, on a home's real stores in a child that is
killed with SIGKILL at a write: `python -m tests.killed_evening HOME STEP NUMBER` prints whether it was killed."""

import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.processes import methods
from sysproduction.simulation.faults import AtWrite, FaultyDocuments, FaultySeries

NOW = datetime(2023, 8, 30, 20, 30, tzinfo=UTC)
STEPS = {
    "capital": ("run_capital_update", "update_total_capital"),
    "split": ("run_capital_update", "strategy_allocation"),
    "systems": ("run_systems", "trend"),
    "orders": ("run_strategy_order_generator", "trend"),
}


def main(home: Path, step: str, number: int) -> bool:
    """Whether the child was killed; a child that ends by itself has done the step."""
    child = os.fork()
    if not child:
        run(home, step, number)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def run(home: Path, step: str, number: int) -> None:
    """In the child: every write of the step counts, from 0; one beyond the last never comes."""
    fault = AtWrite(number, "after", lambda: os.kill(os.getpid(), signal.SIGKILL))
    config = load(Home(home), environ={})
    process, method = STEPS[step]
    with wiring.outside(Home(home), config) as ports:
        world = ports.world()
        faulty = replace(
            world,
            documents=FaultyDocuments(world.documents, fault),  # type: ignore[arg-type]
            series=FaultySeries(world.series, fault),  # type: ignore[arg-type]
        )
        methods(process, config.settings.strategies)[method](faulty)
    os._exit(0)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
