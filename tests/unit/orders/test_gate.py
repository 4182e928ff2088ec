"""The gate's facts come from the stores: what works, what was filled, limits, overrides, locks and the kill switch."""

from dataclasses import replace
from pathlib import Path

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.errors import Refused
from sysproduction.domain.gate_facts import GateRules, KillState, UsualLimits
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.orders import ROLL_STRATEGY, ContractOrder, InstrumentOrder, Leg, OrderType
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.orders.gate import GateStores, MarketFacts, may_send, rules_for, survey, with_sent
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.kill_switch import KillSwitch, KillWord
from sysproduction.stores.order_controls import Limits, Lock, LockKind, Locks, Overrides, SetLimit, SetOverride, Word
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.roll_states import RollStates
from tests.fill_tapes import fill
from tests.gated import DEC, FACTS, MARCH, NOW, ORDER, RULES, order

WORD = Word("me", NOW, "because")
FAMILY = InstrumentOrder("trend", "CORN", "d1", 5, OrderType.BEST, NOW, "me")
PARENT = ContractOrder(FAMILY.order_id, 1, "trend", "CORN", (Leg(DEC, 5),), OrderType.BEST, "best")
MARKET = MarketFacts(True, FACTS.expiries, FACTS.quote, FACTS.outright, FACTS.value_per_point, FACTS.funds)
USUAL = UsualLimits(10, 10)


@pytest.fixture
def stores(tmp_path: Path) -> GateStores:
    documents = MemoryDocuments()
    return GateStores(
        OrderStack(documents),
        FillLedger(documents),
        Limits(documents),
        Overrides(documents),
        Locks(documents),
        RollStates(documents),
        KillSwitch(documents, tmp_path),
    )


def asked(
    stores: GateStores, one=ORDER, parent: ContractOrder = PARENT, family: InstrumentOrder = FAMILY, usual=USUAL
) -> str:
    """Why not; empty if it may be sent."""
    around = survey(stores, RULES, usual, NOW)
    found = may_send(stores, one, parent=parent, family=family, surroundings=around, market=MARKET, now=NOW)
    return found.reason if isinstance(found, Refused) else ""


def test_with_nothing_against_it_an_order_may_be_sent(stores: GateStores) -> None:
    """Empty stores and a market that is open."""
    assert asked(stores) == ""


def test_what_an_operator_set_is_known(stores: GateStores) -> None:
    """Locks with their reasons, overrides, limits, and the kill switch."""
    stores.locks.lock(Lock("CORN", LockKind.MANUAL, WORD))
    assert "manual by me: because" in asked(stores)
    stores.locks.unlock("CORN", LockKind.MANUAL)
    stores.overrides.put(SetOverride("trend", None, Override(OverrideKind.NO_TRADE), WORD))
    assert "override" in asked(stores)
    stores.overrides.remove("trend", None)
    stores.limits.put(SetLimit(TradeLimit("CORN", "trend", 1, 4), WORD))
    assert "above 4 for trend" in asked(stores)
    stores.limits.remove(TradeLimit("CORN", "trend", 1, 4))
    stores.limits.put(SetLimit(PositionLimit("CORN", "trend", 4), WORD))
    assert "limit of 4 for trend" in asked(stores)
    stores.limits.remove(PositionLimit("CORN", "trend", 4))
    stores.kill_switch.set(KillWord(KillState.HALT, "me", NOW, "x"))
    assert "HALT" in asked(stores)


def test_the_kill_switch_is_read_for_every_order(stores: GateStores) -> None:
    """It stops orders whose surroundings were surveyed before."""
    around = survey(stores, RULES, USUAL, NOW)
    stores.kill_switch.set(KillWord(KillState.HALT, "me", NOW, "x"))
    found = may_send(stores, ORDER, parent=PARENT, family=FAMILY, surroundings=around, market=MARKET, now=NOW)
    assert isinstance(found, Refused)


