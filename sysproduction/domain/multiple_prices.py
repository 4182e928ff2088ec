"""Multiple prices: the price, forward and carry contract of an instrument side by side, rolled as recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sysproduction.domain.panama import contract_starts
from sysproduction.domain.rolls import Roll

PRICE_COLUMNS: Final = ("PRICE", "CARRY", "FORWARD")
CONTRACT_COLUMNS: Final = ("PRICE_CONTRACT", "CARRY_CONTRACT", "FORWARD_CONTRACT")
COLUMNS: Final = PRICE_COLUMNS + CONTRACT_COLUMNS
"""Prices are floats (NaN: no bar), contracts strings; the index is aware UTC, unique and increasing."""

JUST_AFTER: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Extended:
    """A longer series: `added` are its new rows if it only grew at its end, else None (write the whole anew)."""

    whole: pd.DataFrame
    added: pd.DataFrame | None
    rows_new: int


def empty_multiple() -> pd.DataFrame:
    """No rows, with the columns and index of multiple prices."""
    index = pd.DatetimeIndex([], tz="UTC")
    return pd.DataFrame({name: pd.Series(dtype=float if name in PRICE_COLUMNS else str) for name in COLUMNS}, index)


def rolls_of(multiple: pd.DataFrame) -> list[Roll]:
    """The rolls that stored multiple prices show, from the first row on."""
    if multiple.empty:
        return []
    columns = {name: multiple[name].to_numpy() for name in CONTRACT_COLUMNS}
    starts = sorted({0, *(int(start) for names in columns.values() for start in contract_starts(names))})
    stamps = pd.DatetimeIndex(multiple.index[starts]).to_pydatetime()
    contracts = zip(*(columns[name][starts] for name in CONTRACT_COLUMNS), strict=True)
    return [
        Roll(stamp, price=str(price), forward=str(forward), carry=str(carry))
        for stamp, (price, carry, forward) in zip(stamps, contracts, strict=True)
    ]


def rolls_in_force(multiple: pd.DataFrame, recorded: Sequence[Roll]) -> list[Roll]:
    """Stored rolls, then those of `recorded` (by stamp) that came later.

    A roll that is learned of only after rows were stored beyond its stamp happens just after the last row:
    stored rows never change contract.
    """
    rolls = rolls_of(multiple)
    for roll in recorded:
        if rolls and (roll.stamp <= rolls[-1].stamp or _same_contracts(roll, rolls[-1])):
            continue
        earliest = multiple.index[-1].to_pydatetime() + JUST_AFTER if len(multiple) else roll.stamp
        rolls.append(replace(roll, stamp=max(roll.stamp, earliest)))
    return rolls


def contracts_since(rolls: Sequence[Roll], since: datetime | None) -> list[str]:
    """Contracts that are in force at `since` or later, sorted."""
    used = [r for r, end in zip(rolls, _ends(rolls), strict=True) if since is None or end is None or end > since]
    return sorted({contract for roll in used for contract in (roll.price, roll.forward, roll.carry)})


def extend(
    multiple: pd.DataFrame,
    closes: Mapping[str, pd.Series],
    rolls: Sequence[Roll],
    *,
    since: datetime | None,
    until: datetime,
) -> Extended:
    """Multiple prices with the bars `closes` (by contract) of since <= stamp <= until worked in.

    `rolls` are those of rolls_in_force. Rows stand at the union of the stamps of the three contracts in force;
    where none of them has a bar at a roll's stamp a row is made there, its PRICE the last FORWARD before it.
    A stored price never changes; rows before the end are inserted, and NaN filled, by bars that came late.
    """
    recent = multiple if since is None else multiple.loc[pd.Timestamp(since) :]
    built = _build(recent, closes, rolls, since=since, until=until)
    merged = _fill(recent, built)
    rows_new = len(merged) - len(recent)
    if len(multiple) and _unchanged(recent, merged.iloc[: len(recent)]):
        added = merged.iloc[len(recent) :]
        return Extended(pd.concat([multiple, added]) if rows_new else multiple, added, rows_new)
    older = multiple.iloc[: len(multiple) - len(recent)]
    return Extended(pd.concat([older, merged]) if len(older) else merged, None, rows_new)


def _build(
    recent: pd.DataFrame,
    closes: Mapping[str, pd.Series],
    rolls: Sequence[Roll],
    *,
    since: datetime | None,
    until: datetime,
) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    for roll, end in zip(rolls, _ends(rolls), strict=True):
        if roll.stamp > until or (since is not None and end is not None and end <= since):
            continue
        segment = _segment(roll, closes, start=max(roll.stamp, since or roll.stamp), end=end, until=until)
        if parts and roll.stamp not in segment.index and roll.stamp not in recent.index:
            parts.append(_roll_row(roll, _fill(recent, pd.concat(parts[-2:]))))
        parts.append(segment)
    filled = [part for part in parts if len(part)]
    return pd.concat(filled) if filled else empty_multiple()


def _segment(
    roll: Roll, closes: Mapping[str, pd.Series], *, start: datetime, end: datetime | None, until: datetime
) -> pd.DataFrame:
    names = {"PRICE": roll.price, "CARRY": roll.carry, "FORWARD": roll.forward}
    last = _nanoseconds(until) + 1 if end is None else min(_nanoseconds(until) + 1, _nanoseconds(end))
    found = {
        column: _known(closes[contract], _nanoseconds(start), last)
        for column, contract in names.items()
        if contract in closes
    }
    stamps = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(own for own, _ in found.values())]))
    prices = {column: np.full(len(stamps), np.nan) for column in names}
    for column, (own, close) in found.items():
        prices[column][np.searchsorted(stamps, own)] = close
    contracts = {f"{column}_CONTRACT": np.full(len(stamps), contract, object) for column, contract in names.items()}
    return pd.DataFrame({**prices, **contracts}, index=pd.DatetimeIndex(stamps.view("M8[ns]"), tz="UTC"))


def _known(close: pd.Series, first: int, last: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Stamps (nanoseconds, first <= stamp < last) and values of what is not NaN."""
    stamps = pd.DatetimeIndex(close.index).as_unit("ns").asi8
    start, stop = np.searchsorted(stamps, (first, last))
    values = close.to_numpy(dtype=float)[start:stop]
    known = ~np.isnan(values)
    return stamps[start:stop][known], values[known]


