"""Append-only merging."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.merging import first_offered, merge, sift


def frame(values: dict[int, float]) -> pd.DataFrame:
    index = pd.DatetimeIndex([datetime(2024, 1, day, tzinfo=UTC) for day in sorted(values)], tz="UTC")
    return pd.DataFrame({"close": [values[day] for day in sorted(values)]}, index=index, dtype=float)


ROWS = st.dictionaries(st.integers(1, 28), st.floats(-10, 10), max_size=12)


@given(st.lists(ROWS, max_size=5))
def test_the_first_value_of_a_stamp_stays_whatever_arrives_later(batches: list[dict[int, float]]) -> None:
    """Merging batch after batch keeps each stamp's first value, in order of stamps."""
    stored, expected = frame({}), dict[int, float]()
    for batch in batches:
        merged = merge(stored, frame(batch))
        assert merged.later_only == (
            not stored.size or not len(merged.added) or merged.added.index[0] > stored.index[-1]
        )
        stored, expected = merged.whole, batch | expected
    pd.testing.assert_frame_equal(stored, frame(expected), check_freq=False)


def test_of_equal_stamps_the_earlier_frame_wins() -> None:
    """Intraday bars are offered before daily ones."""
    assert first_offered(frame({2: 1.0}), frame({1: 5.0, 2: 6.0}))["close"].tolist() == [5.0, 1.0]


def test_future_and_non_finite_rows_are_dropped_and_counted() -> None:
    """Only finite prices of the past are good; zero and negative ones are."""
    offered = frame({1: 0.0, 2: np.nan, 3: np.inf, 4: -1.0, 9: 1.0, 10: np.nan})
    sifted = sift(offered, "close", datetime(2024, 1, 5, tzinfo=UTC))
    assert sifted.good["close"].tolist() == [0.0, -1.0]
    assert (sifted.future, sifted.corrupt) == (2, 2)