def test_usual_limits_hold_where_there_is_none_of_their_own(stores: GateStores) -> None:
    """For the instrument as a whole; one of a strategy does not take their place, one of the instrument does."""
    tight = UsualLimits(4, 4)
    assert "limit of 4 for the instrument" in asked(stores, usual=UsualLimits(4, 10))
    assert "above 4 for the instrument" in asked(stores, usual=UsualLimits(10, 4))
    for limit in (PositionLimit("CORN", "trend", 9), TradeLimit("CORN", "trend", 1, 9)):
        stores.limits.put(SetLimit(limit, WORD))
    assert "limit of 4" in asked(stores, usual=tight)
    for limit in (PositionLimit("CORN", None, 9), TradeLimit("CORN", None, 1, 9)):
        stores.limits.put(SetLimit(limit, WORD))
    assert asked(stores, usual=tight) == ""
    assert rules_for("GOLD", GateRules(), tight).position_limits == (PositionLimit("GOLD", None, 4),)


def test_what_was_filled_counts_for_parent_family_and_positions(stores: GateStores) -> None:
    """1 of 5 is filled already: 5 more are too many for the contract order, and then for the instrument order."""
    stores.ledger.record(fill("e", 1, contract_order=PARENT.order_id, instrument_order=FAMILY.order_id, contract=DEC))
    assert "of its parent" in asked(stores)
    wider = replace(PARENT, legs=(Leg(DEC, 9),))
    assert "of the instrument order" in asked(stores, parent=wider)
    family = replace(FAMILY, quantity=9)
    assert asked(stores, parent=wider, family=family) == ""
    assert "would be +6" in asked(stores, parent=wider, family=family, usual=UsualLimits(5, 10))
    assert asked(stores, order(4)) == ""


def test_what_works_counts_as_far_as_it_is_not_filled(stores: GateStores) -> None:
    """Another child's live order for 3, of which 1 is filled, leaves 2 under way; that of another family does not."""
    sibling = replace(order(3), parent=f"{FAMILY.order_id}/2", limit_price=99.0)
    stores.stack.insert_broker(sibling)
    stores.ledger.record(
        fill("e", 1, client_order_id=sibling.client_order_id, instrument_order=FAMILY.order_id, contract=DEC)
    )
    assert "come to +8 of the +5" in asked(stores)
    assert "come to +8 of the +7" in asked(stores, family=replace(FAMILY, quantity=7))
    assert asked(stores, family=replace(FAMILY, quantity=8)) == ""
    stranger = replace(FAMILY, decision="d9")
    assert asked(stores, replace(ORDER, instrument_order=stranger.order_id), family=stranger) == ""


def test_orders_sent_in_the_same_turn_are_known(stores: GateStores) -> None:
    """What was surveyed before, and sent since, counts as sent and as working."""
    around = with_sent(survey(stores, RULES, USUAL, NOW), ORDER)
    again = replace(ORDER, attempt=2)
    parent, family = replace(PARENT, legs=(Leg(DEC, 99),)), replace(FAMILY, quantity=99)
    found = may_send(stores, again, parent=parent, family=family, surroundings=around, market=MARKET, now=NOW)
    assert found is not None
    assert "another broker order" in found.reason
    other = replace(ORDER, parent=f"{FAMILY.order_id}/2")
    found = may_send(stores, other, parent=parent, family=FAMILY, surroundings=around, market=MARKET, now=NOW)
    assert found is not None
    assert "of the instrument order" in found.reason


def test_a_roll_has_no_sum(stores: GateStores) -> None:
    """Its instrument order wants nothing, and one of its legs at a time is sent all the same."""
    family = replace(FAMILY, strategy=ROLL_STRATEGY, quantity=0)
    one = replace(ORDER, strategy=ROLL_STRATEGY)
    assert asked(stores, one, family=family) == ""
    assert "no contract" in asked(stores, replace(ORDER, legs=(Leg("20990300", 5),)), family=family)
    assert MARCH in MARKET.expiries
