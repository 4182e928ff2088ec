"""Roll calendars: when a series left each contract, backed out of prices or built for a new instrument."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from sysproduction.domain.contracts import cycle_months, delivery
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.multiple_prices import JUST_AFTER, empty_multiple, extend
from sysproduction.domain.panama import contract_starts
from sysproduction.domain.rolls import Roll, RollParameters, carry_contract, desired_roll_date, next_held

CALENDAR_COLUMNS: Final = ("current_contract", "next_contract", "carry_contract")


@dataclass(frozen=True, slots=True)
class RollCalendar:
    """`rolls`: a row for each contract that was priced, by the stamp (aware UTC) of the first row of its successor,
    for the last contract by the last stamp; strings current_contract, next_contract, carry_contract.
    `left_out`: why the calendar does not begin earlier, in sentences."""

    rolls: pd.DataFrame
    left_out: tuple[str, ...]


class Contracts(NamedTuple):
    """The contracts of one row of a calendar."""

    current: str
    next: str
    carry: str


def back_out(multiple: pd.DataFrame) -> pd.DataFrame:
    """The rolls (layout of RollCalendar.rolls) that multiple prices show; empty if they are.

    Forward and carry contract are those of the last row before the roll.
    """
    if multiple.empty:
        return _frame([], [])
    starts = contract_starts(multiple["PRICE_CONTRACT"].to_numpy())
    last = len(multiple) - 1
    stamps, before = np.append(starts, last), np.append(starts - 1, last)
    names = multiple[["PRICE_CONTRACT", "FORWARD_CONTRACT", "CARRY_CONTRACT"]].iloc[before]
    return _frame(multiple.index[stamps], [tuple(map(str, row)) for row in names.to_numpy()])


def build_calendar(bars_by_contract: Mapping[str, pd.DataFrame], parameters: RollParameters) -> RollCalendar | Refused:
    """Rolls (bars: column `close`, aware UTC index) from each held contract to the next, up to the last bar.

    Each is made on the stamp nearest to the desired roll date (its midnight; the earlier of two) at which both
    contracts have prices and which is later than the roll before, and takes effect a second after it. Where there
    is no such stamp nothing before can be stitched: the calendar begins with the next contract and `left_out`
    says why. Refused if no contract of the hold cycle has a price.
    """
    closes = {name: bars["close"].dropna() for name, bars in bars_by_contract.items()}
    held = sorted(name for name, close in closes.items() if len(close) and _is_held(name, parameters))
    if not held:
        return Refused(f"no contract of the hold cycle {parameters.hold_cycle} has a price; bring prices first")
    end = max(close.index[-1] for close in closes.values() if len(close))
    rolls: list[tuple[str, pd.Timestamp]] = []
    left_out: list[str] = []
    last = held[0]
    while _desired(last, parameters) <= end and last != held[-1]:
        made = _best_stamp(last, closes, parameters, after=rolls[-1][1] if rolls else None)
        if made is None:
            left_out.append(_gap(last, parameters, rolls))
            rolls.clear()
            last = next(name for name in held if name > last)
        else:
            rolls.append((last, made + JUST_AFTER))
            last = next_held(last, parameters)
    return RollCalendar(_calendar(rolls, (last, _last_stamp(last, closes, parameters)), parameters), tuple(left_out))


def multiple_from_calendar(rolls: pd.DataFrame, bars_by_contract: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Multiple prices (layout of domain.multiple_prices) of a calendar's `rolls` from bars (column `close`).

    They begin with the first contract's first price and end with the last stamp of the calendar. A roll before
    which its two contracts have no prices at one stamp is put off until just after they do. Raises DataError where
    they never do, or a row's next_contract is not the following row's current_contract.
    """
    if rolls.empty:
        return empty_multiple()
    closes = {name: bars["close"].dropna() for name, bars in bars_by_contract.items()}
    made = list(_made(rolls, closes))
    return extend(empty_multiple(), closes, made, since=None, until=_moment(rolls.index[-1])).whole


