"""The risk gate: every limit just inside, at and just beyond its boundary, and no way round it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sysproduction.domain.fills import Positions
from sysproduction.domain.gate_facts import GateFacts, KillState
from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import BrokerOrderType, Leg
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.domain.risk import judge, reduces
from sysproduction.domain.roll_states import RollState
from tests.gated import (
    DEC,
    FACTS,
    MARCH,
    NOW,
    ORDER,
    ROLL,
    RULES,
    SPREAD,
    decide,
    facts,
    held,
    order,
    passes,
    refused,
    sent,
    working,
)


def test_an_ordinary_order_passes() -> None:
    """Nothing is refused without a reason: a buy, a sell, a market order, a roll."""
    passes()
    passes(order(-5))
    passes(order(5, order_type=BrokerOrderType.MARKET, limit_price=None))
    passes(ROLL, facts(ROLL, positions=held(5), quote=SPREAD))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"legs": ()}, "quantities []"),
        ({"legs": (Leg(DEC, 0),)}, "quantities [0]"),
        ({"legs": (Leg(DEC, 1.5),)}, "quantities [1.5]"),
        ({"legs": (Leg(DEC, True),)}, "quantities [True]"),
        ({"legs": (Leg(DEC, 1), Leg(MARCH, 0))}, "quantities [1, 0]"),
        ({"legs": (Leg(DEC, 1), Leg(DEC, -1))}, "two legs"),
        ({"limit_price": None}, "without a limit price"),
        ({"limit_price": float("nan")}, "limit price is nan"),
        ({"limit_price": float("inf")}, "limit price is inf"),
        ({"stop_price": 1.0}, "with a stop price"),
        ({"order_type": BrokerOrderType.MARKET}, "with a limit price"),
        ({"order_type": BrokerOrderType.SNAP}, "with a limit price"),
        ({"order_type": BrokerOrderType.STOP}, "with a limit price"),
        ({"order_type": BrokerOrderType.STOP, "limit_price": None}, "without a stop price"),
        ({"order_type": BrokerOrderType.STOP_LIMIT}, "without a stop price"),
        ({"order_type": BrokerOrderType.STOP_LIMIT, "stop_price": float("-inf")}, "stop price is -inf"),
    ],
)
def test_a_malformed_order_is_refused(changes: dict[str, Any], words: str) -> None:
    """Zero, fractional or doubled legs and prices that do not fit the type."""
    refused(words, replace(ORDER, **changes), FACTS)


def test_stop_orders_have_their_prices() -> None:
    """A stop with its price passes, a stop-limit with both."""
    passes(order(5, order_type=BrokerOrderType.STOP, limit_price=None, stop_price=101.0))
    passes(order(5, order_type=BrokerOrderType.STOP_LIMIT, stop_price=101.0))


@pytest.mark.parametrize("kind", list(BrokerOrderType))
def test_no_type_passes_the_kill_switch(kind: BrokerOrderType) -> None:
    """HALT, and a switch that cannot be read, stop every type; so does the size limit."""
    limit = 100.0 if "limit" in kind else None
    stop = 100.0 if "stop" in kind else None
    one = order(5, order_type=kind, limit_price=limit, stop_price=stop)
    passes(one)
    refused("HALT", one, facts(one, kill=KillState.HALT))
    refused("cannot be read", one, facts(one, kill=None))
    refused("contracts in one order", replace(one, legs=(Leg(DEC, 11),)), _wanting(11))


def _wanting(quantity: int) -> GateFacts:
    return replace(FACTS, parent_legs=(Leg(DEC, quantity),), family_quantity=quantity)


@pytest.mark.parametrize(
    ("position", "quantity", "others", "reducing"),
    [
        (5, -4, 0, True),
        (5, -5, 0, True),
        (5, -6, 0, False),
        (5, 1, 0, False),
        (-5, 4, 0, True),
        (-5, 5, 0, True),
        (-5, 6, 0, False),
        (-5, -1, 0, False),
        (0, 1, 0, False),
        (5, -3, -2, True),
        (5, -3, -3, False),
        (5, -5, 3, True),
    ],
)
def test_at_reduce_only_what_takes_away_is_sent(position: int, quantity: int, others: int, reducing: bool) -> None:
    """Up to nothing but not beyond, with what already works in the same direction counted in."""
    one = order(quantity)
    live = (working(others),) if others else ()
    said = facts(one, positions=held(position), working=live)
    assert reduces(one, said) is reducing
    decide(not reducing, "REDUCE", one, replace(said, kill=KillState.REDUCE))


def test_reducing_is_judged_in_the_order_s_own_contracts() -> None:
    """A position in another contract, or in another instrument's contract of the same name, is not reduced."""
    one = order(-5)
    assert not reduces(one, facts(one, positions=held(5, forward=5)))
    assert not reduces(one, facts(one, positions=Positions({}, {("GOLD", DEC): 5})))
    assert not reduces(order(-1), facts(order(-1)))
    elsewhere = (working(-5, MARCH), working(-5, instrument="GOLD"))
    assert reduces(one, facts(one, positions=held(5), working=elsewhere))


