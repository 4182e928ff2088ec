"""Roll states: the whole table of changes, state by state, with and without a position."""

from itertools import product

import pytest

from sysproduction.domain.errors import Refused
from sysproduction.domain.roll_states import TRANSITIONS, RollState, after_roll, allowed, change

# Letters: No_Roll, Passive, Force, force_Outright, Close, nO_open as X, roll_Adjusted; the recommended first.
LETTERS = dict(zip("NPFOCXA", RollState, strict=True))
FLAT = {"N": "APNX", "P": "APNX", "F": "AP", "O": "AP", "C": "AP", "X": "APNX", "A": "N"}
HELD = {"N": "PFOCNX", "P": "FOCPNX", "F": "FOCPNX", "O": "OFCPNX", "C": "CFOPNX", "X": "PFOCNX", "A": "N"}
POSITIONS = (0, 1, -1, 250)


def expected(state: str, position: int) -> tuple[RollState, ...]:
    return tuple(LETTERS[letter] for letter in (HELD if position else FLAT)[state])


@pytest.mark.parametrize(("state", "position", "to"), list(product(LETTERS, POSITIONS, LETTERS)))
def test_every_change_is_allowed_or_refused_as_the_table_says(state: str, position: int, to: str) -> None:
    """The state asked for comes back if it may follow; else a reason that names what may."""
    outcome = change(LETTERS[state], LETTERS[to], position=position)
    following = expected(state, position)
    assert allowed(LETTERS[state], position) == following
    if LETTERS[to] in following:
        assert outcome is LETTERS[to]
    else:
        assert isinstance(outcome, Refused)
        assert f"{LETTERS[to]} cannot follow {LETTERS[state]}" in outcome.reason
        assert outcome.reason.endswith(", ".join(following))


def test_the_table_knows_every_state_with_and_without_a_position() -> None:
    """No state is a dead end, and none is listed twice."""
    assert set(TRANSITIONS) == set(product(RollState, (False, True)))
    assert all(following and len(set(following)) == len(following) for following in TRANSITIONS.values())


@pytest.mark.parametrize("state", RollState)
def test_prices_are_never_rolled_under_a_position(state: RollState) -> None:
    """No sequence of changes enters Roll_Adjusted while the priced contract is held."""
    assert RollState.ROLL_ADJUSTED not in allowed(state, -3)
    refused = change(state, RollState.ROLL_ADJUSTED, position=-3)
    assert isinstance(refused, Refused)
    if state is not RollState.ROLL_ADJUSTED:
        assert "holds -3" in refused.reason


@pytest.mark.parametrize("state", RollState)
def test_a_roll_that_succeeds_ends_in_no_roll_and_one_that_fails_where_it_began(state: RollState) -> None:
    """Nothing is left in Roll_Adjusted."""
    assert after_roll(state, succeeded=True) is RollState.NO_ROLL
    expected = RollState.NO_ROLL if state is RollState.ROLL_ADJUSTED else state
    assert after_roll(state, succeeded=False) is expected


def test_what_states_do_to_orders() -> None:
    """Three states trade the position away; three let strategies only reduce theirs."""
    assert {state.value for state in RollState if state.is_forced} == {"Force", "Force_Outright", "Close"}
    assert {state.value for state in RollState if state.reduces_only} == {"No_Open", "Force", "Force_Outright"}
