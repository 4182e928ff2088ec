"""Round trips and figures of runs, against sums done otherwise."""

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import BarPeriod, FillEvent, Side
from sysproduction.engine.analysis import DAY_NS, round_trips, statistics, with_bars


def fill(number: int, quantity: int, price: float, commission: float = 0.0, symbol: str = "ES") -> FillEvent:
    side = Side.BUY if quantity > 0 else Side.SELL
    words = (number, f"S{number}", symbol, number, f"F{number}", side, abs(quantity), price, commission, "SIMULATED")
    return FillEvent(number, number, 0, number, *words)


def test_a_fill_that_turns_the_position_ends_one_trip_and_begins_another() -> None:
    """Buy 1 at 11, sell 2 at 13, buy 1 at 15: a long one of +2 and a short one of -2, not one of +8."""
    trips = round_trips([fill(1, 1, 11.0), fill(2, -2, 13.0, 3.0), fill(3, 1, 15.0)], {"ES": 1.0})
    assert [(trip.direction, trip.profit, trip.commission, trip.entered_ns, trip.left_ns) for trip in trips] == [
        (1, 2.0, 1.5, 1, 2),
        (-1, -2.0, 1.5, 2, 3),
    ]


def test_partial_exits_belong_to_one_trip_and_what_is_held_stays_open() -> None:
    """Two in, one out, one more in, two out; then one that is not over, whose profit is what was taken."""
    fills = [
        fill(1, 2, 10.0),
        fill(2, -1, 14.0),
        fill(3, 1, 12.0),
        fill(4, -2, 13.0),
        fill(5, -4, 20.0),
        fill(6, 1, 18.0),
    ]
    closed, still = round_trips(fills, {"ES": 5.0})
    assert (closed.quantity, closed.profit, closed.left_ns) == (2, 5.0 * (14 + 2 * 13 - 2 * 10 - 12), 4)
    assert (still.direction, still.left_ns, still.profit, still.quantity) == (-1, None, 10.0, 4)


@given(st.lists(st.tuples(st.integers(-5, 5).filter(bool), st.integers(1, 40), st.integers(0, 3)), max_size=40))
def test_trips_add_up_to_what_the_fills_earned(made: list[tuple[int, int, int]]) -> None:
    """Profits of all trips and what is still held at the last price are the cash flow; commissions are none lost."""
    fills = [fill(number, quantity, price / 4, cost) for number, (quantity, price, cost) in enumerate(made, 1)]
    trips = round_trips(fills, {"ES": 2.0})
    held = sum(one.side.sign * one.quantity_filled for one in fills)
    cash = -sum(2.0 * one.side.sign * one.quantity_filled * one.fill_price for one in fills)
    last = fills[-1].fill_price if fills else 0.0
    worth = sum(2.0 * held * (last - trip.entry_price) for trip in trips if trip.left_ns is None)
    assert sum(trip.profit for trip in trips) + worth == pytest.approx(cash + 2.0 * held * last, abs=1e-9)
    assert sum(trip.commission for trip in trips) == pytest.approx(sum(one.commission for one in fills))
    assert sum(trip.left_ns is None for trip in trips) == (held != 0)


def test_a_trip_knows_the_prices_between_entry_and_exit() -> None:
    """Highest and lowest of the bars from the first fill's to the last one's."""
    ts = np.arange(6)
    high, low = np.array([9.0, 5, 7, 6, 5, 9]), np.array([1.0, 3, 2, 4, 3, 1])
    bars = BarColumns("ES", BarPeriod.MINUTE, ts, low, high, low, high)
    (trip,) = with_bars(round_trips([fill(1, 1, 4.0), fill(4, -1, 5.0)], {"ES": 1.0}), [bars])
    assert (trip.bars, trip.highest, trip.lowest) == (4, 7.0, 2.0)


def test_figures_are_those_of_daily_equity() -> None:
    """Sharpe and drawdown equal another library's on the same days."""
    chance = np.random.default_rng(1)
    hours = np.arange(24 * 200) * (DAY_NS // 24)
    equity = 1e6 + chance.normal(size=len(hours)).cumsum() * 100
    found = statistics(hours, equity, [])
    daily = pd.Series(equity, pd.to_datetime(hours)).resample("D").last()
    changes = daily.diff().fillna(daily.iloc[0] - equity[0])
    assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(changes, annualization=256), rel=1e-9)
    assert found["drawdown"] == pytest.approx((pd.Series(equity).cummax() - equity).max())
    assert found["profit"] == pytest.approx(equity[-1] - equity[0])


def test_a_drawdown_lasts_from_peak_to_recovery_or_the_end() -> None:
    """Three days below a maximum, then two."""
    days = np.arange(8) * DAY_NS
    assert statistics(days, np.array([1.0, 5, 4, 3, 5, 6, 5, 5]), [])["drawdown_days"] == 3
    assert statistics(days, np.arange(8.0), [])["drawdown_days"] == 0


def test_trips_are_counted_won_and_lost() -> None:
    """After commission."""
    fills = [fill(1, 1, 1.0, 1.0), fill(2, -1, 5.0), fill(3, 1, 5.0), fill(4, -1, 4.0), fill(5, 1, 4.0)]
    found = statistics(np.arange(2), np.zeros(2), round_trips(fills, {"ES": 1.0}))
    assert (found["trips"], found["open_trips"], found["won"], found["profit_factor"]) == (2, 1, 0.5, 3.0)
    assert (found["average_trip"], found["sharpe"]) == (1.0, None)
