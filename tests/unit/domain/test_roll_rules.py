"""The automatic roll rule."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.roll_rules import (
    RollFacts,
    RollThresholds,
    Suggestion,
    average_volume,
    relative_volume,
    suggest,
)
from sysproduction.domain.roll_states import RollState, allowed

USUAL = RollThresholds()
NOW = datetime(2024, 3, 15, 23, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "instrument": "CORN",
    "today": date(2024, 3, 1),
    "price": "20240300",
    "forward": "20240600",
    "carry": "20240600",
    "position": 0,
    "days_to_roll": 30,
    "days_to_expiry": 40,
    "relative_volume": 0.005,
    "absolute_volume": 5000.0,
}


def suggested(state: RollState = RollState.NO_ROLL, thresholds: RollThresholds = USUAL, **facts: Any) -> Suggestion:
    return suggest(RollFacts(**{**FACTS, **facts}), state, thresholds)


@pytest.mark.parametrize(
    ("relative", "absolute", "liquid"),
    [
        (1.01, 0.0, True),
        (1.0, 100.0, False),
        (0.02, 101.0, True),
        (0.01, 1e9, False),
        (2.0, None, True),
        (0.5, None, False),
    ],
)
def test_the_forward_contract_is_liquid_by_relative_or_by_both_volumes(
    relative: float, absolute: float | None, liquid: bool
) -> None:
    """Above 1, or above 0.01 with more than 100 contracts; a flat instrument then rolls, another waits."""
    found = suggested(relative_volume=relative, absolute_volume=absolute)
    assert found.state is (RollState.ROLL_ADJUSTED if liquid else RollState.NO_ROLL)
    assert ("is liquid" in found.reasons[0]) == liquid


@pytest.mark.parametrize(("days", "state"), [(10, RollState.PASSIVE), (9, RollState.FORCE), (-3, RollState.FORCE)])
def test_a_position_rolls_passively_until_the_roll_is_near(days: int, state: RollState) -> None:
    """From less than ten days before the desired roll date on it is forced."""
    assert suggested(position=2, days_to_roll=days, relative_volume=2.0).state is state


def test_how_a_position_is_rolled_at_the_end_is_configured() -> None:
    """By closing it, or by asking the operator: then the state stays."""
    near: dict[str, Any] = {"position": 2, "days_to_roll": 1, "relative_volume": 2.0}
    assert suggested(thresholds=RollThresholds(near_state=RollState.CLOSE), **near).state is RollState.CLOSE
    asked = suggested(RollState.PASSIVE, RollThresholds(near_state=None), **near)
    assert asked.state is RollState.PASSIVE
    assert "choose Force, Force_Outright or Close" in asked.reasons[-1]


@pytest.mark.parametrize("position", [0, 5])
def test_nothing_is_opened_near_the_roll_of_an_illiquid_forward(position: int) -> None:
    """No_Open within ten days, No_Roll before."""
    assert suggested(position=position, days_to_roll=9).state is RollState.NO_OPEN
    assert suggested(position=position, days_to_roll=10).state is RollState.NO_ROLL


def test_an_expired_contract_that_nobody_holds_is_left() -> None:
    """Whatever the volumes; on the day of expiry it still trades."""
    gone = suggested(days_to_roll=-5, days_to_expiry=-1)
    assert gone.state is RollState.ROLL_ADJUSTED
    assert gone.reasons[0] == "20240300 expired 1 day ago"
    assert suggested(days_to_roll=-5, days_to_expiry=0).state is RollState.NO_OPEN


def test_a_position_in_an_expired_contract_is_pointed_out() -> None:
    """It is never rolled over."""
    found = suggested(position=3, days_to_roll=-5, days_to_expiry=-2, relative_volume=None)
    assert found.state is RollState.FORCE
    assert found.reasons[0] == "20240300 expired 2 days ago while 3 are held in it: see to them by hand"


@pytest.mark.parametrize(
    ("days", "position", "state", "said"),
    [
        (1, 0, RollState.NO_ROLL, "is in 1 day"),
        (1, 4, RollState.NO_ROLL, "is in 1 day"),
        (0, 0, RollState.ROLL_ADJUSTED, "is today"),
        (-2, 0, RollState.ROLL_ADJUSTED, "was 2 days ago"),
        (0, 4, RollState.FORCE, "is today"),
    ],
)
def test_without_volumes_the_calendar_decides(days: int, position: int, state: RollState, said: str) -> None:
    """That no volume is known is said, and the forward is ready from the desired roll date on."""
    found = suggested(days_to_roll=days, position=position, relative_volume=None, absolute_volume=None)
    assert found.state is state
    assert found.reasons[0] == "no volume is known, so the calendar alone decides"
    assert said in found.reasons[1]
    assert not any("liquid" in reason or "contracts a day" in reason for reason in found.reasons)


@pytest.mark.parametrize("state", [RollState.FORCE, RollState.FORCE_OUTRIGHT, RollState.CLOSE])
def test_a_forced_roll_is_not_withdrawn(state: RollState) -> None:
    """It stands while a position is held; then the prices roll, or orders go to the forward contract."""
    assert suggested(state, position=1).state is state
    assert suggested(state, relative_volume=2.0).state is RollState.ROLL_ADJUSTED
    waiting = suggested(state)
    assert waiting.state is RollState.PASSIVE
    assert waiting.reasons[-1] == f"Passive comes first, since No_Roll cannot follow {state}"


@given(
    st.sampled_from(RollState),
    st.integers(-3, 3),
    st.integers(-20, 100),
    st.integers(-20, 100),
    st.none() | st.floats(0, 10),
    st.none() | st.floats(0, 1000),
    st.sampled_from([None, *RollState]),
)
def test_a_suggestion_is_always_possible_and_explained(
    state: RollState,
    position: int,
    roll: int,
    expiry: int,
    relative: float | None,
    absolute: float | None,
    near: RollState | None,
) -> None:
    """Whatever the facts, it may follow the present state and has reasons."""
    found = suggested(
        state,
        RollThresholds(near_state=near),
        position=position,
        days_to_roll=roll,
        days_to_expiry=expiry,
        relative_volume=relative,
        absolute_volume=absolute,
    )
    assert found.state in allowed(state, position)
    assert found.reasons
    assert all(found.reasons)


def bars(*volumes: float, daily: bool = True) -> pd.DataFrame:
    """Daily bars that end at NOW."""
    index = pd.DatetimeIndex([NOW - timedelta(days=back) for back in reversed(range(len(volumes)))], tz="UTC")
    return pd.DataFrame({"close": 1.0, "volume": volumes, "daily": daily}, index=index)


def test_relative_volume_is_the_ratio_over_two_weeks() -> None:
    """What both traded in the fourteen days up to now; bars without a volume and later bars do not count."""
    price, forward = bars(*[1e9] * 5, *[100.0] * 14), bars(50.0, np.nan, 250.0)
    assert relative_volume(price, forward, now=NOW) == pytest.approx(300 / 1400)
    assert relative_volume(price, forward, now=NOW - timedelta(days=1)) == pytest.approx(50 / (1300 + 1e9))
    assert average_volume(forward, now=NOW) == pytest.approx(30)


def test_no_volume_is_none() -> None:
    """NaN is not zero, and neither are no bars; zero trades are known."""
    price = bars(100.0)
    assert relative_volume(price, bars(np.nan, np.nan), now=NOW) is None
    assert relative_volume(bars(np.nan), price, now=NOW) is None
    assert relative_volume(price, bars(), now=NOW) is None
    assert relative_volume(price, bars(0.0), now=NOW) == 0
    assert relative_volume(bars(0.0), price, now=NOW) == 100
    assert average_volume(bars(np.nan), now=NOW) is None


def test_intraday_bars_are_not_counted_beside_daily_ones() -> None:
    """Their volume is in the daily bar already."""
    both = pd.concat([bars(100.0), bars(70.0, daily=False)])
    assert relative_volume(bars(100.0), both, now=NOW) == 1
    assert relative_volume(bars(100.0), bars(50.0)[["volume"]], now=NOW) == 0.5
