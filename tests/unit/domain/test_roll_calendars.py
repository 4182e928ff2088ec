"""Roll calendars and the multiple prices that follow from them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.multiple_prices import COLUMNS, empty_multiple
from sysproduction.domain.panama import stitch
from sysproduction.domain.roll_calendars import RollCalendar, back_out, build_calendar, multiple_from_calendar
from sysproduction.domain.rolls import RollParameters

QUARTERLY = RollParameters("HMUZ", "HMUZ", roll_offset_days=-5, carry_offset=1, expiry_offset=15)
H, M, U, Z = "20240300", "20240600", "20240900", "20241200"
SECOND = timedelta(seconds=1)


def at(month: int, day: int, hour: int = 23) -> datetime:
    return datetime(2024, month, day, hour, tzinfo=UTC)


def bars(first: datetime, last: datetime, level: float, without: tuple[datetime, ...] = ()) -> pd.DataFrame:
    """A bar a day that rises by one."""
    days = pd.date_range(first, last, freq="D")
    frame = pd.DataFrame({"close": level + np.arange(len(days), dtype=float)}, index=days)
    return frame.drop(pd.DatetimeIndex(without)) if without else frame


# Desired roll dates: 11 March, 11 June, 11 September.
BARS = {
    H: bars(at(1, 2), at(3, 15), 100),
    M: bars(at(2, 1), at(6, 15), 200),
    U: bars(at(5, 1), at(9, 1), 300),
    Z: bars(at(8, 1), at(9, 2), 400),
}


def built(frames: dict[str, pd.DataFrame]) -> RollCalendar:
    found = build_calendar(frames, QUARTERLY)
    assert isinstance(found, RollCalendar), found
    return found


def test_rolls_are_made_on_the_stamp_nearest_to_the_desired_date() -> None:
    """Midnight of the 11th is nearest to the 10th's close; the last row is the last stamp of what is held then."""
    calendar = built(BARS)
    assert calendar.left_out == ()
    assert list(calendar.rolls.itertuples(name=None)) == [
        (pd.Timestamp(at(3, 10)) + SECOND, H, M, M),
        (pd.Timestamp(at(6, 10)) + SECOND, M, U, U),
        (pd.Timestamp(at(9, 2)), U, Z, Z),
    ]


def test_a_roll_waits_for_common_prices() -> None:
    """Where the forward contract has none near the desired date, the nearest stamp at which both have is taken."""
    late = {**BARS, M: bars(at(3, 13), at(6, 15), 200)}
    assert built(late).rolls.index[0] == at(3, 13) + SECOND
    early = {**BARS, H: bars(at(1, 2), at(3, 2), 100)}
    assert built(early).rolls.index[0] == at(3, 2) + SECOND


def test_where_no_stamp_is_common_the_calendar_begins_anew() -> None:
    """What cannot be stitched is left out, and why is said."""
    apart = {**BARS, U: bars(at(6, 16), at(9, 1), 300)}
    calendar = built(apart)
    assert list(calendar.rolls["current_contract"]) == [U]
    assert calendar.left_out == (
        "20240600 and what came before: 20240600 and 20240900 have no prices at one stamp after the roll of 2024-03-10",
    )
    missing = built({name: frame for name, frame in BARS.items() if name != M})
    assert list(missing.rolls["current_contract"]) == [U]
    assert missing.left_out == ("20240300 and what came before: 20240300 and 20240600 have no prices at one stamp",)


def test_contracts_out_of_the_hold_cycle_are_not_held() -> None:
    """They may be carry contracts; without a held one there is no calendar."""
    april = bars(at(1, 2), at(4, 10), 150)
    assert built({**BARS, "20240400": april}).rolls.equals(built(BARS).rolls)
    refused = build_calendar({"20240400": april, H: BARS[H][:0]}, QUARTERLY)
    assert isinstance(refused, Refused)
    assert "HMUZ" in refused.reason


def test_prices_follow_the_calendar() -> None:
    """Every bar is in its row, each roll has a row that repeats the forward price, and the series stitches."""
    multiple = multiple_from_calendar(built(BARS).rolls, BARS)
    assert list(multiple.columns) == list(COLUMNS)
    assert multiple.index[0] == BARS[H].index[0]
    roll_row = multiple.loc[pd.Timestamp(at(3, 10)) + SECOND]
    assert (roll_row["PRICE"], roll_row["PRICE_CONTRACT"]) == (BARS[M].loc[at(3, 10), "close"], M)
    assert multiple.loc[pd.Timestamp(at(3, 10)), "PRICE_CONTRACT"] == H
    adjusted = stitch(multiple).dropna()
    assert set(adjusted.diff().dropna()) <= {0.0, 1.0}
    assert adjusted.iloc[-1] == BARS[U]["close"].iloc[-1]


def test_the_calendar_is_backed_out_of_the_prices_that_it_gave() -> None:
    """There and back."""
    calendar = built(BARS).rolls
    pd.testing.assert_frame_equal(back_out(multiple_from_calendar(calendar, BARS)), calendar, check_freq=False)


def test_a_roll_without_common_prices_before_it_is_put_off() -> None:
    """It is made just after the first stamp that both have."""
    calendar = built(BARS).rolls
    late = {**BARS, M: bars(at(3, 12), at(6, 15), 200)}
    multiple = multiple_from_calendar(calendar, late)
    assert back_out(multiple).index[0] == at(3, 12) + SECOND
    assert set(stitch(multiple).dropna().diff().dropna()) <= {0.0, 1.0}


def test_a_roll_at_the_first_common_stamp_is_put_off_too() -> None:
    """The old contract needs a row with both prices, and the row at a roll's stamp is the new contract's."""
    calendar = built(BARS).rolls
    late = {**BARS, M: bars(at(3, 8), at(6, 15), 200)}
    rolls = calendar.set_axis(pd.DatetimeIndex([at(3, 8), *calendar.index[1:]]))
    multiple = multiple_from_calendar(rolls, late)
    assert back_out(multiple).index[0] == at(3, 8) + SECOND
    assert set(stitch(multiple).dropna().diff().dropna()) <= {0.0, 1.0}


def test_a_roll_is_due_when_prices_reach_its_desired_date() -> None:
    """Not before: until then the calendar ends with the contract that would be left."""
    midnight = {H: bars(at(1, 2, 0), at(3, 11, 0), 100), M: bars(at(2, 1, 0), at(3, 11, 0), 200)}
    assert list(built(midnight).rolls["current_contract"]) == [H, M]
    before = {name: frame[:-1] for name, frame in midnight.items()}
    assert list(built(before).rolls["current_contract"]) == [H]


def test_a_calendar_that_prices_cannot_follow_is_a_data_error() -> None:
    """It names the contracts."""
    calendar = built(BARS).rolls
    with pytest.raises(DataError, match="20240300 and 20240600 have no prices at one stamp"):
        multiple_from_calendar(calendar, {**BARS, M: bars(at(4, 1), at(6, 15), 200)})
    with pytest.raises(DataError, match="20240300 is left for 20240600, its next is 20240900"):
        multiple_from_calendar(calendar.assign(next_contract=U), BARS)
    with pytest.raises(DataError, match="first contract of the roll calendar"):
        multiple_from_calendar(calendar, {M: BARS[M]})


def test_nothing_gives_nothing() -> None:
    """An empty series has an empty calendar, and the other way round."""
    empty = back_out(empty_multiple())
    assert empty.empty
    assert multiple_from_calendar(empty, BARS).empty
