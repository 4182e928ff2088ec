"""Bringing exchange rates in."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from sysproduction.domain.results import ProblemKind
from sysproduction.markets.fx import update_fx_prices

START = datetime(2024, 1, 1, 23, tzinfo=UTC)
NOW = START + timedelta(days=60)


def rates() -> pd.Series:
    index = pd.DatetimeIndex([START + timedelta(days=day) for day in range(61)])
    return pd.Series(1.1 + 0.005 * np.random.default_rng(5).normal(size=61).cumsum(), index=index)


def update(feed, stores, now=NOW, **options):
    return update_fx_prices(
        feed, stores.rates, stores.rejections, now=now, threshold=8.0, stale_after_days=5, **options
    )


def test_rates_are_added_day_by_day(feed, stores) -> None:
    """One new row a day, none twice."""
    feed.rates["EURUSD"] = rates()
    assert update(feed, stores, NOW - timedelta(days=1)).rows_written == 60
    assert update(feed, stores).rows_written == 1
    assert update(feed, stores).rows_written == 0
    assert stores.rates.rate("EURUSD").tolist() == rates().tolist()
    assert stores.rates.rate("USDEUR").iloc[-1] == 1 / rates().iloc[-1]


def test_the_spike_filter_works_for_fx(feed, stores) -> None:
    """A bad tick of the day is not stored but recorded, and the next day's good rate is."""
    bad = rates()
    bad.iloc[59] *= 100
    feed.rates["EURUSD"] = bad
    update(feed, stores, NOW - timedelta(days=2))
    result = update(feed, stores, NOW - timedelta(days=1))
    assert [(problem.item, problem.kind) for problem in result.problems] == [("EURUSD", ProblemKind.SPIKE)]
    assert result.rows_written == 0
    assert update(feed, stores).rows_written == 1
    (rejected,) = stores.rejections.all()
    assert (rejected.item, rejected.instrument, rejected.method) == ("EURUSD", None, "update_fx_prices")
    assert len(stores.rates.rate("EURUSD")) == 60


def test_a_broken_a_malformed_and_a_stale_pair_are_reported_and_the_rest_goes_on(feed, stores) -> None:
    """Each with its reason."""
    feed.rates = {"EURUSD": rates(), "EURO": rates(), "GBPUSD": rates(), "SEKUSD": rates()[:20]}
    feed.broken.add("GBPUSD")
    result = update(feed, stores)
    assert [(problem.item, problem.kind) for problem in result.problems] == [
        ("EURO", ProblemKind.FAILED),
        ("GBPUSD", ProblemKind.FAILED),
        ("SEKUSD", ProblemKind.STALE),
    ]
    assert stores.rates.pairs() == ["EURUSD", "SEKUSD"]
    assert result.items == 4


def test_only_the_pairs_asked_for_are_updated(feed, stores) -> None:
    """An unknown one is reported with the nearest."""
    feed.rates = {"EURUSD": rates(), "GBPUSD": rates()}
    result = update(feed, stores, pairs=["GBPUSD", "EURUSF"])
    assert stores.rates.pairs() == ["GBPUSD"]
    assert "did you mean EURUSD?" in result.problems[0].reason
