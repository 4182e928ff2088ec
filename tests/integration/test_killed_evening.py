"""kill -9 in an evening of a strategy, on the real stores: the rerun makes up for it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import command, configure, environment, right, served_home
from tests.conftest import ROOT

SETTINGS = """\
environment: demo
feed:
  kind: csv
  folder: {folder}
  instruments: [SOFR, US10, CORN]
broker: {{kind: none}}
clock:
  start: 2023-08-30T20:30
strategies:
  trend:
    system: {system}
"""

SYSTEM = """\
instruments: [SOFR, US10, CORN]
rules:
  slow: {function: ewmac, arguments: {Lfast: 16, Lslow: 64}, scalar: 3.75}
forecast_weights: {slow: 1.0}
instrument_weights: {SOFR: 0.3, US10: 0.3, CORN: 0.4}
capital: 1
base_currency: USD
percentage_vol_target: 20
"""


def killed(home: Path, step: str, number: int) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_evening", str(home), step, str(number)],
        cwd=ROOT,
        env=environment(home, {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() == "True"


def stored(home: Path) -> dict[str, Any]:
    capital = right(home, "capital", "show", "--history", "9", "--json").json
    return {
        "capital": (capital["last"]["number"], capital["last"]["capital"], len(capital["history"])),
        "split": capital["allocation"]["shares"],
        "positions": {row["instrument"]: row["optimum"] for row in right(home, "positions", "optimal", "--json").json},
        "orders": {row["order_id"]: row["trade"] for row in right(home, "orders", "show", "--json").json},
    }


@pytest.mark.soak  # a minute: imports the recorded prices twice; tests/unit/strategies kill every write in memory
def test_killed_at_a_write_each_step_is_made_up_for(tmp_path: Path, shared: Path) -> None:
    """Capital, its split, systems and orders: each is killed after its first write and run again, and the store is as
    after steps that nobody disturbed, and stays so."""
    found = []
    for name, at in (("disturbed", 0), ("undisturbed", 999)):
        with served_home(tmp_path / name) as home:
            (home / "mine.yaml").write_text(SYSTEM)
            configure(home, SETTINGS.format(folder=shared / "data", system=home / "mine.yaml"))
            right(home, "import", "csv", str(shared / "data"), "--until", "2023-08-30T20:00")
            for step in ("capital", "split", "systems", "orders"):
                assert killed(home, step, at) == (at == 0)
                assert not killed(home, step, 999)
            found.append(stored(home))
            assert command(home, "method", "run_strategy_order_generator.trend").code == 0
            assert stored(home) == found[-1]
    assert found[0] == found[1]
    assert found[0]["orders"]