def _made(rolls: pd.DataFrame, closes: Mapping[str, pd.Series]) -> Iterator[Roll]:
    contracts = [Contracts(*row) for row in rolls[list(CALENDAR_COLUMNS)].to_numpy()]
    first = closes.get(contracts[0].current)
    if first is None or first.empty:
        raise DataError(f"{contracts[0].current}, the first contract of the roll calendar, has no prices")
    start = first.index[0]
    yield _roll(start, contracts[0])
    for planned, old, new in zip(rolls.index, contracts, contracts[1:], strict=False):
        start = _made_at(old, new, closes, start=start, planned=planned)
        yield _roll(start, new)


def _made_at(
    old: Contracts, new: Contracts, closes: Mapping[str, pd.Series], *, start: pd.Timestamp, planned: pd.Timestamp
) -> pd.Timestamp:
    if old.next != new.current:
        raise DataError(f"roll calendar at {planned}: {old.current} is left for {new.current}, its next is {old.next}")
    common = _common(old.current, new.current, closes)
    common = common[common >= start]
    if common.empty:
        raise DataError(
            f"roll calendar at {planned}: from {start} on {old.current} and {new.current} have no prices at one stamp; "
            "bring a bar of each, or begin the calendar later"
        )
    return planned if common[0] < planned else common[0] + JUST_AFTER


def _roll(stamp: pd.Timestamp, contracts: Contracts) -> Roll:
    return Roll(_moment(stamp), price=contracts.current, forward=contracts.next, carry=contracts.carry)


def _best_stamp(
    contract: str, closes: Mapping[str, pd.Series], parameters: RollParameters, *, after: pd.Timestamp | None
) -> pd.Timestamp | None:
    """Where to leave `contract`: the common stamp nearest to the desired roll date."""
    common = _common(contract, next_held(contract, parameters), closes)
    common = common if after is None else common[common > after]
    if common.empty:
        return None
    return common[int(np.argmin(np.abs((common - _desired(contract, parameters)).to_numpy())))]


def _common(one: str, other: str, closes: Mapping[str, pd.Series]) -> pd.DatetimeIndex:
    if one not in closes or other not in closes:
        return pd.DatetimeIndex([], tz=UTC)
    mine, theirs = (pd.DatetimeIndex(closes[name].index).as_unit("ns").asi8 for name in (one, other))
    return pd.DatetimeIndex(np.intersect1d(mine, theirs, assume_unique=True).view("M8[ns]"), tz=UTC)


def _gap(contract: str, parameters: RollParameters, rolls: Sequence[tuple[str, pd.Timestamp]]) -> str:
    since = f" after the roll of {rolls[-1][1]:%Y-%m-%d}" if rolls else ""
    following = next_held(contract, parameters)
    return f"{contract} and what came before: {contract} and {following} have no prices at one stamp{since}"


def _calendar(
    rolls: Sequence[tuple[str, pd.Timestamp]], last: tuple[str, pd.Timestamp], parameters: RollParameters
) -> pd.DataFrame:
    rows = [*rolls, last]
    names = [(name, next_held(name, parameters), carry_contract(name, parameters)) for name, _ in rows]
    return _frame([stamp for _, stamp in rows], names)


def _last_stamp(contract: str, closes: Mapping[str, pd.Series], parameters: RollParameters) -> pd.Timestamp:
    used = (contract, next_held(contract, parameters), carry_contract(contract, parameters))
    stamps = [closes[name].index for name in used if name in closes]
    return pd.Timestamp(max(own[-1] for own in stamps if len(own)))


def _desired(contract: str, parameters: RollParameters) -> pd.Timestamp:
    return pd.Timestamp(desired_roll_date(contract, parameters), tz=UTC)


def _is_held(contract: str, parameters: RollParameters) -> bool:
    _, month, day = delivery(contract)
    return day == 0 and month in cycle_months(parameters.hold_cycle)


def _moment(stamp: pd.Timestamp) -> datetime:
    return stamp.floor("us").to_pydatetime()


def _frame(stamps: list[pd.Timestamp] | pd.Index, rows: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    index = pd.DatetimeIndex(list(stamps)) if rows else pd.DatetimeIndex([], tz=UTC)
    return pd.DataFrame(rows, index=index, columns=list(CALENDAR_COLUMNS), dtype=object)
