"""Mutants of the risk gate are killed by its tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TESTS = [f"tests/unit/domain/test_{name}.py" for name in ("risk", "risk_limits", "limits")]


def result(module: str) -> dict[str, float]:
    """The last line of the mutation run."""
    command = [sys.executable, "tests/mutation.py", module, *TESTS]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    print(ended.stdout)
    told: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return told


@pytest.mark.soak
@pytest.mark.parametrize("module", ["risk", "limits", "overrides"])
def test_at_least_95_percent_of_the_mutants_are_killed(module: str) -> None:
    """Every comparison, operator, number, condition, answer and list entry changed, one at a time."""
    told = result(f"sysproduction.domain.{module}")
    assert told["mutants"] >= 20
    assert told["share"] >= 0.95
