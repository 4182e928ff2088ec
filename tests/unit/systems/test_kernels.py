"""Compiled loops against pandas, on columns with gaps."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.systems import rolling, smoothing
from sysproduction.systems.smoothing import Panel

Made = Callable[[Panel], Panel]
Theirs = Callable[[pd.DataFrame], pd.DataFrame]

CASES: dict[str, tuple[Made, Theirs]] = {
    "mean by span": (lambda v: smoothing.ewma(v, span=7), lambda f: f.ewm(span=7).mean()),
    "mean by centre of mass": (
        lambda v: smoothing.ewma(v, com=3, observations_min=4),
        lambda f: f.ewm(com=3, min_periods=4).mean(),
    ),
    "mean of span 1": (lambda v: smoothing.ewma(v, span=1), lambda f: f.ewm(span=1).mean()),
    "deviation": (
        lambda v: smoothing.ewm_std(v, span=9, observations_min=3),
        lambda f: f.ewm(span=9, min_periods=3).std(),
    ),
    "filled": (smoothing.forward_filled, lambda f: f.ffill()),
    "highest": (lambda v: rolling.extremes(v, 5, 2)[0], lambda f: f.rolling(5, min_periods=2).max()),
    "lowest": (lambda v: rolling.extremes(v, 5, 2)[1], lambda f: f.rolling(5, min_periods=2).min()),
    "moving deviation": (lambda v: rolling.deviation(v, 6, 3), lambda f: f.rolling(6, min_periods=3).std()),
    "moving mean": (lambda v: rolling.mean(v, 6, 3), lambda f: f.rolling(6, min_periods=3).mean()),
    "moving skewness": (lambda v: rolling.skewness(v, 20, 10), lambda f: f.rolling(20, min_periods=10).skew()),
    "shifted": (lambda v: smoothing.shifted(v, 3), lambda f: f.shift(3)),
    "differences": (smoothing.differences, lambda f: f.diff()),
}


@pytest.mark.parametrize("name", CASES)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 60),
    columns=st.integers(1, 6),
    gaps=st.sampled_from([0.0, 0.2, 0.9]),
)
@settings(max_examples=25, deadline=None)
def test_a_loop_gives_what_pandas_gives(name: str, seed: int, rows: int, columns: int, gaps: float) -> None:
    """Values and gaps are those of pandas, whatever is missing."""
    chance = np.random.default_rng(seed)
    values = np.where(chance.random((rows, columns)) < gaps, np.nan, chance.normal(5.0, 2.0, (rows, columns)))
    ours, theirs = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = theirs(pd.DataFrame(values)).to_numpy()
    np.testing.assert_allclose(ours(np.asfortranarray(values)), expected, rtol=1e-9, atol=1e-9)


def test_a_series_that_has_stopped_has_no_deviation_at_all() -> None:
    """After a window of equal values the moving deviation is exactly 0, not what rounding left."""
    values = np.append(np.random.default_rng(1).normal(1e6, 1e3, 50), np.full(12, 3.3))[:, None]
    assert rolling.deviation(values, 10, 3)[-1, 0] == 0.0


def test_rows_in_any_layout_give_the_same() -> None:
    """Row-major panels and views are as good as column-major ones."""
    values = np.random.default_rng(2).normal(size=(40, 6))
    wide = np.zeros((40, 12))
    wide[:, ::2] = values
    expected = smoothing.ewma(np.asfortranarray(values), span=5)
    np.testing.assert_array_equal(smoothing.ewma(np.ascontiguousarray(values), span=5), expected)
    np.testing.assert_array_equal(smoothing.ewma(wide[:, ::2], span=5), expected)


@pytest.mark.parametrize("arguments", [{"span": 0.5}, {"com": -1.0}, {}])
def test_a_span_that_is_none_is_refused(arguments: dict[str, float]) -> None:
    """Spans begin at 1, centres of mass at 0."""
    with pytest.raises(ValueError, match="span of at least 1"):
        smoothing.ewma(np.zeros((3, 1)), **arguments)
