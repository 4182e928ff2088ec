"""Recorded prices on the calendar of business days."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.systems.prices import business_days, daily_prices, day_numbers, rate_at
from tests.made_markets import made_history, made_market, markets


@given(market=markets())
@settings(max_examples=40, deadline=None)
def test_days_hold_what_resampling_gives(market) -> None:  # type: ignore[no-untyped-def]
    """Every day has the last price of its business day, weekends counted to Friday, as pandas resamples it."""
    prices = daily_prices(market, [history.listing for history in market.histories.values()])
    for column, history in enumerate(market.histories.values()):
        for panel, series in ((prices.adjusted, history.adjusted), (prices.current, history.multiple["PRICE"])):
            expected = series.tz_localize(None).resample("1B").last().reindex(prices.days)
            np.testing.assert_array_equal(panel[:, column], expected.to_numpy())


@given(day=st.integers(-40_000, 60_000))
def test_a_business_day_is_its_own_date(day: int) -> None:
    """Number and date of a business day are one another's inverse, long before 1970 too."""
    date = pd.Timestamp(day, unit="D")
    number = day_numbers(pd.DatetimeIndex([date]))
    friday_or_same = date - pd.Timedelta(days=max(date.weekday() - 4, 0))
    assert business_days(number)[0] == friday_or_same


def test_infinite_prices_are_missing_ones() -> None:
    """What is no number does not become a day's price."""
    history = made_history(1, days=40)
    history.adjusted.iloc[-1] = np.inf
    prices = daily_prices(made_market({"I1": history}), [history.listing])
    assert not np.isinf(prices.adjusted).any()


def test_a_rate_is_known_from_its_stamp_on() -> None:
    """At a stamp itself its rate holds; before the first one there is none."""
    stamps = pd.DatetimeIndex(["2020-01-02 23:00", "2020-01-03 23:00"], tz="UTC")
    moments = pd.DatetimeIndex(["2020-01-02 22:00", "2020-01-02 23:00", "2020-01-04"]).asi8
    np.testing.assert_array_equal(rate_at(pd.Series([1.0, 2.0], stamps), moments), [np.nan, 1.0, 2.0])
