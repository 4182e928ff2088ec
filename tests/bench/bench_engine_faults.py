"""Six measured faults of onesecondtrader: each shown there, where it is installed, and tested here, in one run.

A row is of our test of the fault, and says what the other one did; the last counts the faults that did not show.
"""

import subprocess
import sys
from typing import Any

from measuring import ROOT, row
from peers import asked, peers_python

TESTS = "tests/unit/engine/test_peer_defects.py"
FAULTS = {
    "raising": "test_a_strategy_that_raises_on_every_bar_has_failed",
    "feed_dies": "test_a_feed_that_cannot_be_made_leaves_no_thread_and_no_running_run",
    "same_second": "test_two_runs_of_one_second_are_both_recorded",
    "late_position": "test_a_strategy_sees_the_fill_of_a_bar_in_that_bar",
    "look_ahead": "test_no_order_fills_in_the_bar_that_made_it",
    "turned_position": "test_a_position_that_turns_is_two_trips",
}
TRIES = 8
"""Of a fault that depends on how threads happen to run, which one of the six does."""


def failed(test: str) -> int:
    """1 if our test fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{TESTS}::{test}"]
    return int(subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode != 0)


def main() -> None:
    """Theirs first: what it did is part of the row's name."""
    python = peers_python("faults of onesecondtrader")
    hidden = 0
    for fault, test in FAULTS.items():
        told: dict[str, Any] = {"wrong": 0, "told": test}
        for _ in range(TRIES if python else 0):
            told = asked(str(python), "engine_faults.py", fault)
            if told["wrong"]:
                break
        hidden += not told["wrong"]
        row(f"{'there, ' if python else ''}{told['told']}; our test fails", failed(test), "", 0)
    if python:
        row("faults of onesecondtrader that did not show, of 6", hidden, "", 1)


if __name__ == "__main__":
    main()
