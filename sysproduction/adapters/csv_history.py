"""A file of multiple prices taken apart: the bars of each contract in it, and the rolls that it records."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.adapters.csv_files import Columns, contract_id
from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.rolls import Roll

PRICES: Final = ("PRICE", "CARRY", "FORWARD")
CONTRACTS: Final = ("PRICE_CONTRACT", "CARRY_CONTRACT", "FORWARD_CONTRACT")
MULTIPLE_COLUMNS: Final = Columns(PRICES, CONTRACTS)

ROLL_GAP: Final = np.timedelta64(2, "s")
NOTIONAL_CLOSE: Final = timedelta(hours=23)
"""The time of day at which the layout stamps daily prices."""

CHAIN_MEMORY: Final = timedelta(days=183)
"""A contract that no row has named for this long has left the chain."""


def named_prices(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that have some price, their contracts as strings."""
    return named_contracts(table.loc[table[list(PRICES)].notna().any(axis=1)])


def named_contracts(table: pd.DataFrame) -> pd.DataFrame:
    """All rows, their contracts as strings."""
    return table.assign(**{name: _names(table[name].to_numpy()) for name in CONTRACTS})


def contract_bars(table: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Each contract's bars: BAR_COLUMNS (only `close` is known) and `daily`, which tells the notional close."""
    rows = table.loc[~_are_roll_rows(table)]
    closes = np.concatenate([rows[name].to_numpy() for name in PRICES])
    contracts = np.concatenate([rows[name].to_numpy() for name in CONTRACTS])
    stamps = np.tile(_nanoseconds(rows), len(PRICES))
    order = np.lexsort((stamps, contracts))
    order = order[~np.isnan(closes[order])]
    order = order[_are_first(contracts[order], stamps[order])]
    bars = _bar_frame(stamps[order], closes[order])
    codes, starts = np.unique(contracts[order], return_index=True)
    ends = [*starts[1:], len(order)]
    spans = zip(codes, starts, ends, strict=True)
    return {contract_id(code): bars.iloc[start:end] for code, start, end in spans}


def recorded_rolls(table: pd.DataFrame) -> Sequence[Roll]:
    """One roll for the first row, and one for every row that names other contracts than the row before it."""
    contracts = table[list(CONTRACTS)].to_numpy()
    changes = np.append(True, (contracts[1:] != contracts[:-1]).any(axis=1))
    apart = np.where(_are_roll_rows(table), table["FORWARD"].to_numpy(), np.nan)[changes]
    stamps = pd.DatetimeIndex(table.index[changes]).floor("us").to_pydatetime()
    return tuple(
        Roll(
            stamp.astimezone(UTC),
            price=contract_id(price),
            forward=contract_id(forward),
            carry=contract_id(carry),
            forward_price=None if np.isnan(known) else float(known),
        )
        for stamp, (price, carry, forward), known in zip(stamps, contracts[changes], apart, strict=True)
    )


def chain_at(table: pd.DataFrame, now: datetime) -> Sequence[str]:
    """The contracts that rows have named lately up to `now`, sorted."""
    first = table.index.searchsorted(pd.Timestamp(now - CHAIN_MEMORY), side="right")
    last = table.index.searchsorted(pd.Timestamp(now), side="right")
    return [contract_id(code) for code in np.unique(table[list(CONTRACTS)].to_numpy()[first:last])]


def _are_roll_rows(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows that rolling added: the old FORWARD said again, moments later, as the PRICE of the new contract."""
    rolled = np.zeros(len(table), bool)
    contract, price = table["PRICE_CONTRACT"].to_numpy(), table["PRICE"].to_numpy()
    soon = np.diff(_nanoseconds(table)) <= ROLL_GAP.astype("timedelta64[ns]").astype(np.int64)
    rolled[1:] = soon & (contract[1:] != contract[:-1]) & (price[1:] == table["FORWARD"].to_numpy()[:-1])
    return rolled


def _are_first(contracts: NDArray[np.int64], stamps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The first of each contract's values at one stamp: two columns may name one contract."""
    return np.append(True, (np.diff(contracts) != 0) | (np.diff(stamps) != 0))[: len(stamps)]


def _bar_frame(stamps: NDArray[np.int64], closes: NDArray[np.float64]) -> pd.DataFrame:
    index = pd.DatetimeIndex(stamps.view("datetime64[ns]"), tz=UTC)
    bars = pd.DataFrame(np.nan, index=index, columns=list(BAR_COLUMNS))
    bars["close"] = closes
    bars["daily"] = stamps % (24 * 3600 * 10**9) == int(NOTIONAL_CLOSE.total_seconds()) * 10**9
    return bars


def _names(contracts: NDArray[np.int64]) -> NDArray[np.object_]:
    codes, places = np.unique(contracts, return_inverse=True)
    return np.array([contract_id(code) for code in codes], dtype=object)[places]


def _nanoseconds(table: pd.DataFrame) -> NDArray[np.int64]:
    return table.index.to_numpy(dtype="datetime64[ns]").view(np.int64)
