"""Room under trade limits, and what overrides add up to."""

from datetime import timedelta

import pytest

from sysproduction.domain.limits import TradeLimit, counted, trade_room
from sysproduction.domain.orders import BrokerOrder
from sysproduction.domain.overrides import Override, OverrideKind, combined
from tests.gated import NOW, sent

DAY = 86_400
LIMIT = TradeLimit("CORN", None, 1, 10)


def room(*before: BrokerOrder, limits: tuple[TradeLimit, ...] = (LIMIT,)) -> int | None:
    return trade_room(limits, before, instrument="CORN", strategy="trend", now=NOW)


@pytest.mark.parametrize(("before", "left"), [(0, 10), (9, 1), (10, 0), (11, 0), (12, 0), (20, 0)])
def test_defect_1_room_is_never_negative(before: int, left: int) -> None:
    """What exceeds a limit leaves no room, rather than a negative one that lets an order through again."""
    assert room(sent(1, before)) == room(sent(1, -before)) == left


def test_defect_8_the_first_trade_after_a_window_counts() -> None:
    """A trade long after everything else is counted for as long as any other: nothing is reset."""
    old, first = sent(1, 10, 3 * DAY), sent(2, 4, 5)
    assert room(old) == 10
    assert room(old, first) == 6
    assert counted(LIMIT, [old, first], NOW + timedelta(hours=23)) == 4
    assert counted(LIMIT, [old, first], NOW + timedelta(days=1)) == 0


def test_the_least_room_of_all_limits_counts() -> None:
    """Limits that do not apply leave everything open."""
    assert room(limits=(LIMIT, TradeLimit("CORN", "trend", 1, 3), TradeLimit("CORN", "carry", 1, 1))) == 3
    assert room(limits=(TradeLimit("GOLD", None, 1, 1), TradeLimit("CORN", "carry", 1, 1))) is None
    assert room(sent(1, 4), sent(2, 4, strategy="carry"), limits=(TradeLimit("CORN", "trend", 1, 10),)) == 6


CLOSE, NO_TRADE, REDUCE = (Override(k) for k in (OverrideKind.CLOSE, OverrideKind.NO_TRADE, OverrideKind.REDUCE_ONLY))


@pytest.mark.parametrize(
    ("several", "together"),
    [
        ([], Override()),
        ([Override(factor=0.5), Override(factor=0.5)], Override(factor=0.25)),
        ([REDUCE, Override(factor=0.5)], REDUCE),
        ([REDUCE, Override(factor=0.0)], CLOSE),
        ([CLOSE, REDUCE], CLOSE),
        ([NO_TRADE, CLOSE, REDUCE], NO_TRADE),
        ([Override(factor=0.0)], CLOSE),
        ([Override(OverrideKind.REDUCE_ONLY, 0.0)], REDUCE),
    ],
)
def test_overrides_combine_by_strength(several: list[Override], together: Override) -> None:
    """No-trade before close before reduce-only before the product, in any order."""
    assert combined(several) == combined(several[::-1]) == together


def test_a_factor_lies_between_nothing_and_the_whole() -> None:
    """Both ends are valid."""
    assert [Override(factor=f).is_valid for f in (-0.01, 0.0, 0.5, 1.0, 1.01)] == [False, True, True, True, False]
