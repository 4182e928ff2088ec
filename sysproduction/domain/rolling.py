"""The roll itself: what multiple and adjusted prices become when the forward contract becomes the priced one."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from sysproduction.domain.contracts import delivery
from sysproduction.domain.errors import DataError, Refused
from sysproduction.domain.multiple_prices import COLUMNS
from sysproduction.domain.panama import stitch
from sysproduction.domain.rolls import Roll, RollParameters, carry_contract, next_held


@dataclass(frozen=True, slots=True)
class Rolled:
    """Both series after a roll: `multiple` with one more row, `adjusted` stitched anew over all of it (NaN where
    PRICE is). `inferred` names the prices (FORWARD, CARRY) of the new row that no bar gave."""

    multiple: pd.DataFrame
    adjusted: pd.Series
    roll: Roll
    inferred: tuple[str, ...]


def roll(
    multiple: pd.DataFrame,
    *,
    parameters: RollParameters,
    stamp: datetime,
    closes: Mapping[str, pd.Series],
    infer: bool,
    oldest: timedelta = timedelta(0),
) -> Rolled | Refused:
    """Make the forward contract the priced one, in a new row at `stamp` (aware).

    The roll is made on the last PRICE and FORWARD that stand in one row, at most `oldest` before the last row:
    that FORWARD is the new PRICE, so that the adjusted series does not move. The new FORWARD and CARRY are those
    of that row where it has the contract, else the last of `closes` (by contract) from that row on up to
    `stamp`; else, if `infer`, the price at which each month between contracts costs what it did between the old
    priced and forward contract; else NaN. Refused where there is nothing to roll on, the stored forward contract
    is not the one that `parameters` hold next, `stamp` is not later than the last row, or an earlier roll cannot
    be stitched.
    """
    obstacle = _obstacle(multiple, parameters, stamp)
    if obstacle:
        return Refused(obstacle)
    base = _base(multiple, oldest)
    if isinstance(base, Refused):
        return base
    new = Roll(stamp, *_new_contracts(str(base["FORWARD_CONTRACT"]), parameters))
    row, inferred = _new_row(base, new, closes, infer=infer, index_name=multiple.index.name)
    longer = pd.concat([multiple[list(COLUMNS)], row])
    try:
        return Rolled(longer, stitch(longer), new, inferred)
    except DataError as reason:
        return Refused(str(reason))


def _obstacle(multiple: pd.DataFrame, parameters: RollParameters, stamp: datetime) -> str | None:
    if multiple.empty:
        return "there are no multiple prices to roll; build them first"
    last = multiple.index[-1]
    if pd.Timestamp(stamp) <= last:
        return f"cannot roll at {stamp.isoformat()}: prices are stored up to {last.isoformat()}; roll after that"
    price, forward = str(multiple["PRICE_CONTRACT"].iloc[-1]), str(multiple["FORWARD_CONTRACT"].iloc[-1])
    following = next_held(price, parameters)
    if forward != following:
        return (
            f"cannot roll from {price} to {forward}: after {price} the hold cycle {parameters.hold_cycle} holds "
            f"{following}; mend the roll parameters or the stored forward contract"
        )
    return None


def _base(multiple: pd.DataFrame, oldest: timedelta) -> pd.Series | Refused:
    """The row on whose prices the roll is made; its name is its stamp."""
    last = multiple.index[-1]
    names = multiple.loc[last - oldest :]
    names = names.loc[names["PRICE_CONTRACT"] == multiple["PRICE_CONTRACT"].iloc[-1]]
    known = np.flatnonzero(names[["PRICE", "FORWARD"]].notna().all(axis=1))
    if len(known):
        return _row(names, int(known[-1]))
    row = _row(multiple, -1)
    lacking = " and ".join(
        f"{column} ({row[f'{column}_CONTRACT']})" for column in ("PRICE", "FORWARD") if np.isnan(row[column])
    )
    return Refused(
        f"nothing to roll on: the last row, at {last.isoformat()}, has no {lacking}; roll when a row has both"
    )


def _row(multiple: pd.DataFrame, position: int) -> pd.Series:
    row: pd.Series = multiple.iloc[position]
    return row


def _new_contracts(price: str, parameters: RollParameters) -> tuple[str, str, str]:
    return price, next_held(price, parameters), carry_contract(price, parameters)


def _new_row(
    base: pd.Series, new: Roll, closes: Mapping[str, pd.Series], *, infer: bool, index_name: Hashable
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    contracts = {"PRICE": new.price, "CARRY": new.carry, "FORWARD": new.forward}
    prices = {column: _known(base, contract, closes, new.stamp) for column, contract in contracts.items()}
    inferred = tuple(column for column in ("FORWARD", "CARRY") if infer and np.isnan(prices[column]))
    prices |= {column: _inferred(base, contracts[column]) for column in inferred}
    row = {**prices, **{f"{column}_CONTRACT": contract for column, contract in contracts.items()}}
    return pd.DataFrame([row], index=pd.DatetimeIndex([new.stamp], name=index_name), columns=list(COLUMNS)), inferred


def _known(base: pd.Series, contract: str, closes: Mapping[str, pd.Series], stamp: datetime) -> float:
    for column in ("PRICE", "FORWARD", "CARRY"):
        if base[f"{column}_CONTRACT"] == contract and not np.isnan(base[column]):
            return float(base[column])
    if contract not in closes:
        return np.nan
    recent = closes[contract].loc[base.name : pd.Timestamp(stamp)].dropna()
    return float(recent.iloc[-1]) if len(recent) else np.nan


def _inferred(base: pd.Series, contract: str) -> float:
    start, end = _months(str(base["PRICE_CONTRACT"])), _months(str(base["FORWARD_CONTRACT"]))
    monthly = (base["FORWARD"] - base["PRICE"]) / (end - start)
    return float(base["FORWARD"] + monthly * (_months(contract) - end))


def _months(contract: str) -> float:
    year, month, day = delivery(contract)
    return 12 * year + month + max(day - 1, 0) / 31
