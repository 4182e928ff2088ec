"""Roll rules: who decides when an instrument rolls, and what the automatic rule suggests, with its reasons."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sysproduction.domain.roll_states import RollState, allowed

if TYPE_CHECKING:
    import pandas as pd

VOLUME_DAYS: Final = 14
"""Calendar days over which volumes are averaged."""


class RollRule(StrEnum):
    """Rolls happen as the feed recorded them, as `suggest` says, or only when an operator says so."""

    RECORDED = "recorded"
    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class RollFacts:
    """What is known of an instrument's roll on `today`. Days may be negative (past). `position` is in the priced
    contract. `relative_volume` is the forward contract's volume over the priced one's, `absolute_volume` its
    contracts a day; None where the source has no volumes."""

    instrument: str
    today: date
    price: str
    forward: str
    carry: str
    position: int
    days_to_roll: int
    days_to_expiry: int
    relative_volume: float | None
    absolute_volume: float | None


@dataclass(frozen=True, slots=True)
class RollThresholds:
    """The forward contract is liquid if its relative volume is above `relative_volume`, or above
    `relative_volume_min` with an absolute one above `absolute_volume`. The roll is near with fewer than
    `days_near` days left; a position is then rolled by `near_state`, or the operator is asked if that is None."""

    relative_volume: float = 1.0
    relative_volume_min: float = 0.01
    absolute_volume: float = 100.0
    days_near: int = 10
    near_state: RollState | None = RollState.FORCE


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The state that the automatic rule wants, one that may follow the present one; why, in sentences."""

    state: RollState
    reasons: tuple[str, ...]


def suggest(facts: RollFacts, state: RollState, thresholds: RollThresholds) -> Suggestion:
    """What the automatic rule makes of the facts, for an instrument in `state`.

    Without volumes the forward contract counts as ready from the desired roll date on. A forced roll is never
    withdrawn while a position is held, since an operator may have ordered it.
    """
    wanted, why = _wanted(facts, state, thresholds)
    reasons = (*_expiry(facts), *why)
    following = allowed(state, facts.position)
    if wanted in following:
        return Suggestion(wanted, reasons)
    instead = next(other for other in following if other is not RollState.ROLL_ADJUSTED)
    return Suggestion(instead, (*reasons, f"{instead} comes first, since {wanted} cannot follow {state}"))


def relative_volume(
    price_bars: "pd.DataFrame", forward_bars: "pd.DataFrame", *, now: datetime, days: int = VOLUME_DAYS
) -> float | None:
    """Volume of the forward contract over that of the priced one, of the `days` calendar days up to `now`.

    None if either has no volume to tell. A priced contract that traded nothing counts as having traded one.
    """
    price, forward = _traded(price_bars, now, days), _traded(forward_bars, now, days)
    return None if price is None or forward is None else forward / max(price, 1.0)


def average_volume(bars: "pd.DataFrame", *, now: datetime, days: int = VOLUME_DAYS) -> float | None:
    """Contracts a business day that traded in the `days` calendar days up to `now`; None if no bar tells.

    `bars` has the column `volume` and, where daily and intraday bars are mixed, the boolean `daily`: only daily
    ones count. A business day without a bar counts as one without trades.
    """
    traded = _traded(bars, now, days)
    return None if traded is None else traded * 7 / (days * 5)


def _traded(bars: "pd.DataFrame", now: datetime, days: int) -> float | None:
    daily = bars.loc[bars["daily"]] if "daily" in bars else bars
    recent = daily.loc[(daily.index > now - timedelta(days=days)) & (daily.index <= now), "volume"].dropna()
    return None if recent.empty else float(recent.sum())


def _wanted(facts: RollFacts, state: RollState, thresholds: RollThresholds) -> tuple[RollState, tuple[str, ...]]:
    if state is RollState.ROLL_ADJUSTED:
        return RollState.NO_ROLL, ("a roll of the prices was begun and has ended",)
    if state.is_forced and facts.position:
        return state, (f"{state} stands as long as {facts.price} holds a position ({facts.position})",)
    if facts.days_to_expiry < 0 and not facts.position:
        return RollState.ROLL_ADJUSTED, (f"nothing is held in {facts.price}",)
    ready, why = _forward_ready(facts, thresholds)
    wanted, then = _if_ready(facts, state, thresholds) if ready else _if_not_ready(facts, thresholds)
    return wanted, (*why, then)


def _expiry(facts: RollFacts) -> tuple[str, ...]:
    if facts.days_to_expiry >= 0:
        return ()
    held = f" while {facts.position} are held in it: see to them by hand" if facts.position else ""
    return (f"{facts.price} expired {_days(-facts.days_to_expiry)} ago{held}",)


def _forward_ready(facts: RollFacts, thresholds: RollThresholds) -> tuple[bool, tuple[str, ...]]:
    if facts.relative_volume is None:
        return facts.days_to_roll <= 0, ("no volume is known, so the calendar alone decides", _roll_date(facts))
    relative, absolute = facts.relative_volume, facts.absolute_volume
    liquid = relative > thresholds.relative_volume or (
        relative > thresholds.relative_volume_min and absolute is not None and absolute > thresholds.absolute_volume
    )
    daily = "an unknown number of" if absolute is None else f"{absolute:,.0f}"
    return liquid, (
        f"{facts.forward} is {'liquid' if liquid else 'not liquid yet'}: {relative:.3g} times the volume of "
        f"{facts.price}, {daily} contracts a day",
        _roll_date(facts),
    )


def _if_ready(facts: RollFacts, state: RollState, thresholds: RollThresholds) -> tuple[RollState, str]:
    if not facts.position:
        return RollState.ROLL_ADJUSTED, f"nothing is held in {facts.price}, so the prices can roll"
    if facts.days_to_roll >= thresholds.days_near:
        return RollState.PASSIVE, f"there is time to roll the position ({facts.position}) as it is traded"
    if thresholds.near_state is None:
        return state, f"{facts.position} are held: choose Force, Force_Outright or Close"
    return thresholds.near_state, f"there is no time left to roll the position ({facts.position}) as it is traded"


def _if_not_ready(facts: RollFacts, thresholds: RollThresholds) -> tuple[RollState, str]:
    if facts.relative_volume is not None and facts.days_to_roll < thresholds.days_near:
        return RollState.NO_OPEN, f"nothing more is to be opened in {facts.price} so near its roll"
    return RollState.NO_ROLL, "there is no reason to roll yet"


def _roll_date(facts: RollFacts) -> str:
    if facts.days_to_roll > 0:
        return f"the desired roll date is in {_days(facts.days_to_roll)}"
    return (
        f"the desired roll date was {_days(-facts.days_to_roll)} ago"
        if facts.days_to_roll
        else ("the desired roll date is today")
    )


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"