def _nanoseconds(stamp: datetime) -> int:
    return int(pd.Timestamp(stamp).as_unit("ns").value)


def _roll_row(roll: Roll, before: pd.DataFrame) -> pd.DataFrame:
    stamp = pd.DatetimeIndex([roll.stamp])
    known = before.loc[(before["FORWARD_CONTRACT"] == roll.price) & (before.index < stamp[0]), ["PRICE", "FORWARD"]]
    known = known.dropna()
    if known.empty:
        return empty_multiple()
    forward = np.nan if roll.forward_price is None else roll.forward_price
    row = {
        "PRICE": known["FORWARD"].iloc[-1],
        "CARRY": np.nan,
        "FORWARD": forward,
        "PRICE_CONTRACT": roll.price,
        "CARRY_CONTRACT": roll.carry,
        "FORWARD_CONTRACT": roll.forward,
    }
    return pd.DataFrame({column: row[column] for column in COLUMNS}, index=stamp)


def _fill(stored: pd.DataFrame, built: pd.DataFrame) -> pd.DataFrame:
    if stored.empty or built.empty:
        return built if stored.empty else stored
    index = stored.index.union(built.index)
    ours, theirs = stored.reindex(index), built.reindex(index)
    mine = np.asarray(index.isin(stored.index))
    same = ~mine | (ours["PRICE_CONTRACT"] == theirs["PRICE_CONTRACT"]).to_numpy()
    filled = {
        column: np.where(same & ours[column].isna().to_numpy(), theirs[column].to_numpy(), ours[column].to_numpy())
        for column in PRICE_COLUMNS
    }
    names = {column: np.where(mine, ours[column].to_numpy(), theirs[column].to_numpy()) for column in CONTRACT_COLUMNS}
    return pd.DataFrame({**filled, **names}, index=index)[list(COLUMNS)].astype(dict.fromkeys(PRICE_COLUMNS, float))


def _unchanged(before: pd.DataFrame, after: pd.DataFrame) -> bool:
    prices = list(PRICE_COLUMNS)
    return before.index.equals(after.index) and np.array_equal(
        before[prices].to_numpy(dtype=float), after[prices].to_numpy(dtype=float), equal_nan=True
    )


def _ends(rolls: Sequence[Roll]) -> list[datetime | None]:
    return [roll.stamp for roll in rolls[1:]] + [None] * bool(rolls)


def _same_contracts(one: Roll, other: Roll) -> bool:
    return (one.price, one.forward, one.carry) == (other.price, other.forward, other.carry)


def stitchable(rolls: Sequence[Roll], closes: Mapping[str, pd.Series]) -> list[Roll]:
    """The latest of `rolls` over which `closes` can be stitched: where a first build may begin.

    Going back in time, a segment counts while its price and forward contract have some bars at equal stamps in it.
    """
    first = max(len(rolls) - 1, 0)
    while first > 0 and _leads_on(rolls[first - 1], rolls[first], closes):
        first -= 1
    return list(rolls[first:])


def _leads_on(roll: Roll, following: Roll, closes: Mapping[str, pd.Series]) -> bool:
    if roll.price not in closes:
        return False
    if roll.price == following.price or roll.forward_price is not None:
        return True
    common = closes[roll.price].index.intersection(closes.get(roll.forward, closes[roll.price][:0]).index)
    return bool(((common >= pd.Timestamp(roll.stamp)) & (common < pd.Timestamp(following.stamp))).any())
