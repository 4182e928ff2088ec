"""Instrument orders that nobody can work on: they end refused, and hold up nothing."""

from pathlib import Path

import pytest

from sysproduction.domain.orders import InstrumentOrder, OrderType, Outcome
from sysproduction.stores import audit
from sysproduction.stores.order_stack import OrderStack
from tests.rolling_market import JUN, NOW
from tests.simulation.order_world import OrderWorld


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": 0}, "0 contracts"),
        ({"quantity": 1.5}, "not a whole number"),
        ({"quantity": "3"}, "not a whole number"),
        ({"instrument": "CRON"}, "is stored as carry/CORN/day#4"),
        ({"order_type": "hunch"}, "hunch"),
        ({"order_type": "panic"}, "comes with its plan"),
        ({"order_type": "limit"}, "without a limit price"),
        ({"quantity": None}, "not a whole number"),
    ],
)
def test_a_malformed_order_on_the_stack_ends_refused_with_its_reason(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    """Whoever wrote it: the next order is spawned all the same, and the audit log and a human know."""
    world = OrderWorld(tmp_path)
    world.decide(4, strategy="carry")
    world.decide(2)
    [bad] = [o for o in world.documents.find("instrument_orders") if o.body["strategy"] == "carry"]
    world.documents.replace("instrument_orders", bad.key, {**bad.body, **changes}, bad.version)
    world.settle()
    ended = world.documents.get("instrument_orders", bad.key)
    assert ended is not None
    assert (ended.body["active"], ended.body["outcome"]) == (False, "refused")
    assert words in ended.body["why"]
    assert world.held() == {JUN: 2}
    refused = [entry for entry in audit.read(world.documents) if entry.what == "refused"]
    assert len(refused) == 1
    assert words in refused[0].why
    assert len([alert for alert in world.notifier.alerts if alert.key.startswith("order/")]) == 1


def test_an_order_of_an_unknown_instrument_ends_refused(tmp_path: Path) -> None:
    """Once, with the nearest name."""
    world = OrderWorld(tmp_path)
    stack = OrderStack(world.documents)
    stack.insert_instrument(InstrumentOrder("trend", "CRON", "d1", 2, OrderType.BEST, NOW, "me"))
    world.settle(3)
    ended = stack.get_instrument("trend/CRON/d1")
    assert ended is not None
    assert (ended.active, ended.outcome) == (False, Outcome.REFUSED)
    assert "did you mean CORN?" in ended.why
    assert len([entry for entry in audit.read(world.documents) if entry.what == "refused"]) == 1