def test_a_roll_passes_reduce_if_it_closes_what_is_held() -> None:
    """Its net is nothing; one leg must take away."""
    said = facts(ROLL, kill=KillState.REDUCE, quote=SPREAD)
    passes(ROLL, replace(said, positions=held(5)))
    refused("REDUCE", ROLL, replace(said, positions=held(4)))
    uneven = order(-5, Leg(MARCH, 6), strategy="_ROLL", limit_price=-1.0)
    refused("REDUCE", uneven, replace(said, parent_legs=uneven.legs, family_quantity=1, positions=held(5)))


def test_locks_sessions_and_rolled_prices_stop_everything() -> None:
    """Each with its reason; all locks are told."""
    refused("locked: break; by hand", ORDER, facts(locks=("break", "by hand")))
    refused("market is closed", ORDER, facts(session_open=False))
    refused("being rolled", ORDER, facts(roll_state=RollState.ROLL_ADJUSTED))


@pytest.mark.parametrize(("days", "words"), [(-1, None), (0, None), (1, "expired on 2024-12-14")])
def test_a_contract_is_traded_up_to_its_last_day(days: int, words: str | None) -> None:
    """The day before and the last day pass; the day after does not; one that does not exist never does."""
    last = facts().expiries[DEC]
    assert isinstance(last, date)
    now = NOW.replace(year=last.year, month=last.month, day=last.day) + timedelta(days=days)
    said = facts(now=now, quote=replace(SPREAD, at=now, bid=99.5, ask=100.5))
    decide(words is not None, words or "", ORDER, said)
    refused("no contract 20241200", ORDER, facts(expiries={MARCH: None}))
    passes(replace(ORDER, legs=(Leg(MARCH, 5),)), replace(FACTS, parent_legs=(Leg(MARCH, 5),)))


@pytest.mark.parametrize("state", [RollState.NO_OPEN, RollState.FORCE, RollState.FORCE_OUTRIGHT, RollState.CLOSE])
def test_in_these_roll_states_a_position_only_shrinks(state: RollState) -> None:
    """A strategy's order must reduce that strategy's own position, with what it has working counted in."""
    one = order(-5)
    passes(one, facts(one, roll_state=state, positions=held(5)))
    refused(state, one, facts(one, roll_state=state, positions=held(4, 9)))
    live = (working(-1),)
    refused(state, one, facts(one, roll_state=state, positions=held(5), working=live))
    passes(one, facts(one, roll_state=state, positions=held(5), working=(working(-1, strategy="carry"),)))


@pytest.mark.parametrize(
    ("state", "may"),
    [
        (RollState.FORCE, True),
        (RollState.FORCE_OUTRIGHT, True),
        (RollState.CLOSE, True),
        (RollState.NO_OPEN, False),
        (RollState.ROLL_ADJUSTED, False),
    ],
)
def test_a_forced_roll_may_open_what_it_rolls_into(state: RollState, may: bool) -> None:
    """Both of its orders at once; in the other states only what closes."""
    opening = order(5, strategy="_ROLL")
    decide(not may, "", opening, facts(opening, roll_state=state))
    decide(not may, "", ROLL, facts(ROLL, roll_state=state, quote=SPREAD, positions=held(4)))
    closing = facts(ROLL, roll_state=state, quote=SPREAD, positions=held(5))
    decide(state is RollState.ROLL_ADJUSTED, "", ROLL, closing)


