"""Panama stitching."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.errors import DataError
from sysproduction.domain.panama import stitch

NAN = float("nan")


def frame(rows: list[tuple[float, float, str]]) -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=len(rows), freq="D", tz="UTC")
    return pd.DataFrame(rows, columns=["PRICE", "FORWARD", "PRICE_CONTRACT"], index=index)


@st.composite
def multiples(draw: st.DrawFn) -> pd.DataFrame:
    price = st.floats(-1000, 1000).map(lambda value: round(value, 3))
    rows: list[tuple[float, float, str]] = []
    for contract in range(draw(st.integers(1, 5))):
        gappy = draw(st.lists(st.tuples(price | st.just(NAN), price | st.just(NAN)), max_size=4))
        rows += [(priced, forward, str(contract)) for priced, forward in gappy]
        rows.append((draw(price), draw(price), str(contract)))
    return frame(rows)


def test_a_roll_lifts_all_earlier_prices_by_the_last_gap() -> None:
    """Earlier prices gain FORWARD - PRICE of the old contract's last row; later ones are untouched."""
    stitched = stitch(frame([(10, 12, "A"), (11, 14, "A"), (15, 18, "B"), (16, 15, "B"), (14, NAN, "C")]))
    assert list(stitched) == [12, 13, 14, 15, 14]


def test_a_last_row_without_forward_gives_way_to_one_with_both() -> None:
    """The gap is taken from the last row of the old contract that has both prices."""
    assert list(stitch(frame([(10, 12, "A"), (11, NAN, "A"), (20, NAN, "B")]))) == [12, 13, 20]


def test_a_segment_without_both_prices_is_an_error_that_names_it() -> None:
    """A gap of an earlier contract is never borrowed; the error names stamp and contracts."""
    with pytest.raises(DataError, match=r"from B to C at 2024-01-03.*FORWARD"):
        stitch(frame([(10, 12, "A"), (11, NAN, "B"), (20, NAN, "C")]))


def test_an_empty_series_stitches_to_an_empty_one() -> None:
    """No rows are no error."""
    assert len(stitch(frame([]))) == 0


@given(multiples())
def test_differences_within_a_contract_are_kept(multiple: pd.DataFrame) -> None:
    """Stitching shifts each contract as a whole, and NaN stays NaN and nothing else becomes it."""
    stitched = stitch(multiple)
    shift = stitched - multiple["PRICE"]
    for _, segment in shift.dropna().groupby(multiple["PRICE_CONTRACT"]):
        np.testing.assert_allclose(segment, segment.iloc[0], atol=1e-9)
    assert list(stitched.isna()) == list(multiple["PRICE"].isna())


@given(multiples())
def test_prices_after_the_last_roll_are_untouched(multiple: pd.DataFrame) -> None:
    """The series ends in the prices of the contract in force."""
    last = (multiple["PRICE_CONTRACT"] == multiple["PRICE_CONTRACT"].iloc[-1]).to_numpy()
    np.testing.assert_array_equal(stitch(multiple)[last], multiple.loc[last, "PRICE"])


@given(multiples())
def test_stitching_a_stitched_series_changes_nothing(multiple: pd.DataFrame) -> None:
    """Continuous prices have no gap at a roll."""
    once = stitch(multiple)
    gap = multiple["FORWARD"] - multiple["PRICE"]
    ends = multiple["PRICE_CONTRACT"] != multiple["PRICE_CONTRACT"].shift(-1)
    again = multiple.assign(PRICE=once, FORWARD=(once + gap).mask(ends, once))
    np.testing.assert_allclose(stitch(again), once, atol=1e-9)
