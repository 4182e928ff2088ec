"""Gaps in bars and instruments that are the same market."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.quality import Duplicate, Gap, duplicates, gaps

DAYS = pd.date_range("2024-01-01 23:00", periods=200, freq="B", tz="UTC")


def walk(seed: int, scale: float = 1.0) -> pd.Series:
    return pd.Series(100 + scale * np.cumsum(np.random.default_rng(seed).normal(size=len(DAYS))), index=DAYS)


def at(*days: int) -> pd.DataFrame:
    """A bar on each of these days of January 2024, whose first is a Monday."""
    return pd.DataFrame(
        {"close": 1.0}, index=pd.DatetimeIndex([datetime(2024, 1, day, 23, tzinfo=UTC) for day in days])
    )


def test_business_days_without_a_bar_are_gaps() -> None:
    """Successive ones are one gap, across a weekend too; weekends are none."""
    assert gaps(at(1, 2, 4, 5, 8, 11, 16)) == [
        Gap(date(2024, 1, 3), date(2024, 1, 3), 1),
        Gap(date(2024, 1, 9), date(2024, 1, 10), 2),
        Gap(date(2024, 1, 12), date(2024, 1, 15), 2),
    ]
    assert gaps(at(1, 2, 4, 5, 8, 11), shortest=2) == [Gap(date(2024, 1, 9), date(2024, 1, 10), 2)]


def test_bars_on_a_weekend_neither_open_nor_close_a_gap() -> None:
    """A Sunday evening's bar does not stand for a Monday."""
    assert gaps(at(5, 7, 9)) == [Gap(date(2024, 1, 8), date(2024, 1, 8), 1)]
    assert gaps(at(6, 7)) == []
    assert gaps(at()) == []


@given(st.sets(st.integers(1, 31)))
def test_gaps_and_days_with_bars_make_up_all_business_days(days: set[int]) -> None:
    """None is counted twice, none forgotten."""
    seen = [day for day in sorted(days) if date(2024, 1, day).weekday() < 5]
    found = gaps(at(*sorted(days)))
    covered = {day for gap in found for day in pd.bdate_range(gap.first, gap.last).date}
    assert sum(gap.business_days for gap in found) == len(covered)
    assert not covered & {date(2024, 1, day) for day in seen}
    if seen:
        span = set(pd.bdate_range(date(2024, 1, seen[0]), date(2024, 1, seen[-1])).date)
        assert covered | {date(2024, 1, day) for day in seen} == span


def test_a_market_quoted_otherwise_is_a_duplicate() -> None:
    """Ten times the price, another back-adjustment and a few holes do not hide it; another market is none."""
    mini = walk(1)
    micro = (10 * mini + 500).drop(mini.index[[20, 90]])
    found = duplicates({"MINI": mini, "OTHER": walk(2), "MICRO": micro})
    assert [(pair.first, pair.second) for pair in found] == [("MICRO", "MINI")]
    assert found[0].agreement >= 0.95
    assert found[0].days >= 195


def test_days_on_which_one_of_two_stood_still_count_against_them() -> None:
    """A series that is fed only every other day is no duplicate; days on which both stood still prove nothing."""
    moves = np.random.default_rng(4).choice([-1.0, 1.0], size=len(DAYS))
    every_day = pd.Series(moves.cumsum(), index=DAYS)
    other_days = pd.Series(np.where(np.arange(len(DAYS)) % 2, moves, 0).cumsum(), index=DAYS)
    assert duplicates({"A": every_day, "B": other_days}, agreement=0.6) == []
    assert duplicates({"A": other_days, "B": other_days}) == [Duplicate("A", "B", 1.0, 100)]


def test_a_mirrored_market_is_no_duplicate() -> None:
    """Its changes have the other sign."""
    assert duplicates({"A": walk(1), "B": -walk(1)}) == []


def test_intraday_bars_are_compared_by_day() -> None:
    """Only the last price of a day counts."""
    daily = walk(3)
    noise = pd.Series(7.0, index=daily.index - pd.Timedelta(hours=5))
    assert duplicates({"A": daily, "B": pd.concat([daily, noise]).sort_index()}) == [Duplicate("A", "B", 1.0, 199)]


def test_too_few_days_and_dead_series_prove_nothing() -> None:
    """Short histories and prices that never move are not judged."""
    dead = pd.Series(5.0, index=DAYS)
    assert duplicates({"A": walk(1)[:50], "B": walk(1)[:50], "C": dead, "D": dead, "E": dead[:0]}) == []
    assert duplicates({}) == []
