"""Compounding, jumps, deposits and shares of capital."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sysproduction.domain.capital import (
    Capital,
    Compounding,
    Measure,
    adjusted,
    compounded,
    jump,
    seeded,
    shares,
)
from sysproduction.domain.errors import DataError

NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)
VALUES = some.lists(some.floats(1.0, 1e9), min_size=1, max_size=30)


def measure(value: float, hours: int = 0, margin: float = 0.0) -> Measure:
    return Measure(value, margin, NOW + timedelta(hours=hours))


def first(value: float = 1000.0) -> Capital:
    return seeded(measure(value), by="me", why="first", now=NOW)


def history(rule: Compounding, *values: float) -> list[Capital]:
    entries = [first()]
    for hours, value in enumerate(values, start=1):
        at = NOW + timedelta(hours=hours)
        entries.append(compounded(entries[-1], measure(value, hours), rule, by="me", why="", now=at))
    return entries


def test_the_first_measure_seeds_capital() -> None:
    """Capital, its maximum and the value to compare with are what the account is worth."""
    entry = first()
    assert (entry.account_value, entry.capital, entry.maximum, entry.profit) == (1000.0, 1000.0, 1000.0, 0.0)


def test_full_compounding_follows_profits_and_losses() -> None:
    """The maximum is the high-water mark."""
    entries = history(Compounding.FULL, 1100.0, 900.0, 1050.0)
    assert [entry.capital for entry in entries] == [1000.0, 1100.0, 900.0, 1050.0]
    assert [entry.maximum for entry in entries] == [1000.0, 1100.0, 1100.0, 1100.0]


def test_half_compounding_only_makes_losses_good() -> None:
    """Profits beyond the maximum do not count, and a later loss takes from capital at once."""
    entries = history(Compounding.HALF, 1100.0, 1000.0, 1050.0, 1200.0)
    assert [entry.capital for entry in entries] == [1000.0, 1000.0, 900.0, 950.0, 1000.0]
    assert {entry.maximum for entry in entries} == {1000.0}


def test_fixed_capital_stays() -> None:
    """Profit is still summed up."""
    entries = history(Compounding.FIXED, 1100.0, 200.0)
    assert {(entry.capital, entry.maximum) for entry in entries} == {(1000.0, 1000.0)}
    assert entries[-1].profit == -800.0


@given(VALUES, some.sampled_from(Compounding))
def test_capital_keeps_its_bounds(values: list[float], rule: Compounding) -> None:
    """It never falls below 0 or beyond its maximum, and profit is the whole change of the account."""
    entries = history(rule, *values)
    assert all(0.0 <= entry.capital <= entry.maximum for entry in entries)
    assert entries[-1].profit == pytest.approx(values[-1] - 1000.0, rel=1e-9, abs=1e-3)
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))


@given(VALUES)
def test_full_compounding_is_the_account_itself(values: list[float]) -> None:
    """As long as the account stays above 0, and nobody adjusts it."""
    assert history(Compounding.FULL, *values)[-1].capital == pytest.approx(values[-1], rel=1e-9, abs=1e-3)


def test_losses_beyond_everything_leave_nothing() -> None:
    """Capital that was set below the account's value does not become negative."""
    small = adjusted(first(), by="me", why="", now=NOW, capital=100.0)
    assert compounded(small, measure(500.0, 1), Compounding.FULL, by="me", why="", now=NOW).capital == 0.0


@pytest.mark.parametrize(("value", "expected"), [(1100.0, 0.1), (900.0, 0.1), (1000.0, 0.0), (2500.0, 1.5)])
def test_a_jump_is_a_fraction_of_the_last_value(value: float, expected: float) -> None:
    """Up or down."""
    assert jump(first(), measure(value)) == pytest.approx(expected)


def test_deposits_and_withdrawals_are_no_profit() -> None:
    """The next measure finds the money where it was told to be."""
    told = adjusted(first(), by="me", why="", now=NOW, deposit=500.0)
    after = compounded(told, measure(1500.0, 1), Compounding.FULL, by="me", why="", now=NOW)
    assert (after.capital, after.profit) == (1000.0, 0.0)
    told = adjusted(after, by="me", why="", now=NOW, deposit=-700.0)
    assert compounded(told, measure(800.0, 2), Compounding.FULL, by="me", why="", now=NOW).capital == 1000.0


def test_entries_follow_one_another_whatever_the_clock_does() -> None:
    """An entry is later than the one before, also at the same moment and after the clock was set back."""
    entry = first()
    assert adjusted(entry, by="me", why="", now=NOW, deposit=1.0).at > entry.at
    assert adjusted(entry, by="me", why="", now=NOW - timedelta(days=1), deposit=1.0).at > entry.at


@pytest.mark.parametrize("value", [0.0, -5.0, float("nan"), float("inf")])
def test_an_account_without_value_gives_no_capital(value: float) -> None:
    """It is an error with the value in it, first and later."""
    with pytest.raises(DataError, match="the account is worth"):
        seeded(measure(value), by="me", why="", now=NOW)
    with pytest.raises(DataError, match="the account is worth"):
        compounded(first(), measure(value), Compounding.FULL, by="me", why="", now=NOW)


def test_a_margin_that_is_no_number_is_an_error() -> None:
    """It would be split between strategies."""
    with pytest.raises(DataError, match="the margin in use"):
        seeded(measure(10.0, margin=float("nan")), by="me", why="", now=NOW)


@pytest.mark.parametrize(
    "wanted", [{"deposit": -1000.0}, {"deposit": float("nan")}, {"capital": 0.0}, {"capital": -1.0}, {"maximum": 10.0}]
)
def test_amounts_that_cannot_be_are_refused(wanted: dict[str, float]) -> None:
    """A withdrawal of everything, and capital without value."""
    with pytest.raises(DataError):
        adjusted(first(), by="me", why="", now=NOW, **wanted)


def test_shares_bear_margin_in_proportion() -> None:
    """Each strategy its part of both."""
    found = shares(replace(first(), margin=100.0), {"a": 250.0, "b": 750.0})
    assert {name: (share.capital, share.margin) for name, share in found.items()} == {
        "a": (250.0, 25.0),
        "b": (750.0, 75.0),
    }


@pytest.mark.parametrize("amounts", [{"a": 1001.0}, {"a": -1.0, "b": 5.0}, {"a": float("nan")}])
def test_an_allocation_cannot_give_what_is_not_there(amounts: dict[str, float]) -> None:
    """Neither more than there is nor less than nothing."""
    with pytest.raises(DataError, match="the allocation gives"):
        shares(first(), amounts)
