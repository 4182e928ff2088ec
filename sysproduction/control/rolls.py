"""Rolls as an operator sees and steers them: where each instrument stands, what to do, and how it is set up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd

from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.roll_calendars import back_out
from sysproduction.domain.roll_rules import RollRule
from sysproduction.domain.roll_states import RollState, allowed
from sysproduction.domain.rolls import (
    RollParameters,
    approximate_expiry,
    carry_contract,
    contracts_at,
    desired_roll_date,
    next_held,
    next_priced,
)
from sysproduction.markets.rolls import (
    OLDEST,
    RollDesk,
    act_on_suggestion,
    may_roll,
    prepare_roll,
    roll_instrument,
    set_state,
    suggestion_of,
)
from sysproduction.stores.instruments import Edit
from sysproduction.stores.roll_states import RollChange

COMING: Final = 6
"""How many coming contracts an edit of roll parameters shows."""


@dataclass(frozen=True, slots=True)
class RollStatus:
    """One line of `roll status`; the state may change to `allowed`, the recommended one first."""

    instrument: str
    rule: RollRule
    state: RollState
    since: datetime | None
    price: str
    forward: str
    carry: str
    position: int
    roll_date: date
    days_to_roll: int
    allowed: tuple[RollState, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RollAdvice:
    """What the automatic rule makes of an instrument; `done` what came of it: nothing, a change, or why not."""

    instrument: str
    rule: RollRule
    state: RollState
    suggested: RollState
    reasons: tuple[str, ...]
    relative_volume: float | None
    absolute_volume: float | None
    done: str = ""


@dataclass(frozen=True, slots=True)
class ParameterEdit:
    """What other roll parameters would mean: the coming contracts (rows contract, carry, expiry, roll_date) before
    and after, and what they contradict of the contracts in force."""

    instrument: str
    before: RollParameters
    after: RollParameters
    coming_before: tuple[dict[str, Any], ...]
    coming_after: tuple[dict[str, Any], ...]
    contradictions: tuple[str, ...]


def rolling(desk: RollDesk, instruments: Sequence[str] | None = None) -> list[str]:
    """Codes of these instruments (DataError for an unknown one), or of all that have multiple prices."""
    if instruments:
        return [desk.instruments.get(code).instrument.code for code in instruments]
    return sorted(set(desk.instruments.codes()) & set(desk.prices.instruments()))


def status(desk: RollDesk, instruments: Sequence[str], now: datetime) -> list[RollStatus]:
    """Where these instruments stand; DataError if one has no multiple prices."""
    return [_status(desk, instrument, now) for instrument in instruments]


def _status(desk: RollDesk, instrument: str, now: datetime) -> RollStatus:
    in_use = desk.prices.last_contracts(instrument, now)
    if not in_use:
        raise DataError(f"{instrument} has no multiple prices: build, import or update them first")
    standing, position = desk.states.get(instrument), desk.position(instrument)
    desired = desired_roll_date(in_use["PRICE"], desk.instruments.get(instrument).roll_parameters)
    return RollStatus(
        instrument=instrument,
        rule=desk.policies.of(instrument).rule,
        state=standing.state,
        since=standing.last.at if standing.last else None,
        price=in_use["PRICE"],
        forward=in_use["FORWARD"],
        carry=in_use["CARRY"],
        position=position,
        roll_date=desired,
        days_to_roll=(desired - now.date()).days,
        allowed=allowed(standing.state, position),
        reasons=standing.last.reasons if standing.last else (),
    )


def advise(desk: RollDesk, instruments: Sequence[str], now: datetime) -> list[RollAdvice]:
    """What the automatic rule suggests for these instruments, whatever their rule."""
    return [_advice(desk, instrument, now) for instrument in instruments]


def _advice(desk: RollDesk, instrument: str, now: datetime) -> RollAdvice:
    facts, suggestion = suggestion_of(desk, instrument, now)
    return RollAdvice(
        instrument=instrument,
        rule=desk.policies.of(instrument).rule,
        state=desk.states.get(instrument).state,
        suggested=suggestion.state,
        reasons=suggestion.reasons,
        relative_volume=facts.relative_volume,
        absolute_volume=facts.absolute_volume,
    )


def act(desk: RollDesk, instruments: Sequence[str], now: datetime, *, dry_run: bool) -> list[RollAdvice]:
    """Do what the automatic rule suggests for these instruments; with `dry_run` only say what that would be."""
    advices = advise(desk, instruments, now)
    return [replace(advice, done=_would_do(desk, advice) if dry_run else _do(desk, advice, now)) for advice in advices]


def automatic(desk: RollDesk, instruments: Sequence[str]) -> list[str]:
    """Those whose rule is automatic."""
    return [code for code in instruments if desk.policies.of(code).rule is RollRule.AUTOMATIC]


def _do(desk: RollDesk, advice: RollAdvice, now: datetime) -> str:
    done = act_on_suggestion(desk, advice.instrument, now)
    if isinstance(done, Refused):
        return f"refused: {done.reason}"
    return "nothing to do" if done is None else described(done)


def _would_do(desk: RollDesk, advice: RollAdvice) -> str:
    if advice.suggested is advice.state:
        return "nothing to do"
    if advice.suggested is not RollState.ROLL_ADJUSTED:
        return f"would set {advice.suggested}"
    prepared = prepare_roll(desk, advice.instrument)
    if isinstance(prepared, Refused):
        return f"would be refused: {prepared.reason}"
    return f"would roll to {prepared.roll.price} at {prepared.roll.stamp.isoformat()}"


def described(change: RollChange) -> str:
    """What was done, in words."""
    if change.roll is None or change.previous is None:
        return f"set {change.after}"
    inferred = f", {' and '.join(change.inferred)} inferred" if change.inferred else ""
    return f"rolled from {change.previous} to {change.roll.price} at {change.roll.stamp.isoformat()}{inferred}"


def wanted_state(word: str) -> RollState | None:
    """The state of this name, however it is capitalised and joined; None if there is none."""
    plain = word.replace("-", "_").lower()
    return next((state for state in RollState if state.lower() == plain), None)


def set_roll_state(
    desk: RollDesk,
    instrument: str,
    to: RollState,
    *,
    by: str,
    now: datetime,
    why: str,
    infer: bool = False,
    oldest: timedelta = OLDEST,
) -> RollChange | Refused:
    """Change an instrument's state by an operator's word; to Roll_Adjusted rolls its prices."""
    desk.instruments.get(instrument)
    if to is RollState.ROLL_ADJUSTED:
        return roll_instrument(desk, instrument, by=by, now=now, reasons=(why,), infer=infer, oldest=oldest)
    return set_state(desk, instrument, to, by=by, now=now, reasons=(why,))


def preview_roll(
    desk: RollDesk, instrument: str, *, infer: bool = False, oldest: timedelta = OLDEST, rows: int = 6
) -> pd.DataFrame | Refused:
    """The last rows of both series as a roll would leave them (adjusted prices in the column ADJUSTED)."""
    desk.instruments.get(instrument)
    prepared = may_roll(desk, desk.states.get(instrument)) or prepare_roll(desk, instrument, infer=infer, oldest=oldest)
    if isinstance(prepared, Refused):
        return prepared
    return prepared.multiple.assign(ADJUSTED=prepared.adjusted).tail(rows)


def preview_parameters(
    desk: RollDesk, instrument: str, changes: Mapping[str, Any], now: datetime
) -> ParameterEdit | Refused:
    """What roll parameters with these `changes` (by field) would mean; Refused if they make no sense at all."""
    before = desk.instruments.get(instrument).roll_parameters
    after = replace(before, **changes)
    if after.carry_offset not in (-1, 1):
        return Refused(f"carry offset {after.carry_offset}: must be -1 (previous contract) or 1 (next contract)")
    in_use = desk.prices.last_contracts(instrument, now)
    price = in_use.get("PRICE") or contracts_at(now.date(), before)[0]
    return ParameterEdit(
        instrument=instrument,
        before=before,
        after=after,
        coming_before=_coming(price, before),
        coming_after=_coming(price, after),
        contradictions=tuple(_contradictions(in_use, after)) if in_use else (),
    )


def edit_parameters(
    desk: RollDesk, edit: ParameterEdit, *, by: str, now: datetime, why: str, sure: bool
) -> Refused | None:
    """Store edited roll parameters; refused if they contradict the contracts in force, unless the operator is sure."""
    if edit.contradictions and not sure:
        return Refused(
            f"the roll parameters of {edit.instrument} would contradict the contracts in force: "
            f"{'; '.join(edit.contradictions)}; say --yes to store them all the same"
        )
    desk.instruments.edit(edit.instrument, edit.after, Edit(by, now, why))
    return None


def _coming(price: str, parameters: RollParameters) -> tuple[dict[str, Any], ...]:
    contracts = [price]
    while len(contracts) < COMING:
        contracts.append(next_held(contracts[-1], parameters))
    return tuple(
        {
            "contract": contract,
            "carry": carry_contract(contract, parameters),
            "expiry": approximate_expiry(contract, parameters),
            "roll_date": desired_roll_date(contract, parameters),
        }
        for contract in contracts
    )


def _contradictions(in_use: Mapping[str, str], parameters: RollParameters) -> list[str]:
    price, forward, carry = in_use["PRICE"], in_use["FORWARD"], in_use["CARRY"]
    cycle = replace(parameters, hold_cycle=parameters.priced_cycle)
    found = [
        f"{month} of the hold cycle {parameters.hold_cycle} is not in the priced cycle {parameters.priced_cycle}"
        for month in sorted(set(parameters.hold_cycle) - set(parameters.priced_cycle))
    ]
    if (following := next_held(price, parameters)) != forward:
        found.append(f"after {price} comes {following}, but {forward} is the forward contract")
    if (wanted := carry_contract(price, parameters)) != carry:
        found.append(f"carry of {price} is measured against {wanted}, but {carry} is the carry contract")
    if next_priced(_before(price), cycle) != price:
        found.append(f"{price}, which is priced now, is not in the priced cycle {parameters.priced_cycle}")
    return found


def _before(contract: str) -> str:
    """The month before, whatever the cycle."""
    year, month = int(contract[:4]), int(contract[4:6])
    return f"{year - (month == 1):04d}{12 if month == 1 else month - 1:02d}00"


def calendar_of(desk: RollDesk, instrument: str) -> pd.DataFrame:
    """The roll calendar that stored multiple prices show; DataError if there are none."""
    desk.instruments.get(instrument)
    rolls = back_out(desk.prices.multiple(instrument))
    if rolls.empty:
        raise DataError(f"{instrument} has no multiple prices: build, import or update them first")
    return rolls


def history_rows(changes: Sequence[RollChange]) -> list[dict[str, Any]]:
    """Changes as rows to show."""
    rows = []
    for entry in changes:
        row = asdict(entry)
        roll = row.pop("roll") or {}
        rows.append(row | {"rolled_to": roll.get("price"), "roll_stamp": roll.get("stamp")})
    return rows
