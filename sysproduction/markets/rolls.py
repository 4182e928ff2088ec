"""Roll prices so that a crash at any write leaves the old series or the new ones, and a state that agrees."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from sysproduction.domain.errors import Conflict, DataError, Refused
from sysproduction.domain.multiple_prices import COLUMNS, JUST_AFTER, PRICE_COLUMNS, Extended, rolls_of
from sysproduction.domain.panama import stitch
from sysproduction.domain.results import Problem, ProblemKind
from sysproduction.domain.roll_policies import RollPolicies
from sysproduction.domain.roll_rules import (
    VOLUME_DAYS,
    RollFacts,
    RollRule,
    Suggestion,
    average_volume,
    relative_volume,
    suggest,
)
from sysproduction.domain.roll_states import RollState, after_roll, change
from sysproduction.domain.rolling import Rolled, roll
from sysproduction.domain.rolls import (
    Roll,
    approximate_expiry,
    carry_contract,
    desired_roll_date,
    next_held,
)
from sysproduction.markets.items import last_stamp
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from sysproduction.stores.roll_states import RollChange, RollIntent, RollStanding, RollStates, next_number

OLDEST: Final = timedelta(days=10)
"""How old, before the last row, the prices may be on which a roll is made, if nobody says otherwise."""

SILENT_DAYS: Final = 3
"""A priced contract that has no price on so many business days, while its forward has, has stopped trading."""

FEED: Final = "feed"
RULE: Final = "automatic rule"


def nothing_held(instrument: str) -> int:  # noqa: ARG001 (no orders, no positions)
    """The position in the priced contract where nothing trades."""
    return 0


@dataclass(frozen=True, slots=True)
class RollDesk:
    """Everything that rolling reads and writes; `position` tells what is held in an instrument's priced contract.

    Whoever reads multiple prices and writes what follows from them does both inside `turn` of the instrument, so that
    an update and a roll that meet come one after the other; turns do not nest.
    """

    instruments: Instruments
    contracts: Contracts
    prices: Prices
    states: RollStates
    policies: RollPolicies
    position: Callable[[str], int] = nothing_held
    turn: Callable[[str], AbstractContextManager[object]] = nullcontext


def prepare_roll(
    desk: RollDesk, instrument: str, *, infer: bool = False, oldest: timedelta = OLDEST
) -> Rolled | Refused:
    """What a roll just after the last row would make of the series; writes nothing."""
    multiple = desk.prices.multiple(instrument)
    if multiple.empty:
        return Refused(f"{instrument} has no multiple prices to roll; build or import them first")
    parameters = desk.instruments.get(instrument).roll_parameters
    stamp = multiple.index[-1].to_pydatetime() + JUST_AFTER
    forward = str(multiple["FORWARD_CONTRACT"].iloc[-1])
    wanted = {next_held(forward, parameters), carry_contract(forward, parameters)}
    since = stamp - oldest - JUST_AFTER
    closes = {contract: desk.prices.bars(instrument, contract, start=since)["close"] for contract in sorted(wanted)}
    return roll(multiple, parameters=parameters, stamp=stamp, closes=closes, infer=infer, oldest=oldest)


def may_roll(desk: RollDesk, standing: RollStanding) -> Refused | None:
    """Why state or position forbid to roll the prices; None if they do not."""
    permitted = change(standing.state, RollState.ROLL_ADJUSTED, position=desk.position(standing.instrument))
    return permitted if isinstance(permitted, Refused) else None


def roll_instrument(
    desk: RollDesk,
    instrument: str,
    *,
    by: str,
    now: datetime,
    reasons: Sequence[str],
    infer: bool = False,
    oldest: timedelta = OLDEST,
) -> RollChange | Refused:
    """Make the forward contract the priced one just after the last row, in both series.

    The state's document is the journal: it holds the whole intent before anything else is written, and is closed
    after both series are. Refused, with nothing written, where the state, a position or the prices forbid it.
    """
    with desk.turn(instrument):
        return _roll(desk, instrument, by=by, now=now, reasons=reasons, infer=infer, oldest=oldest)


def _roll(
    desk: RollDesk,
    instrument: str,
    *,
    by: str,
    now: datetime,
    reasons: Sequence[str],
    infer: bool = False,
    oldest: timedelta = OLDEST,
) -> RollChange | Refused:
    standing = desk.states.get(instrument)
    prepared = may_roll(desk, standing) or prepare_roll(desk, instrument, infer=infer, oldest=oldest)
    if isinstance(prepared, Refused):
        return prepared
    intent = _intent(prepared, standing, by=by, at=now, reasons=reasons)
    try:
        return _finish(desk, desk.states.begin_roll(standing, intent), now)
    except Conflict:
        last = desk.states.get(instrument).last
        return last if last is not None and last.roll == intent.roll else _changed_meanwhile(instrument)


def recover_rolls(desk: RollDesk, now: datetime) -> list[RollChange]:
    """Finish every roll of prices that has begun, or give it up where the series went on without it.

    May run beside the program that rolls: whoever comes second finds the work done.
    """
    found = []
    for standing in desk.states.unfinished():
        try:
            with desk.turn(standing.instrument):
                done = _finish(desk, desk.states.get(standing.instrument), now)
        except Conflict:
            continue
        if isinstance(done, RollChange):
            found.append(done)
    return found


def facts_of(desk: RollDesk, instrument: str, now: datetime) -> RollFacts:
    """What is known of the instrument's next roll; DataError if it has no multiple prices."""
    in_use = desk.prices.last_contracts(instrument, now)
    if not in_use:
        raise DataError(f"{instrument} has no multiple prices: build, import or update them first")
    parameters = desk.instruments.get(instrument).roll_parameters
    price, forward = in_use["PRICE"], in_use["FORWARD"]
    expiries = {record.contract: record.expiry for record in desk.contracts.of(instrument)}
    expiry = expiries.get(price) or approximate_expiry(price, parameters)
    since = now - timedelta(days=VOLUME_DAYS)
    bars = [desk.prices.bars(instrument, contract, start=since) for contract in (price, forward)]
    return RollFacts(
        instrument=instrument,
        today=now.date(),
        price=price,
        forward=forward,
        carry=in_use["CARRY"],
        position=desk.position(instrument),
        days_to_roll=(desired_roll_date(price, parameters) - now.date()).days,
        days_to_expiry=(expiry - now.date()).days,
        relative_volume=relative_volume(*bars, now=now),
        absolute_volume=average_volume(bars[1], now=now),
    )


