"""An order that the risk gate lets pass, its facts and its rules: tests change one thing at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sysproduction.domain.errors import Refused
from sysproduction.domain.fills import Positions
from sysproduction.domain.gate_facts import Funds, GateFacts, GateRules, KillState, WorkingLeg
from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import BrokerOrder, BrokerOrderType, Leg
from sysproduction.domain.risk import judge

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
DEC, MARCH = "20241200", "20250300"

ORDER = BrokerOrder(
    "trend/CORN/d1/1", 1, "trend/CORN/d1", "trend", "CORN", (Leg(DEC, 5),), BrokerOrderType.LIMIT, NOW, 100.0
)
FACTS = GateFacts(
    now=NOW,
    kill=KillState.NORMAL,
    session_open=True,
    expiries={DEC: date(2024, 12, 14), MARCH: None},
    quote=Quote(NOW, 99.5, 100.5, 10, 10),
    outright=100.0,
    value_per_point=50.0,
    funds=Funds(1_000_000.0, 0.0, 1_000.0),
    parent_legs=(Leg(DEC, 5),),
    family_quantity=5,
)
RULES = GateRules(
    size_max=10,
    notional_max=50_000.0,
    collar=0.02,
    orders_per_minute=8,
    instrument_orders_per_minute=6,
    repeats_max=3,
    repeat_seconds=30.0,
    quote_age_seconds_max=60.0,
    margin_share_max=0.5,
    margin_rate=0.1,
)


def order(quantity: int = 5, *more: Leg, **changes: Any) -> BrokerOrder:
    """The order for so many contracts of December, and more legs."""
    return replace(ORDER, legs=(Leg(DEC, quantity), *more), **changes)


def facts(wanted: BrokerOrder = ORDER, **changes: Any) -> GateFacts:
    """Facts in which the parents of this order want just that."""
    net = sum(leg.quantity for leg in wanted.legs)
    return replace(FACTS, parent_legs=wanted.legs, family_quantity=net or None, **{} | changes)


def sent(number: int, quantity: int = 1, seconds: float = 0.0, **changes: Any) -> BrokerOrder:
    """An order that was sent so many seconds ago, for another parent, at a price of its own."""
    at = NOW - timedelta(seconds=seconds)
    legs = (Leg(DEC, quantity),)
    return replace(
        ORDER, parent=f"trend/CORN/old{number}/1", legs=legs, submitted_at=at, limit_price=90.0 + number, **changes
    )


def held(strategy: int = 0, instrument: int | None = None, forward: int = 0) -> Positions:
    """Contracts of CORN that `trend` holds, and that all strategies hold in December and March."""
    total = strategy if instrument is None else instrument
    return Positions({("trend", "CORN"): strategy}, {("CORN", DEC): total - forward, ("CORN", MARCH): forward})


def working(quantity: int, contract: str = DEC, **changes: Any) -> WorkingLeg:
    """A live order of another parent of the same strategy."""
    return replace(WorkingLeg("trend/CORN/d0/1", "trend", "CORN", contract, quantity), **changes)


ROLL = order(-5, Leg(MARCH, 5), strategy="_ROLL", limit_price=-1.0)
SPREAD = Quote(NOW, -1.5, -0.5, 10, 10)


def passes(one: BrokerOrder = ORDER, said: GateFacts | None = None, rules: GateRules = RULES) -> None:
    assert judge(one, facts(one) if said is None else said, rules) is None


def refused(words: str, one: BrokerOrder = ORDER, said: GateFacts | None = None, rules: GateRules = RULES) -> None:
    found = judge(one, facts(one) if said is None else said, rules)
    assert isinstance(found, Refused)
    assert found.reason.startswith("CORN: ")
    assert words in found.reason


def decide(beyond: bool, words: str, one: BrokerOrder, said: GateFacts, rules: GateRules = RULES) -> None:
    """Refused in these words if beyond, else passed."""
    if beyond:
        refused(words, one, said, rules)
    else:
        passes(one, said, rules)