def test_the_second_order_of_a_roll_takes_back_what_the_first_left_open() -> None:
    """Under a reduce-only override the opening order passes once the closing one is filled, and no further."""
    only = Override(OverrideKind.REDUCE_ONLY)
    rolled = Positions({("trend", "CORN"): 5, ("_ROLL", "CORN"): -5}, {})
    for quantity, beyond in ((4, False), (5, False), (6, True)):
        opening = order(quantity, strategy="_ROLL")
        decide(beyond, "only reduce", opening, facts(opening, override=only, positions=rolled))
        refused("only reduce", opening, facts(opening, override=only, positions=held(5)))
        refused("REDUCE", opening, facts(opening, kill=KillState.REDUCE, positions=rolled))
    panic = order(-5, strategy="_PANIC")
    passes(panic, facts(panic, override=only, positions=held(5)))
    refused("only reduce", panic, facts(panic, override=only, positions=held(4)))


@pytest.mark.parametrize("state", [RollState.NO_ROLL, RollState.PASSIVE])
def test_in_the_other_roll_states_positions_may_grow(state: RollState) -> None:
    """No word on direction."""
    passes(ORDER, facts(roll_state=state, positions=held(5)))


@pytest.mark.parametrize(
    "override", [Override(OverrideKind.CLOSE), Override(OverrideKind.REDUCE_ONLY), Override(factor=0.0)]
)
def test_overrides_that_let_a_position_only_shrink(override: Override) -> None:
    """Reduce-only, close, and a factor of nothing."""
    one = order(-5)
    passes(one, facts(one, override=override, positions=held(5)))
    refused("only reduce", one, facts(one, override=override, positions=held(4)))
    refused("only reduce", one, facts(one, override=override))
    spread = order(-5, Leg(MARCH, 5), limit_price=-1.0)
    refused("only reduce", spread, facts(spread, override=override, positions=held(5), quote=SPREAD))


def test_no_trade_stops_reductions_too_and_a_factor_stops_nothing() -> None:
    """A factor was applied to the desired position long before."""
    one = order(-5)
    refused("forbids trades of trend", one, facts(one, override=Override(OverrideKind.NO_TRADE), positions=held(5)))
    passes(ORDER, facts(override=Override(factor=0.01)))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("done", "live", "beyond"), [(1, 1, False), (1, 2, False), (1, 3, True), (4, 0, True)])
def test_children_never_fill_above_their_parent(sign: int, done: int, live: int, beyond: bool) -> None:
    """Filled, live and new together, at one below, exactly and one above the parent's 5."""
    one = order(2 * sign)
    said = replace(
        FACTS,
        parent_legs=(Leg(DEC, 5 * sign),),
        parent_filled={DEC: done * sign},
        family_quantity=None,
        working=(working(live * sign, parent=ORDER.parent),) if live else (),
    )
    found = judge(one, said, RULES)
    if beyond:
        assert found is not None
        assert "of its parent" in found.reason
    else:
        assert found is None or "another broker order" in found.reason
        assert live or found is None


def test_children_go_the_way_of_their_parent_and_into_its_contracts() -> None:
    """A sell for a parent that buys, and a contract that the parent does not have, are refused."""
    refused("would come to -5 of the +5 of its parent", order(-5), FACTS)
    refused("of the +0 of its parent", replace(ORDER, legs=(Leg(MARCH, 5),)), FACTS)
    refused("of its parent", order(3), replace(FACTS, parent_filled={DEC: -5}))
    passes(order(3), replace(FACTS, parent_filled={MARCH: 5}))


@pytest.mark.parametrize(("done", "live", "beyond"), [(2, 2, False), (2, 3, False), (2, 4, True), (-11, 0, True)])
def test_all_children_together_stay_within_the_instrument_order(done: int, live: int, beyond: bool) -> None:
    """Filled, live and new over the whole family, at one below, exactly and one above its 10; a roll has none."""
    said = replace(FACTS, family_quantity=10, family_filled=done, family_working=live)
    decide(beyond, "of the instrument order", ORDER, said)
    passes(ORDER, replace(said, family_quantity=None))
    passes(ROLL, replace(facts(ROLL, quote=SPREAD), family_quantity=5))


