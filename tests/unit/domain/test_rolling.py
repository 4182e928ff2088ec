"""Rolling multiple and adjusted prices onto the forward contract."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.errors import Refused
from sysproduction.domain.multiple_prices import COLUMNS, PRICE_COLUMNS, empty_multiple, rolls_of
from sysproduction.domain.panama import stitch
from sysproduction.domain.rolling import Rolled, roll
from sysproduction.domain.rolls import Roll, RollParameters, carry_contract, next_held

QUARTERLY = RollParameters("HMUZ", "HMUZ", roll_offset_days=-5, carry_offset=1, expiry_offset=15)
BACKWARD = RollParameters("HMUZ", "FGHJKMNQUVXZ", roll_offset_days=-5, carry_offset=-1, expiry_offset=15)
START = datetime(2024, 3, 1, 23, tzinfo=UTC)
DAY = timedelta(days=1)
H, M, U = "20240300", "20240600", "20240900"


def frame(*rows: tuple[float, float, float], carry: str = M, contracts: tuple[str, str] = (H, M)) -> pd.DataFrame:
    """Rows of PRICE, CARRY, FORWARD from START on, a day apart."""
    prices = pd.DataFrame(rows, columns=list(PRICE_COLUMNS), dtype=float)
    prices.index = pd.DatetimeIndex([START + DAY * row for row in range(len(rows))])
    names = {"PRICE_CONTRACT": contracts[0], "CARRY_CONTRACT": carry, "FORWARD_CONTRACT": contracts[1]}
    return prices.assign(**names)


TWO = frame((100, 102, 102), (101, 103, 103))
AFTER = START + DAY + timedelta(seconds=1)


def rolled(multiple: pd.DataFrame = TWO, **changed: Any) -> Rolled:
    found = roll(multiple, **arguments(**changed))
    assert isinstance(found, Rolled), found
    return found


def refused(multiple: pd.DataFrame = TWO, **changed: Any) -> str:
    found = roll(multiple, **arguments(**changed))
    assert isinstance(found, Refused)
    return found.reason


def arguments(**changed: Any) -> dict[str, Any]:
    return {"parameters": QUARTERLY, "stamp": AFTER, "closes": {}, "infer": False, **changed}


def test_the_forward_contract_becomes_the_priced_one() -> None:
    """One row more, whose PRICE is the old FORWARD; what no bar gives is missing unless it is to be inferred."""
    found = rolled()
    row = found.multiple.iloc[-1]
    assert list(found.multiple.columns) == list(COLUMNS)
    assert found.multiple.index[-1] == AFTER
    assert (row["PRICE"], row["PRICE_CONTRACT"], row["FORWARD_CONTRACT"], row["CARRY_CONTRACT"]) == (103, M, U, U)
    assert row[["FORWARD", "CARRY"]].isna().all()
    assert found.inferred == ()
    assert found.roll == Roll(AFTER, price=M, forward=U, carry=U)
    assert rolls_of(found.multiple)[-1] == found.roll
    assert list(found.adjusted) == [102, 103, 103]
    pd.testing.assert_frame_equal(found.multiple.iloc[:-1], TWO, check_freq=False)
    assert rolled(TWO.rename_axis("stamp")).multiple.index.name == "stamp"


def test_missing_prices_are_inferred_only_where_asked() -> None:
    """The old spread of two for three months goes on."""
    found = rolled(infer=True)
    assert found.multiple[["FORWARD", "CARRY"]].iloc[-1].tolist() == [105, 105]
    assert found.inferred == ("FORWARD", "CARRY")


def test_prices_that_bars_give_are_not_inferred() -> None:
    """The last close since the row on which the roll is made, up to the roll; none from before or after."""
    index = pd.DatetimeIndex([START, START + DAY, AFTER + DAY])
    found = rolled(closes={U: pd.Series([1.0, 104.5, 9.0], index)}, infer=True)
    assert found.multiple[["FORWARD", "CARRY"]].iloc[-1].tolist() == [104.5, 104.5]
    assert found.inferred == ()
    stale = rolled(closes={U: pd.Series([1.0, np.nan], index[:2])}, infer=True)
    assert stale.inferred == ("FORWARD", "CARRY")


def test_a_carry_contract_that_was_priced_keeps_its_price() -> None:
    """The contract that was left may measure carry from now on."""
    monthly = RollParameters("FGHJKMNQUVXZ", "FGHJKMNQUVXZ", roll_offset_days=-5, carry_offset=-1, expiry_offset=15)
    months = frame((100, 99, 102), carry="20240200", contracts=(H, "20240400"))
    row = rolled(months, parameters=monthly, infer=True).multiple.iloc[-1]
    assert (row["CARRY_CONTRACT"], row["CARRY"]) == (H, 100)
    assert row["FORWARD"] == 104


def test_inference_counts_months() -> None:
    """A carry contract one month before the new priced one lies a third of the quarterly spread below it."""
    found = rolled(frame((100, 98, 103), carry="20240200"), parameters=BACKWARD, infer=True, stamp=AFTER)
    assert found.multiple["CARRY_CONTRACT"].iloc[-1] == "20240500"
    assert found.multiple["CARRY"].iloc[-1] == pytest.approx(102)
    assert found.multiple["FORWARD"].iloc[-1] == pytest.approx(106)


def test_nothing_to_roll_on_is_refused() -> None:
    """The last row has to have both prices; an older one only serves if that is allowed."""
    no_forward, nothing = frame((100, 102, 102), (101, 103, np.nan)), frame((np.nan, 102, np.nan))
    assert "has no FORWARD (20240600)" in refused(no_forward)
    assert "has no PRICE (20240300) and FORWARD (20240600)" in refused(nothing, oldest=DAY)
    assert "has no FORWARD" in refused(no_forward, oldest=DAY / 2)
    older = rolled(no_forward, oldest=DAY)
    assert older.multiple["PRICE"].iloc[-1] == 102
    assert list(older.adjusted) == [102, 103, 102]


def test_a_row_of_the_contract_before_is_nothing_to_roll_on() -> None:
    """However old a row is allowed to be."""
    just_rolled = rolled().multiple
    assert "nothing to roll on" in refused(just_rolled, stamp=AFTER + DAY, oldest=10 * DAY)


def test_a_forward_contract_out_of_the_cycle_is_refused() -> None:
    """As after an edit of the roll parameters."""
    yearly = RollParameters("H", "HMUZ", roll_offset_days=-5, carry_offset=1, expiry_offset=15)
    assert "the hold cycle H holds 20250300" in refused(parameters=yearly)


@pytest.mark.parametrize("early", [timedelta(0), DAY])
def test_a_stamp_that_is_not_later_is_refused(early: timedelta) -> None:
    """Stored rows never change contract."""
    assert "roll after that" in refused(stamp=START + DAY - early)


def test_no_prices_cannot_be_rolled() -> None:
    """They have to be built first."""
    assert "no multiple prices" in refused(empty_multiple())


def test_a_series_that_cannot_be_stitched_is_refused() -> None:
    """An earlier roll without a common row is named."""
    broken = pd.concat([frame((100, 102, np.nan)), frame((103, 104, 104), carry=U, contracts=(M, U))])
    broken.index = pd.DatetimeIndex([START, START + DAY])
    assert "cannot roll from 20240300 to 20240600" in refused(broken)


prices = st.floats(-1e4, 1e4, allow_nan=False).map(lambda price: round(price, 3))


@st.composite
def series(draw: st.DrawFn) -> tuple[pd.DataFrame, list[Rolled]]:
    """Multiple prices that grew by rows and rolls, and what each roll gave."""
    parameters, multiple, rolls, contract = QUARTERLY, empty_multiple(), list[Rolled](), H
    stamp = START
    for _ in range(draw(st.integers(1, 4))):
        forward, carry = next_held(contract, parameters), carry_contract(contract, parameters)
        gaps = draw(st.lists(st.tuples(prices | st.just(np.nan), prices, prices | st.just(np.nan)), max_size=4))
        rows = frame(*gaps, (draw(prices), draw(prices), draw(prices)), carry=carry, contracts=(contract, forward))
        rows.index = pd.DatetimeIndex([stamp + DAY * number for number in range(len(rows))])
        multiple = pd.concat([multiple, rows]) if len(multiple) else rows
        stamp = rows.index[-1].to_pydatetime() + timedelta(seconds=1)
        made = roll(multiple, parameters=parameters, stamp=stamp, closes={}, infer=draw(st.booleans()))
        assert isinstance(made, Rolled), made
        multiple, contract, stamp = made.multiple, forward, stamp + DAY
        rolls.append(made)
    return multiple, rolls


@given(series())
def test_differences_within_a_contract_are_preserved(made: tuple[pd.DataFrame, list[Rolled]]) -> None:
    """Between rows of one contract the adjusted price moves as the contract does; its NaN are PRICE's."""
    multiple, rolls = made
    adjusted = rolls[-1].adjusted
    same = (multiple["PRICE_CONTRACT"] == multiple["PRICE_CONTRACT"].shift()).to_numpy()
    np.testing.assert_allclose(adjusted.diff()[same], multiple["PRICE"].diff()[same], rtol=0, atol=1e-8)
    np.testing.assert_array_equal(adjusted.isna(), multiple["PRICE"].isna())


