"""The risk gate on positions, trades in a window and margin: just inside, at and just beyond each boundary."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sysproduction.domain.gate_facts import Funds, GateRules
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.risk import judge, longest_window
from tests.gated import (
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

DAY = 86_400


@pytest.mark.parametrize(("limit", "beyond"), [(6, True), (7, False), (8, False)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("strategy", [None, "trend"])
def test_positions_stay_within_their_limit(limit: int, beyond: bool, sign: int, strategy: str | None) -> None:
    """1 held, 1 in a live order and 5 new make 7, long or short, of the instrument or of a strategy in it."""
    one = order(5 * sign)
    said = facts(one, positions=held(sign, sign), working=(working(sign), working(-9 * sign)))
    decide(beyond, "beyond the limit", one, said, _limited(PositionLimit("CORN", strategy, limit)))


def _limited(*limits: PositionLimit) -> GateRules:
    return replace(RULES, position_limits=limits)


def test_defect_2_the_stricter_of_two_position_limits_holds() -> None:
    """10 for the instrument and 3 for the strategy are 3, in whichever order they are told."""
    instrument, strategy = PositionLimit("CORN", None, 10), PositionLimit("CORN", "trend", 3)
    for limits in ((instrument, strategy), (strategy, instrument)):
        refused("beyond the limit of 3 for trend", order(4), facts(order(4)), _limited(*limits))
        passes(order(3), facts(order(3)), _limited(*limits))


def test_position_limits_of_others_do_not_count() -> None:
    """Other strategies and instruments; and a strategy's own position is what its limit is about."""
    passes(ORDER, facts(), _limited(PositionLimit("CORN", "carry", 1), PositionLimit("GOLD", None, 1)))
    passes(ORDER, facts(positions=held(0, 50)), _limited(PositionLimit("CORN", "trend", 5)))
    refused("for the instrument", ORDER, facts(positions=held(0, 50)), _limited(PositionLimit("CORN", None, 5)))
    refused(
        "for the instrument", ORDER, facts(), _limited(PositionLimit("GOLD", None, 9), PositionLimit("CORN", None, 4))
    )
    elsewhere = (working(5, strategy="carry"), working(5, instrument="GOLD"))
    passes(ORDER, facts(working=elsewhere), _limited(PositionLimit("CORN", "trend", 5)))


@pytest.mark.parametrize(
    ("quantity", "beyond"), [(-1, False), (-9, False), (-10, False), (-12, False), (-13, True), (1, True)]
)
def test_a_position_beyond_its_limit_may_shrink(quantity: int, beyond: bool) -> None:
    """10 held with a limit of 2: towards nothing always, beyond it as far as the limit, further away never."""
    rules = replace(_limited(PositionLimit("CORN", None, 2)), size_max=99, notional_max=1e9)
    decide(beyond, "beyond the limit", order(quantity), facts(order(quantity), positions=held(10)), rules)


def test_a_roll_does_not_change_a_position() -> None:
    """Its net is nothing, so a limit that the position is beyond does not keep it from rolling."""
    passes(ROLL, facts(ROLL, positions=held(5), quote=SPREAD), _limited(PositionLimit("CORN", None, 2)))


def _rationed(*limits: TradeLimit) -> GateRules:
    return replace(RULES, trade_limits=limits)


@pytest.mark.parametrize(("before", "beyond"), [(4, False), (5, False), (6, True), (20, True)])
@pytest.mark.parametrize("strategy", [None, "trend"])
def test_so_many_contracts_in_a_window(before: int, beyond: bool, strategy: str | None) -> None:
    """5 more after 4 and 5 stay within 10, after 6 and after far too many they do not; sells count like buys."""
    for quantity in (before, -before):
        said = facts(sent=(sent(1, quantity, DAY / 2),))
        decide(beyond, "contracts sent in 1 days", ORDER, said, _rationed(TradeLimit("CORN", strategy, 1, 10)))


@pytest.mark.parametrize(("seconds", "beyond"), [(DAY - 1, True), (DAY, False), (DAY + 1, False)])
def test_the_window_of_a_trade_limit_rolls(seconds: float, beyond: bool) -> None:
    """What was sent just inside the day counts, a day ago no more."""
    rules = _rationed(TradeLimit("CORN", None, 1, 10))
    decide(beyond, "11 contracts sent", ORDER, facts(sent=(sent(1, 6, seconds),)), rules)


def test_defect_1_an_exceeded_trade_limit_lets_nothing_through() -> None:
    """12 sent of 10, and 20: an order for 5 is refused either way, in both directions."""
    rules = _rationed(TradeLimit("CORN", None, 1, 10))
    for before in (12, 20):
        for one in (order(5), order(-5), order(1)):
            refused("contracts sent", one, facts(one, sent=(sent(1, before, 9),)), rules)


def test_the_smallest_applicable_trade_limit_wins() -> None:
    """In whichever order; those of others do not count, and neither do trades of others for a strategy's limit."""
    loose, tight = TradeLimit("CORN", None, 30, 99), TradeLimit("CORN", "trend", 1, 4)
    for limits in ((loose, tight), (tight, loose)):
        refused("above 4 for trend", ORDER, facts(), _rationed(*limits))
    passes(ORDER, facts(), _rationed(loose, TradeLimit("CORN", "carry", 1, 4), TradeLimit("GOLD", None, 1, 4)))
    others = facts(sent=(sent(1, 9, 9, strategy="carry"), sent(2, 9, 9, instrument="GOLD")))
    passes(ORDER, others, _rationed(TradeLimit("CORN", "trend", 1, 5)))
    refused("for the instrument", ORDER, others, _rationed(TradeLimit("CORN", None, 1, 5)))
    refused("above 4", ORDER, facts(), _rationed(TradeLimit("GOLD", None, 1, 9), TradeLimit("CORN", None, 1, 4)))


@pytest.mark.parametrize(("used", "beyond"), [(494_999.0, False), (495_000.0, False), (495_001.0, True)])
def test_margin_stays_within_its_share_of_the_account(used: float, beyond: bool) -> None:
    """5 contracts at 1,000 and what is used may come to half of 1,000,000."""
    decide(beyond, "margin would be", ORDER, facts(funds=Funds(1e6, used, 1_000.0)))


@pytest.mark.parametrize(("used", "beyond"), [(497_499.0, False), (497_500.0, False), (497_501.0, True)])
def test_margin_is_estimated_where_the_broker_does_not_say_it(used: float, beyond: bool) -> None:
    """A tenth of 5 x 100 x 50."""
    decide(beyond, "margin would be", ORDER, facts(funds=Funds(1e6, used)))


def test_an_unknown_account_stops_what_does_not_reduce() -> None:
    """No account or one that is no number; what frees margin passes all the same."""
    one = order(-5)
    for funds in (None, Funds(float("nan"), 0.0, 1.0), Funds(1.0, 0.0, 1.0)):
        assert judge(ORDER, facts(funds=funds), RULES) is not None
        passes(one, facts(one, funds=funds, positions=held(5)))
    refused("not known", ORDER, facts(funds=None))


def test_what_was_sent_must_reach_back_over_the_longest_window() -> None:
    """A minute at least, the window of repetitions, or the longest trade limit's."""
    assert longest_window(RULES) == timedelta(minutes=1)
    assert longest_window(replace(RULES, repeat_seconds=90.0)) == timedelta(seconds=90)
    assert longest_window(_rationed(TradeLimit("CORN", None, 1, 1), TradeLimit("CORN", None, 30, 1))) == timedelta(30)