def test_an_intent_has_one_live_order_and_an_attempt_is_sent_once() -> None:
    """A second live order of the same parent, and the same attempt again, are refused; other parents do not matter."""
    said = replace(FACTS, parent_legs=(Leg(DEC, 9),), family_quantity=None)
    refused("another broker order", ORDER, replace(said, working=(working(1, parent=ORDER.parent),)))
    passes(ORDER, replace(said, working=(working(1),)))
    refused("attempt 1 of", ORDER, facts(sent=(replace(ORDER, submitted_at=NOW - timedelta(days=1)),)))
    passes(replace(ORDER, attempt=2), facts(sent=(replace(ORDER, submitted_at=NOW - timedelta(days=1)),)))


@pytest.mark.parametrize(("times", "beyond"), [(2, False), (3, True), (4, True)])
def test_equal_orders_are_repeated_so_often_and_no_more(times: int, beyond: bool) -> None:
    """The third equal order passes and the fourth does not, inside the window."""
    before = tuple(replace(sent(n, 5), limit_price=100.0) for n in range(times))
    decide(beyond, "the same order was sent", ORDER, facts(sent=before))


@pytest.mark.parametrize(
    "different",
    [
        {"strategy": "carry"},
        {"instrument": "GOLD"},
        {"legs": (Leg(DEC, 4),)},
        {"limit_price": 100.25},
        {"order_type": BrokerOrderType.STOP_LIMIT},
        {"stop_price": 1.0},
    ],
)
def test_orders_that_differ_are_no_repetition(different: dict[str, Any]) -> None:
    """Strategy, instrument, legs, type and prices tell orders apart."""
    passes(ORDER, facts(sent=tuple(replace(sent(n, 5), **{"limit_price": 100.0, **different}) for n in range(4))))


@pytest.mark.parametrize(("seconds", "beyond"), [(29, True), (30, False), (31, False)])
def test_repetitions_are_forgotten_after_their_window(seconds: int, beyond: bool) -> None:
    """What was sent just inside the 30 seconds counts; at their end it does not."""
    before = tuple(replace(sent(n, 5, seconds), limit_price=100.0) for n in range(3))
    decide(beyond, "in 30 s (at most 3)", ORDER, facts(sent=before))


@pytest.mark.parametrize(("others", "beyond"), [(6, False), (7, False), (8, True), (9, True)])
def test_so_many_orders_a_minute(others: int, beyond: bool) -> None:
    """The eighth of all instruments passes and the ninth does not: a runaway stops within the cap."""
    decide(beyond, "orders were sent", ORDER, facts(sent=tuple(sent(n, instrument="GOLD") for n in range(others))))


@pytest.mark.parametrize(("own", "beyond"), [(4, False), (5, False), (6, True), (7, True)])
def test_so_many_orders_a_minute_of_one_instrument(own: int, beyond: bool) -> None:
    """The sixth passes and the seventh does not."""
    decide(beyond, "of its orders were sent", ORDER, facts(sent=tuple(sent(n) for n in range(own))))


@pytest.mark.parametrize(("seconds", "beyond"), [(59, True), (60, False), (61, False)])
def test_the_minute_rolls(seconds: int, beyond: bool) -> None:
    """An order that is a minute old counts no more."""
    decide(beyond, "orders were sent", ORDER, facts(sent=tuple(sent(n, 1, seconds, instrument="G") for n in range(8))))
    decide(beyond, "of its orders", ORDER, facts(sent=tuple(sent(n, 1, seconds) for n in range(6))))


@pytest.mark.parametrize(("size", "beyond"), [(9, False), (10, False), (11, True)])
@pytest.mark.parametrize("sign", [1, -1])
def test_so_many_contracts_in_one_order(size: int, sign: int, beyond: bool) -> None:
    """Nine and ten pass, eleven do not, bought or sold; of several legs the largest counts."""
    rules = replace(RULES, notional_max=1e9)
    decide(beyond, "contracts in one order", order(size * sign), facts(order(size * sign)), rules)
    legs = order(-1, Leg(MARCH, size), limit_price=-1.0)
    decide(beyond, "contracts in one order", legs, facts(legs, quote=SPREAD), rules)