def suggestion_of(desk: RollDesk, instrument: str, now: datetime) -> tuple[RollFacts, Suggestion]:
    """What the automatic rule would do now, whatever the instrument's rule; DataError as facts_of.

    Besides what the facts suggest, prices roll as soon as the priced contract has stopped trading: waiting for the
    desired date would only lose prices.
    """
    facts = facts_of(desk, instrument, now)
    standing = desk.states.get(instrument)
    suggestion = suggest(facts, standing.state, desk.policies.of(instrument).thresholds)
    silence = _silence(desk.prices, facts, now)
    if silence is None:
        return facts, suggestion
    state = suggestion.state if may_roll(desk, standing) else RollState.ROLL_ADJUSTED
    return facts, Suggestion(state, (silence, *suggestion.reasons))


def _silence(prices: Prices, facts: RollFacts, now: datetime) -> str | None:
    recent = prices.multiple(facts.instrument, start=now - VOLUME_DAYS * timedelta(days=2))
    recent = recent.loc[recent["PRICE_CONTRACT"] == facts.price]
    price, forward = (last_stamp(recent[column].dropna().index) for column in ("PRICE", "FORWARD"))
    if price is None or forward is None or np.busday_count(price.date(), forward.date()) < SILENT_DAYS:
        return None
    return f"{facts.price} has no price after {price.isoformat()}, {facts.forward} has"


def set_state(
    desk: RollDesk, instrument: str, to: RollState, *, by: str, now: datetime, reasons: Sequence[str]
) -> RollChange | Refused:
    """Change the state as the table of transitions allows; Refused for Roll_Adjusted, which only a roll enters."""
    if to is RollState.ROLL_ADJUSTED:
        return Refused(f"{to} lasts while the prices of {instrument} are rolled: roll them")
    standing = desk.states.get(instrument)
    permitted = change(standing.state, to, position=desk.position(instrument))
    if isinstance(permitted, Refused):
        return permitted
    changed = RollChange(instrument, next_number(standing), now, by, standing.state, to, tuple(reasons))
    try:
        desk.states.change(standing, changed)
    except Conflict:
        return _changed_meanwhile(instrument)
    return changed


def act_on_suggestion(desk: RollDesk, instrument: str, now: datetime) -> RollChange | Refused | None:
    """Do what the automatic rule suggests; None if things stay as they are."""
    with desk.turn(instrument):
        return _act(desk, instrument, now)


def _act(desk: RollDesk, instrument: str, now: datetime) -> RollChange | Refused | None:
    _, suggestion = suggestion_of(desk, instrument, now)
    if suggestion.state is desk.states.get(instrument).state:
        return None
    if suggestion.state is RollState.ROLL_ADJUSTED:
        return _roll(desk, instrument, by=RULE, now=now, reasons=suggestion.reasons)
    return set_state(desk, instrument, suggestion.state, by=RULE, now=now, reasons=suggestion.reasons)


def before_writing(desk: RollDesk, seen: RollStanding, known: Sequence[Roll], first: datetime) -> None:
    """Before prices are extended from what was read under the standing `seen`: DataError if it changed since, for they
    may have been rolled. The first time, note which rolls were there before the history began."""
    standing = desk.states.get(seen.instrument)
    if standing.version != seen.version:
        raise DataError(f"{seen.instrument} was rolled, or its roll state changed, just now; the next run extends it")
    if standing.rolled_at is None:
        desk.states.begin_history(standing, known[-1].stamp if known else first)


