"""The quote of an order's legs as one."""

from datetime import UTC, datetime

import pytest

from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import Leg
from sysproduction.orders.quotes import legs_quote

AT = datetime(2026, 1, 6, tzinfo=UTC)
NEAR, FAR = Quote(AT, 99.0, 101.0, 5, 7), Quote(AT, 103.0, 104.0, 6, 8)


@pytest.mark.parametrize("quantity", [1, 9, -1, -9])
def test_one_leg_is_quoted_as_it_is(quantity: int) -> None:
    """Whether it is bought or sold: the quote is of one unit, the first leg bought."""
    assert legs_quote([Leg("20260300", quantity)], {"20260300": NEAR}) == NEAR


def test_a_spread_is_what_buying_its_first_leg_costs() -> None:
    """Sold against bought: the near leg at its ask less the far one at its bid, sizes of the scarcer side."""
    quotes = {"20260300": NEAR, "20260600": FAR}
    wanted = Quote(AT, 99.0 - 104.0, 101.0 - 103.0, 5, 6)
    for sign in (1, -1):
        assert legs_quote([Leg("20260300", -3 * sign), Leg("20260600", 3 * sign)], quotes) == wanted