@pytest.mark.parametrize("missing", ["quote", "outright", "value_per_point"])
def test_without_a_price_nothing_is_sent(missing: str) -> None:
    """The quote, the outright price and what a point is worth are needed, whatever the type."""
    refused("no price", ORDER, facts(**{missing: None}))


@pytest.mark.parametrize(("seconds", "beyond"), [(59, False), (60, False), (61, True), (-60, False), (-61, True)])
def test_a_stale_price_stops_orders(seconds: int, beyond: bool) -> None:
    """A quote may be a minute old; one from the future is none."""
    at = NOW - timedelta(seconds=seconds)
    decide(beyond, f"{seconds} s old", ORDER, facts(quote=Quote(at, 99.5, 100.5, 1, 1)))


def test_prices_that_make_no_sense_stop_orders() -> None:
    """What is not a number, and a crossed quote; a locked quote passes."""
    nan = float("nan")
    refused("not a number", ORDER, facts(quote=Quote(NOW, nan, 100.5, 1, 1)))
    refused("not a number", ORDER, facts(quote=Quote(NOW, 99.5, nan, 1, 1)))
    refused("not a number", ORDER, facts(outright=nan))
    refused("not a number", ORDER, facts(value_per_point=nan))
    refused("is above its ask", ORDER, facts(quote=Quote(NOW, 100.5, 99.5, 1, 1)))
    passes(ORDER, facts(quote=Quote(NOW, 100.0, 100.0, 1, 1)))


@pytest.mark.parametrize(
    ("quantity", "price", "beyond"),
    [
        (5, 101.99, False),
        (5, 102.0, False),
        (5, 102.01, True),
        (5, 50.0, False),
        (-5, 98.01, False),
        (-5, 98.0, False),
        (-5, 97.99, True),
        (-5, 150.0, False),
    ],
)
def test_no_order_buys_far_above_or_sells_far_below_the_market(quantity: int, price: float, beyond: bool) -> None:
    """The collar of 2 % of 100 around the middle holds on the adverse side only."""
    decide(beyond, "beyond the collar", order(quantity, limit_price=price), facts(order(quantity)))
    stop = order(quantity, order_type=BrokerOrderType.STOP, limit_price=None, stop_price=price)
    decide(beyond, "beyond the collar", stop, facts(stop))


@pytest.mark.parametrize(("half", "beyond"), [(1.99, False), (2.0, False), (2.01, True)])
@pytest.mark.parametrize("quantity", [5, -5])
def test_a_market_order_does_not_pay_a_spread_beyond_the_collar(quantity: int, half: float, beyond: bool) -> None:
    """It would trade at the far side of the quote."""
    one = order(quantity, order_type=BrokerOrderType.MARKET, limit_price=None)
    decide(beyond, "beyond the collar", one, facts(one, quote=Quote(NOW, 100 - half, 100 + half, 1, 1)))


def test_the_collar_is_measured_by_the_outright_price() -> None:
    """A spread around nothing, or a negative price, has a collar too."""
    legs = order(5, Leg(MARCH, -5))
    quote = Quote(NOW, -0.5, 0.5, 1, 1)
    passes(replace(legs, limit_price=2.0), facts(legs, quote=quote))
    refused("collar", replace(legs, limit_price=2.1), facts(legs, quote=quote))
    passes(replace(legs, limit_price=2.0), facts(legs, quote=quote, outright=-100.0))


@pytest.mark.parametrize(("quantity", "beyond"), [(9, False), (10, False), (11, True)])
def test_so_much_value_in_one_order(quantity: int, beyond: bool) -> None:
    """10 contracts x 100 x 50 are 50,000: one below and exactly pass, one above does not, and no number is too much."""
    rules = replace(RULES, size_max=99)
    for one in (order(quantity), order(-quantity)):
        decide(beyond, "its value", one, facts(one), rules)
        decide(beyond, "its value", one, facts(one, outright=-100.0), replace(rules, collar=9.0))
    refused("its value", ORDER, facts(), replace(RULES, notional_max=float("nan")))
