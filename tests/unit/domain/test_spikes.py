"""The spike filter."""

import numpy as np
import pandas as pd
import pytest

from sysproduction.domain.spikes import find_spikes, typical_change, typical_change_robust


def walk(size: int, *, start: float = 100.0, change: float = 1.0, freq: str = "D") -> pd.Series:
    steps = np.random.default_rng(7).normal(scale=change, size=size)
    return pd.Series(start + np.cumsum(steps), index=pd.date_range("2024-01-01", periods=size, freq=freq, tz="UTC"))


def spikes_of(series: pd.Series, stored: int, threshold: float = 8.0) -> list[pd.Timestamp]:
    good, offered = series.iloc[:stored], series.iloc[stored:]
    typical = typical_change(good) or typical_change_robust(offered)
    return [pd.Timestamp(s.stamp) for s in find_spikes(good, offered, typical=typical, threshold=threshold)]


@pytest.mark.parametrize("factor", [10, 100, 0.1, -1, 0, 1.2, 0.8])
@pytest.mark.parametrize("stored", [0, 40])
def test_an_isolated_bad_tick_is_caught_alone(factor: float, stored: int) -> None:
    """Times ten, a hundred, a tenth, the wrong sign, zero, 20 % off: that bar and no other."""
    series = walk(60)
    series.iloc[50] *= factor
    assert spikes_of(series, stored) == [series.index[50]]


@pytest.mark.parametrize("first", [0, 1])
def test_a_bad_tick_at_the_start_of_a_history_is_caught(first: int) -> None:
    """The first price of all is judged by those around it."""
    series = walk(60)
    series.iloc[first] *= 10
    assert spikes_of(series, 0) == [series.index[first]]


def test_a_bad_tick_at_the_end_waits_for_confirmation() -> None:
    """Nothing after it confirms it yet."""
    series = walk(60)
    series.iloc[59] += 20
    assert spikes_of(series, 40) == [series.index[59]]


def test_a_crash_that_keeps_its_level_is_believed() -> None:
    """Fifteen typical changes, confirmed by the next prices."""
    series = walk(60)
    series.iloc[50:] -= 15
    assert spikes_of(series, 40) == []


def test_a_change_of_unit_is_not_believed_however_long_it_lasts() -> None:
    """A hundredfold level is beyond what later prices may confirm."""
    series = walk(60)
    series.iloc[50:] *= 100
    assert spikes_of(series, 40) == list(series.index[50:])


def test_prices_in_coarse_steps_do_not_spike() -> None:
    """Days without a change do not make a step look large."""
    series = pd.Series(1.0, index=pd.date_range("2024-01-01", periods=400, freq="D", tz="UTC"))
    series.iloc[::20] += 0.05
    assert spikes_of(series, 300) == []


def test_a_first_day_of_hourly_bars_is_filtered_too() -> None:
    """With too few days the changes between bars serve."""
    series = walk(24, change=0.2, freq="h")
    series.iloc[12] *= 10
    assert spikes_of(series, 0) == [series.index[12]]


def test_a_move_over_a_gap_is_measured_by_its_days() -> None:
    """Twelve typical changes are a spike in a day and none in ten."""
    series = walk(41)
    typical = typical_change(series.iloc[:40])
    assert typical is not None
    late = pd.Series([series.iloc[39] + 12 * typical], index=[series.index[39] + pd.Timedelta(days=10)])
    soon = late.set_axis([series.index[39] + pd.Timedelta(days=1)])
    assert find_spikes(series.iloc[:40], late, typical=typical, threshold=8.0) == []
    (spike,) = find_spikes(series.iloc[:40], soon, typical=typical, threshold=8.0)
    assert spike.multiples == pytest.approx(12)
    assert spike.last_good == series.iloc[39]


def test_a_late_bar_is_judged_by_its_neighbours() -> None:
    """A bar inserted between stored ones is compared with the one before it."""
    series = walk(60)
    good = series.drop(series.index[50])
    bad = pd.Series([series.iloc[50] * 10], index=[series.index[50]])
    typical = typical_change(good)
    assert len(find_spikes(good, bad, typical=typical, threshold=8.0)) == 1
    assert find_spikes(good, series.iloc[50:51], typical=typical, threshold=8.0) == []


def test_typical_change_needs_ten_changes() -> None:
    """Fewer say nothing."""
    assert typical_change(walk(10)) is None
    assert typical_change(walk(11)) is not None


def test_typical_change_is_the_weighted_mean_of_daily_changes() -> None:
    """Span 500, adjusted weights, as pandas has them."""
    series = walk(300)
    expected = series.diff().abs().dropna().ewm(span=500).mean().iloc[-1]
    assert typical_change(series) == pytest.approx(expected)
