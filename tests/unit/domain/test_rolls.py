"""Contracts and rolls by the calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.contracts import MONTH_LETTERS, next_in_cycle, previous_in_cycle
from sysproduction.domain.errors import DataError
from sysproduction.domain.rolls import RollParameters, approximate_expiry, contracts_at, desired_roll_date

CYCLES = st.sets(st.sampled_from(MONTH_LETTERS), min_size=1).map("".join)


@given(CYCLES, st.integers(1990, 2090), st.integers(1, 12))
def test_next_and_previous_undo_each_other_within_the_cycle(cycle: str, year: int, month: int) -> None:
    """From a contract of the cycle, one step forward and one back lead home."""
    start = next_in_cycle(f"{year}{month:02d}00", cycle)
    assert previous_in_cycle(next_in_cycle(start, cycle), cycle) == start
    assert next_in_cycle(previous_in_cycle(start, cycle), cycle) == start


@given(CYCLES, st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(-1100, 40), st.integers(-20, 60))
def test_the_calendar_holds_the_first_contract_not_yet_to_be_rolled(
    cycle: str, day: date, roll: int, expiry: int
) -> None:
    """The held contract's roll date is after the day, its predecessor's is not."""
    parameters = RollParameters(cycle, MONTH_LETTERS, roll, -1, expiry)
    price, forward, carry = contracts_at(day, parameters)
    assert desired_roll_date(price, parameters) > day >= desired_roll_date(previous_in_cycle(price, cycle), parameters)
    assert carry < price < forward


@pytest.mark.parametrize("name", ["2024", "20241300", "2024120A", "", "20240099"])
def test_a_malformed_contract_is_an_error(name: str) -> None:
    """The message shows what a contract looks like."""
    with pytest.raises(DataError, match="20241200"):
        next_in_cycle(name, "HMUZ")


@pytest.mark.parametrize("cycle", ["", "HMA"])
def test_a_malformed_cycle_is_an_error(cycle: str) -> None:
    """Cycles are month letters."""
    with pytest.raises(DataError, match="FGHJ"):
        next_in_cycle("20241200", cycle)


def test_a_contract_named_by_day_expires_on_it() -> None:
    """Only monthly names need the approximate offset."""
    parameters = RollParameters("HMUZ", "HMUZ", -5, 1, 14)
    assert approximate_expiry("20240322", parameters) == date(2024, 3, 22)
    assert approximate_expiry("20240300", parameters) == date(2024, 3, 1) + timedelta(days=14)
