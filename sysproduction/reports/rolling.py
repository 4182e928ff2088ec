"""Which instruments roll next, what is held in which contract, and how far volume has moved on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sysproduction.reports.report import Draft, Report, Row, ranked

NEAR_DAYS: Final = 10
ROLES: Final = ("priced", "forward", "carry")
COLUMNS: Final = (
    *("instrument", "status", "days_to_roll", "days_to_price_expiry", "days_to_carry_expiry"),
    *(f"contract_{role}" for role in ROLES),
    *(f"position_{role}" for role in ROLES),
    *("relative_volume", "absolute_volume"),
    *(f"volume_{role}" for role in ROLES),
)


@dataclass(frozen=True, slots=True)
class RollFacts:
    """Of one instrument; by role the contract, what is held in it, and its mean volume a day (None: none is told)."""

    instrument: str
    status: str
    roll_date: date
    expiries: Mapping[str, date]
    contracts: Mapping[str, str]
    positions: Mapping[str, int]
    volumes: Mapping[str, float | None]
    elsewhere: int = 0
    """Held in contracts that have none of the roles."""


def roll_report(facts: Sequence[RollFacts], missing: Sequence[str], at: datetime) -> Report:
    """Relative volume is the forward contract's over the priced one's; single volumes are shares of the largest."""
    draft = Draft("roll_report", "Rolls", at)
    draft.missing += missing
    if not facts and not missing:
        draft.missing.append("no instrument has multiple prices: import or update first")
    rows: list[Row] = []
    for one in facts:
        row = _row(one, at.date())
        rows.append(row)
        _judge(draft, one, (one.roll_date - at.date()).days, (one.expiries["priced"] - at.date()).days)
    if rows and not draft.findings:
        draft.fine(f"none of {len(rows)} instruments is near its roll with a position")
    draft.table("rolls", "By days to the roll", COLUMNS, ranked(rows, "days_to_roll", down=False))
    return draft.done()


def _judge(draft: Draft, one: RollFacts, days: int, to_expiry: int) -> None:
    held, name = one.positions["priced"], one.contracts["priced"]
    if to_expiry < 0:
        draft.warn(f"{one.instrument}: {name} has expired {-to_expiry} days ago, and prices have not rolled")
    elif held and days < NEAR_DAYS:
        draft.warn(f"{one.instrument}: {held:+d} {name} is held, {days} days to the roll (state {one.status})")
    elif days < 0:
        draft.note(f"{one.instrument}: {name} is {-days} days past its roll date (state {one.status})")
    if one.elsewhere:
        draft.warn(f"{one.instrument}: {one.elsewhere} contracts are held in deliveries that are not in use")


def _row(one: RollFacts, today: date) -> Row:
    priced, forward = one.volumes["priced"], one.volumes["forward"]
    relative = None if priced is None or forward is None else forward / max(priced, 1.0)
    largest = max((volume for volume in one.volumes.values() if volume is not None), default=0.0)
    shares = {role: None if volume is None or not largest else volume / largest for role, volume in one.volumes.items()}
    return {
        "instrument": one.instrument,
        "status": one.status,
        "days_to_roll": (one.roll_date - today).days,
        "days_to_price_expiry": (one.expiries["priced"] - today).days,
        "days_to_carry_expiry": (one.expiries["carry"] - today).days,
        **{f"contract_{role}": one.contracts[role] for role in ROLES},
        **{f"position_{role}": one.positions[role] for role in ROLES},
        "relative_volume": relative,
        "absolute_volume": forward,
        **{f"volume_{role}": shares[role] for role in ROLES},
    }
