"""Roll states: what an instrument may do about its next roll, and which change of mind is allowed when."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sysproduction.domain.errors import Refused


class RollState(StrEnum):
    """How orders of an instrument treat its priced and its forward contract.

    Passive opens in the forward contract and closes in the priced one. Force rolls the position with one spread
    order, Force_Outright with two orders, Close by closing it. No_Open lets positions only shrink. Roll_Adjusted
    lasts while the prices are rolled.
    """

    NO_ROLL = "No_Roll"
    PASSIVE = "Passive"
    FORCE = "Force"
    FORCE_OUTRIGHT = "Force_Outright"
    CLOSE = "Close"
    NO_OPEN = "No_Open"
    ROLL_ADJUSTED = "Roll_Adjusted"

    @property
    def is_forced(self) -> bool:
        """Whether the position in the priced contract is to be traded away at once."""
        return self in _FORCED

    @property
    def reduces_only(self) -> bool:
        """Whether a strategy's orders are traded only as far as they reduce its position.

        Not true of Close and Roll_Adjusted, in which no order of a strategy is traded at all.
        """
        return self in (RollState.NO_OPEN, RollState.FORCE, RollState.FORCE_OUTRIGHT)


_NO_ROLL, _PASSIVE, _FORCE, _OUTRIGHT, _CLOSE, _NO_OPEN, _ADJUSTED = RollState
_FORCED: Final = (_FORCE, _OUTRIGHT, _CLOSE)

TRANSITIONS: Final[Mapping[tuple[RollState, bool], tuple[RollState, ...]]] = {
    (_NO_ROLL, False): (_ADJUSTED, _PASSIVE, _NO_ROLL, _NO_OPEN),
    (_NO_ROLL, True): (_PASSIVE, *_FORCED, _NO_ROLL, _NO_OPEN),
    (_PASSIVE, False): (_ADJUSTED, _PASSIVE, _NO_ROLL, _NO_OPEN),
    (_PASSIVE, True): (*_FORCED, _PASSIVE, _NO_ROLL, _NO_OPEN),
    (_FORCE, False): (_ADJUSTED, _PASSIVE),
    (_FORCE, True): (_FORCE, _OUTRIGHT, _CLOSE, _PASSIVE, _NO_ROLL, _NO_OPEN),
    (_OUTRIGHT, False): (_ADJUSTED, _PASSIVE),
    (_OUTRIGHT, True): (_OUTRIGHT, _FORCE, _CLOSE, _PASSIVE, _NO_ROLL, _NO_OPEN),
    (_CLOSE, False): (_ADJUSTED, _PASSIVE),
    (_CLOSE, True): (_CLOSE, _FORCE, _OUTRIGHT, _PASSIVE, _NO_ROLL, _NO_OPEN),
    (_NO_OPEN, False): (_ADJUSTED, _PASSIVE, _NO_ROLL, _NO_OPEN),
    (_NO_OPEN, True): (_PASSIVE, *_FORCED, _NO_ROLL, _NO_OPEN),
    (_ADJUSTED, False): (_NO_ROLL,),
    (_ADJUSTED, True): (_NO_ROLL,),
}
"""States that may follow, the recommended one first, by state and whether the priced contract has a position."""


def allowed(state: RollState, position: int) -> tuple[RollState, ...]:
    """States that may follow while `position` is held in the priced contract; the first is recommended."""
    return TRANSITIONS[state, position != 0]


def change(state: RollState, to: RollState, *, position: int) -> RollState | Refused:
    """`to`, if it may follow `state` while `position` is held in the priced contract."""
    following = allowed(state, position)
    if to in following:
        return to
    return Refused(f"roll state {to} cannot follow {state}: {_why(state, to, position)}; possible: {_list(following)}")


def after_roll(state: RollState, succeeded: bool) -> RollState:
    """The state once a roll of prices has ended that began in `state`: as before, if it failed."""
    return RollState.NO_ROLL if succeeded or state is RollState.ROLL_ADJUSTED else state


def _why(state: RollState, to: RollState, position: int) -> str:
    if state is RollState.ROLL_ADJUSTED:
        return "its prices are being rolled"
    if to is RollState.ROLL_ADJUSTED:
        return f"prices are rolled only when nothing is held in the priced contract, which holds {position}"
    if to.is_forced:
        return "nothing is held in the priced contract, so there is no position to roll or close"
    return "nothing is held in the priced contract any more, so the roll that was begun goes on"


def _list(states: tuple[RollState, ...]) -> str:
    return ", ".join(states)
