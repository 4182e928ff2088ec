"""Roll calendars backed out of multiple prices equal the reference, and rebuild the series that they came from."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.domain.multiple_prices import CONTRACT_COLUMNS
from sysproduction.domain.panama import stitch
from sysproduction.domain.roll_calendars import RollCalendar, back_out, build_calendar, multiple_from_calendar

INSTRUMENTS = ["CORN", "EUROSTX", "EUR_micro", "GOLD_micro", "KR10", "MXP", "SOFR", "SP500_micro", "US10", "V2X"]

PUT_OFF = {"V2X": datetime(2023, 6, 29, 16, 0, 2, tzinfo=UTC)}
"""A recorded roll a second after another: the contract between has no bar with its forward until an hour later."""


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_calendars_equal_the_reference(shared: Path, instrument: str) -> None:
    """Every roll since the first row: stamp, current, next and carry contract."""
    calendar = back_out(CsvFeed(shared / "data", [instrument]).multiple_prices(instrument))
    path = shared / "reference" / "panama" / f"{instrument}_rollcal_from_multiple.csv"
    reference = pd.read_csv(path, index_col=0, dtype=str)
    reference.index = pd.to_datetime(reference.index, utc=True)
    assert len(reference) >= 38
    pd.testing.assert_frame_equal(calendar, reference, check_names=False, check_dtype=False)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_calendar_and_bars_rebuild_the_recorded_series(shared: Path, instrument: str) -> None:
    """From contract prices alone: stamps, contracts, PRICE and adjusted price of every row, to the bit.

    Where a recorded roll is put off, up to it by a constant, and but for the rows in between.
    """
    feed = CsvFeed(shared / "data", [instrument])
    recorded = feed.multiple_prices(instrument)
    rebuilt = multiple_from_calendar(back_out(recorded), feed.all_bars(instrument))
    put_off = PUT_OFF.get(instrument)
    between = [] if put_off is None else recorded.loc[put_off:].index[:2].union(rebuilt.loc[put_off:].index[:2])
    ours, theirs = rebuilt.drop(between, errors="ignore"), recorded.drop(between, errors="ignore")
    pd.testing.assert_index_equal(ours.index, theirs.index, check_names=False)
    for column in ("PRICE", *CONTRACT_COLUMNS):
        np.testing.assert_array_equal(ours[column], theirs[column])
    apart = (stitch(rebuilt) - stitch(recorded)).drop(between, errors="ignore").dropna()
    earlier = apart if put_off is None else apart.loc[put_off:]
    np.testing.assert_array_equal(earlier, 0)
    np.testing.assert_allclose(apart, 0 if put_off is None else np.where(apart.index < put_off, 0.05, 0), atol=1e-9)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_calendar_built_from_bars_alone_is_whole(shared: Path, instrument: str) -> None:
    """It begins where the recorded one does, skips no held contract, and its prices stitch and give it back."""
    feed = CsvFeed(shared / "data", [instrument])
    recorded, bars = back_out(feed.multiple_prices(instrument)), feed.all_bars(instrument)
    calendar = build_calendar(bars, feed.instruments()[0].roll_parameters)
    assert isinstance(calendar, RollCalendar)
    assert calendar.left_out == ()
    assert abs(len(calendar.rolls) - len(recorded)) <= 1
    assert list(calendar.rolls["current_contract"][1:]) == list(calendar.rolls["next_contract"][:-1])
    multiple = multiple_from_calendar(calendar.rolls, bars)
    assert stitch(multiple).notna().equals(multiple["PRICE"].notna())
    pd.testing.assert_frame_equal(back_out(multiple), calendar.rolls, check_names=False)