@given(series())
def test_after_the_last_roll_adjusted_is_the_price(made: tuple[pd.DataFrame, list[Rolled]]) -> None:
    """To the bit."""
    multiple, rolls = made
    last = multiple["PRICE_CONTRACT"] == multiple["PRICE_CONTRACT"].iloc[-1]
    np.testing.assert_array_equal(rolls[-1].adjusted[last], multiple.loc[last, "PRICE"])


@given(series())
def test_stitching_is_idempotent(made: tuple[pd.DataFrame, list[Rolled]]) -> None:
    """The stitched series as the PRICE of one contract is stitched to itself; stitching changes nothing it reads."""
    multiple, rolls = made
    before = multiple.copy()
    adjusted = rolls[-1].adjusted
    once = pd.DataFrame({"PRICE": adjusted, "FORWARD": np.nan, "PRICE_CONTRACT": H})
    pd.testing.assert_series_equal(stitch(once), adjusted)
    pd.testing.assert_series_equal(stitch(multiple), adjusted)
    pd.testing.assert_frame_equal(multiple, before)


@given(series())
def test_a_roll_shifts_what_was_adjusted_by_its_spread_and_does_not_move_the_price(
    made: tuple[pd.DataFrame, list[Rolled]],
) -> None:
    """Rolling then stitching equals stitching the longer frame: all that came before by the roll's gap."""
    multiple, rolls = made
    old = multiple.iloc[:-1]
    gap = old["FORWARD"].iloc[-1] - old["PRICE"].iloc[-1]
    np.testing.assert_allclose(rolls[-1].adjusted.iloc[:-1], stitch(old) + gap, rtol=0, atol=1e-8)
    assert rolls[-1].adjusted.iloc[-1] == pytest.approx(rolls[-1].adjusted.iloc[-2], abs=1e-8)


@given(series())
def test_every_roll_is_seen_in_the_rows(made: tuple[pd.DataFrame, list[Rolled]]) -> None:
    """The rolls that stored prices show are those that were made, at their stamps."""
    multiple, rolls = made
    assert rolls_of(multiple)[1:] == [each.roll for each in rolls]
