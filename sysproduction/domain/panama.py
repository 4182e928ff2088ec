"""Panama stitching: one continuous, back-adjusted price from the prices of successive contracts."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sysproduction.domain.errors import DataError


def stitch(multiple: pd.DataFrame) -> pd.Series:
    """Back-adjusted price at every row of `multiple` (columns PRICE, FORWARD, PRICE_CONTRACT; increasing index).

    Prices after the last roll are untouched; at each roll FORWARD - PRICE of the old contract's last row (of its
    last row that has both, if that one lacks either) is added to everything earlier. NaN where PRICE is NaN.
    Raises DataError, naming stamp and contracts, where no row of the old contract has both prices.
    """
    price = multiple["PRICE"].to_numpy(dtype=float)
    starts = contract_starts(multiple["PRICE_CONTRACT"].to_numpy())
    if len(starts) == 0:
        return pd.Series(price, index=multiple.index, name="price", dtype=float)
    gaps = roll_gaps(multiple, starts)
    later_gaps = np.append(np.cumsum(gaps[::-1])[::-1], 0.0)
    lengths = np.diff(np.concatenate(([0], starts, [len(price)])))
    return pd.Series(price + np.repeat(later_gaps, lengths), index=multiple.index, name="price")


def contract_starts(contracts: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Positions, the first row excepted, where the contract differs from the row before."""
    return np.flatnonzero(contracts[1:] != contracts[:-1]) + 1


def roll_gaps(multiple: pd.DataFrame, starts: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """FORWARD - PRICE on which each roll (a row that starts a contract) is made; DataError where there is none."""
    gap = multiple["FORWARD"].to_numpy(dtype=float) - multiple["PRICE"].to_numpy(dtype=float)
    last_known = np.maximum.accumulate(np.where(np.isnan(gap), -1, np.arange(len(gap))))[starts - 1]
    unknown = np.flatnonzero(last_known < np.append(0, starts[:-1]))
    if len(unknown):
        raise _cannot_roll(multiple, int(starts[unknown[0]]))
    return np.asarray(gap[last_known], dtype=float)


def _cannot_roll(multiple: pd.DataFrame, start: int) -> DataError:
    contracts = multiple["PRICE_CONTRACT"]
    old, new = contracts.iloc[start - 1], contracts.iloc[start]
    return DataError(
        f"cannot roll from {old} to {new} at {multiple.index[start].isoformat()}: no row of {old} has both a PRICE "
        f"and a FORWARD; supply a bar of {old} and one of its forward with the same stamp"
    )
