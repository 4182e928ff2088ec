"""Derived exchange rates."""

import pandas as pd
import pytest

from sysproduction.domain.errors import DataError
from sysproduction.domain.fx import derive


def rates(values: list[float], start: str = "2024-01-01") -> pd.Series:
    return pd.Series(values, index=pd.date_range(start, periods=len(values), tz="UTC"))


STORED = {"EURUSD": rates([1.0, 1.1, 1.2]), "GBPUSD": rates([2.0, 2.2], "2024-01-02"), "USDJPY": rates([100.0, 200.0])}


def test_a_stored_pair_is_itself_and_its_inverse_is_derived() -> None:
    """One over the rate, at the same stamps."""
    assert derive("EURUSD", STORED.get).tolist() == [1.0, 1.1, 1.2]
    assert derive("USDEUR", STORED.get).tolist() == [1.0, 1 / 1.1, 1 / 1.2]


def test_a_cross_goes_through_the_dollar_on_the_union_of_stamps() -> None:
    """Each leg carried forward, from the first stamp at which both are known."""
    assert derive("EURGBP", STORED.get).tolist() == [1.1 / 2.0, 1.2 / 2.2]
    assert derive("EURJPY", STORED.get).tolist() == pytest.approx([100, 220, 240])


@pytest.mark.parametrize(
    ("pair", "text"), [("CHFGBP", "CHFUSD"), ("CHFUSD", "CHFUSD"), ("EUREUR", "EUREUR"), ("eur", "eur")]
)
def test_a_pair_that_cannot_be_derived_is_an_error_that_names_the_missing_leg(pair: str, text: str) -> None:
    """Also for what is no pair at all."""
    with pytest.raises(DataError, match=text):
        derive(pair, STORED.get)