def follow_up(desk: RollDesk, instrument: str, multiple: pd.DataFrame, now: datetime) -> tuple[Problem, ...]:
    """After prices were extended, in the same turn: explain rolls that the feed recorded, and let the automatic rule
    act."""
    _explain_recorded(desk, instrument, rolls_of(multiple), now)
    if desk.policies.of(instrument).rule is not RollRule.AUTOMATIC:
        return ()
    done = _act(desk, instrument, now)
    if isinstance(done, Refused):
        return (Problem(instrument, ProblemKind.MISSING, f"it is time to roll, but {done.reason}"),)
    return ()


def _explain_recorded(desk: RollDesk, instrument: str, rolls: Sequence[Roll], now: datetime) -> None:
    standing = desk.states.get(instrument)
    for before, new in pairwise(rolls):
        if standing.rolled_at is not None and new.stamp <= standing.rolled_at:
            continue
        reason = f"the feed records {new.price} instead of {before.price} from {new.stamp.isoformat()} on"
        if new.price == before.price:
            reason = f"the feed records other forward or carry contracts of {new.price} from {new.stamp.isoformat()} on"
        changed = RollChange(
            instrument,
            next_number(standing),
            now,
            FEED,
            standing.state,
            RollState.NO_ROLL,
            (reason,),
            roll=new,
            previous=before.price,
        )
        standing = desk.states.change(standing, changed)


def _changed_meanwhile(instrument: str) -> Refused:
    return Refused(f"the roll state of {instrument} was changed by somebody else meanwhile; look again")


def _intent(rolled: Rolled, standing: RollStanding, *, by: str, at: datetime, reasons: Sequence[str]) -> RollIntent:
    last, row = rolled.multiple.iloc[-2], rolled.multiple.iloc[-1]
    return RollIntent(
        roll=rolled.roll,
        previous=str(last["PRICE_CONTRACT"]),
        prices={column: None if np.isnan(row[column]) else float(row[column]) for column in PRICE_COLUMNS},
        inferred=rolled.inferred,
        last_row=rolled.multiple.index[-2].to_pydatetime(),
        began_in=standing.state,
        by=by,
        at=at,
        reasons=tuple(reasons),
    )


def _finish(desk: RollDesk, standing: RollStanding, now: datetime) -> RollChange | Refused:
    intent = standing.intent
    if intent is None:
        raise Conflict(f"no roll of {standing.instrument} has begun")
    multiple = _with_row(desk.prices, standing.instrument, intent)
    if isinstance(multiple, Refused):
        _give_up(desk.states, standing, intent, multiple, now)
        return multiple
    desk.prices.save_adjusted(standing.instrument, stitch(multiple))
    done = RollChange(
        standing.instrument,
        next_number(standing),
        intent.at,
        intent.by,
        intent.began_in,
        after_roll(intent.began_in, True),
        intent.reasons,
        roll=intent.roll,
        previous=intent.previous,
        inferred=intent.inferred,
    )
    desk.states.change(standing, done)
    return done


def _with_row(prices: Prices, instrument: str, intent: RollIntent) -> pd.DataFrame | Refused:
    """Multiple prices with the intent's row, stored; Refused if they went on without it."""
    multiple = prices.multiple(instrument)
    if _holds(multiple, intent):
        return multiple
    if multiple.empty or multiple.index[-1] != pd.Timestamp(intent.last_row):
        return _went_on(intent)
    row = _row(intent)
    longer = pd.concat([multiple, row])
    try:
        prices.save_multiple(instrument, Extended(longer, row, 1))
    except DataError:
        multiple = prices.multiple(instrument)
        return multiple if _holds(multiple, intent) else _went_on(intent)
    return longer


def _holds(multiple: pd.DataFrame, intent: RollIntent) -> bool:
    stamp = pd.Timestamp(intent.roll.stamp)
    return stamp in multiple.index and str(multiple.at[stamp, "PRICE_CONTRACT"]) == intent.roll.price


def _row(intent: RollIntent) -> pd.DataFrame:
    contracts = {
        "PRICE_CONTRACT": intent.roll.price,
        "CARRY_CONTRACT": intent.roll.carry,
        "FORWARD_CONTRACT": intent.roll.forward,
    }
    values = {column: np.nan if price is None else price for column, price in intent.prices.items()}
    frame = pd.DataFrame([values | contracts], index=pd.DatetimeIndex([intent.roll.stamp]), columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(PRICE_COLUMNS, float))


def _went_on(intent: RollIntent) -> Refused:
    return Refused(
        f"the roll from {intent.previous} to {intent.roll.price} was given up: prices after "
        f"{intent.last_row.isoformat()} were stored before it; ask for it again"
    )


def _give_up(states: RollStates, standing: RollStanding, intent: RollIntent, why: Refused, now: datetime) -> None:
    after = after_roll(intent.began_in, False)
    changed = RollChange(
        standing.instrument, next_number(standing), now, intent.by, intent.began_in, after, (why.reason,)
    )
    states.change(standing, changed)
