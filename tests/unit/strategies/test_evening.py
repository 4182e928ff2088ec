"""An evening of one strategy on recorded prices: decided once, ordered once, whatever write it is killed at."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sysproduction.control.strategies import optimal_rows
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.limits import PositionLimit
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.domain.results import MethodResult
from sysproduction.domain.strategies import TradingLists
from sysproduction.simulation.faults import AtWrite, ProgramDied, die
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.order_controls import Lock, LockKind, SetLimit, SetOverride
from sysproduction.stores.order_stack import OrderStack
from sysproduction.strategies.restraining import Controls
from tests.evening_house import CODES, NOW, WORD, House, copied


def test_a_decision_is_made_once(house: House) -> None:
    """The same evening again computes and writes nothing; so does the next morning without new prices."""
    assert house.run().rows_written == 3
    before = house.whole()
    assert house.run(hours=1).rows_written == 0
    assert house.run(hours=14).rows_written == 0
    assert house.whole() == before
    last = OptimalPositionStore(house.documents).last("trend")
    assert last is not None
    assert [p.instrument for p in last.positions] == sorted(CODES)
    assert all(p.lower < p.optimum < p.upper and p.reference_price and p.reference_contract for p in last.positions)
    assert house.folders.names() == ["trend/000001"]


def test_orders_are_made_once(house: House) -> None:
    """Twice on one evening, and the next day while they are unfilled, adds nothing."""
    house.run()
    assert house.order().rows_written == len(house.orders()) > 0
    before = house.whole()
    assert house.order(hours=1).rows_written == 0
    assert house.order(hours=24).rows_written == 0
    assert house.whole() == before


def test_filled_orders_are_not_repeated_and_cancelled_ones_are_the_next_day(house: House) -> None:
    """What is held and what is under way count; what died counts no more, but only for another day's decision."""
    house.run()
    house.order()
    code, quantity = max(house.orders().items(), key=lambda item: abs(item[1]))
    part = quantity // 2
    house.fill(code, part)
    assert house.order(hours=1).rows_written == 0
    stack = OrderStack(house.documents)
    (order,) = stack.active_instruments(instrument=code)
    stack.replace_instrument(replace(order, active=False, completed_at=NOW))
    assert house.order(hours=2).rows_written == 0
    assert house.order(hours=24).rows_written == 1
    assert house.orders()[code] == quantity - part


def test_a_dropped_instrument_gets_a_target_of_zero(house: House) -> None:
    """And an order that closes what is held."""
    house.run()
    house.order()
    code, quantity = max(house.orders().items(), key=lambda item: abs(item[1]))
    house.fill(code, quantity)
    stack = OrderStack(house.documents)
    for order in stack.active_instruments():
        stack.replace_instrument(replace(order, active=False, completed_at=NOW))
    kept = tuple(other for other in CODES if other != code)
    house.run(codes=kept)
    last = OptimalPositionStore(house.documents).last("trend")
    assert last is not None
    gone = last.of(code)
    assert gone is not None
    assert (gone.lower, gone.upper, gone.dropped) == (0.0, 0.0, True)
    house.order(hours=1)
    assert house.orders()[code] == -quantity


def test_an_excluded_instrument_has_no_target(house: House) -> None:
    """Neither a missing one nor one whose prices are stale; the reason is a problem and stands in the decision."""
    house.run()
    later = 24.0 * 30
    with pytest.raises(DataError, match="no instrument can take part"):
        house.run(hours=later)
    result = house.run(codes=(*CODES, "NONE"))
    assert {problem.item: problem.reason for problem in result.problems} == {
        "NONE": "it is not in the store: import or update first"
    }
    last = OptimalPositionStore(house.documents).last("trend")
    assert last is not None
    assert last.of("NONE") is None
    assert "NONE" in last.excluded
    assert {p.kind for p in house.order(hours=later).problems} == {"stale"}
    assert house.orders() == {}


def test_without_capital_nothing_is_decided(house: House) -> None:
    """Nor with a system that counts in another currency."""
    other = House(series=house.series)
    with pytest.raises(DataError, match="has no capital"):
        other.run()
    with pytest.raises(DataError, match="no optimal positions"):
        other.order()
    with pytest.raises(ConfigError, match=r"capital\.base_currency"):
        house.run(base_currency="EUR")


def test_controls_restrain_orders(house: House) -> None:
    """Locks, lists, overrides and limits, each with its reason in what an operator sees."""
    house.run()
    free = {row["instrument"]: row["trade"] for row in optimal_rows(house.generator(), ["trend"], NOW)}
    one = max(free, key=lambda code: abs(free[code] or 0))
    refused = {
        "locked": Controls(locks=[Lock(one, LockKind.MANUAL, WORD)]),
        "trading.no_trade": Controls(lists=TradingLists(no_trade=frozenset({one}))),
        "forbids": Controls(overrides=[SetOverride(None, one, Override(OverrideKind.NO_TRADE), WORD)]),
        "trading.reduce_only": Controls(lists=TradingLists(reduce_only=frozenset({one}))),
        "limited to +0": Controls(limits=[SetLimit(PositionLimit(one, None, 0), WORD)]),
    }
    for said, controls in refused.items():
        house.controls = controls
        rows = {row["instrument"]: row for row in optimal_rows(house.generator(), ["trend"], NOW)}
        assert rows[one]["trade"] == 0
        assert said in rows[one]["why"]
        assert {code: row["trade"] for code, row in rows.items() if code != one} == {
            code: trade for code, trade in free.items() if code != one
        }


STEPS: dict[str, Callable[[House, Any], MethodResult]] = {
    "run": lambda house, fault: house.run(fault),
    "order": lambda house, fault: house.order(fault),
}


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", STEPS)
def test_killed_at_any_write_a_rerun_gives_the_same_store(recorded: House, name: str, side: str) -> None:
    """As if nothing had happened."""

    def begun() -> House:
        fresh = copied(recorded)
        if name == "order":
            fresh.run()
        return fresh

    undisturbed = begun()
    writes = STEPS[name](undisturbed, None).rows_written
    assert writes > 0
    for number in range(10):
        house = begun()
        fault = AtWrite(number, side, die)
        try:
            STEPS[name](house, fault)
        except ProgramDied:
            STEPS[name](house, None)
        assert house.whole() == undisturbed.whole(), f"killed {side} write {number}"
        if not fault.struck:
            break
    assert number == (1 if name == "run" else writes)
