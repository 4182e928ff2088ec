"""The same planted bugs, caught by the rules of whole trading days, by what happened and not by a test of the patch."""

import pytest

from sysproduction.ops.trading_days import chosen_faults, play
from tests.simulation.test_planted_bugs import PLANTS, Plant

SEEDS = 120
FAULTS = {
    "plans_are_not_finished": "crash_before_write,crash_after_write,store_refuses_write,store_loses_answer",
    "every_lock_is_the_machines": "manual_lock",
    "breaks_are_mended_by_inventing_fills": "foreign_trade",
    "breaks_are_not_looked_for": "foreign_trade",
    "limits_count_nothing": "trade_limit",
    "timeout_is_absence": "lost_ack,late_order",
    "submit_again_at_once": "lost_ack",
    "rejections_are_not_believed": "lost_order,lost_ack",
    "orders_end_with_what_works": "all",
}
"""Kinds of fault among which a bug shows soon; any others do as well, with more seeds."""


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_breaks_a_rule_of_the_day(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    """Within a few seeds."""
    plant(monkeypatch)
    names = chosen_faults(FAULTS.get(plant.__name__, "all"))
    assert any(play([seed], names)[0].violations for seed in range(1, SEEDS + 1))
