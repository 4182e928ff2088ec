"""Prices as stored: bars of each contract, multiple prices and adjusted prices of each instrument."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.fills import Key
from sysproduction.domain.merging import Merged
from sysproduction.domain.multiple_prices import Extended, empty_multiple
from sysproduction.ports import Series

BARS: Final = "bars"
MULTIPLE: Final = "multiple_prices"
ADJUSTED: Final = "adjusted_prices"
DAILY: Final = "daily"
TOLERANCE: Final = 1e-9
RECENT: Final = timedelta(days=30)


class Prices:
    """Typed access to the libraries `bars` (symbol INSTRUMENT/CONTRACT), `multiple_prices` and `adjusted_prices`."""

    def __init__(self, series: Series) -> None:
        self._series = series

    def instruments(self) -> list[str]:
        """Instruments that have multiple prices, sorted."""
        return self._series.symbols(MULTIPLE)

    def contracts(self, instrument: str) -> list[str]:
        """Contracts that have bars, by date."""
        prefix = f"{instrument}/"
        return [symbol.removeprefix(prefix) for symbol in self._series.symbols(BARS, prefix)]

    def bars(
        self,
        instrument: str,
        contract: str,
        *,
        start: datetime | None = None,
        as_of: int | datetime | None = None,
    ) -> pd.DataFrame:
        """Bars (BAR_COLUMNS and the boolean `daily`) from `start` on; empty if there are none."""
        frame = self._series.read(BARS, f"{instrument}/{contract}", start=start, as_of=as_of)
        return empty_bars() if frame is None else frame

    def bars_of(self, contracts: Iterable[Key], *, start: datetime | None = None) -> dict[Key, pd.DataFrame]:
        """Bars of many contracts (INSTRUMENT, CONTRACT) from `start` on, read at once; of those that have any."""
        symbols = {f"{instrument}/{contract}": (instrument, contract) for instrument, contract in contracts}
        known = self._series.last_versions(BARS, list(symbols))
        return {symbols[name]: frame for name, frame in self._series.read_many(BARS, known, start=start).items()}

    def add_bars(self, instrument: str, contract: str, merged: Merged) -> None:
        """Write what a merge with the stored bars gave: the new rows only, where all are later."""
        symbol = f"{instrument}/{contract}"
        if merged.added.empty:
            return
        if merged.later_only:
            self._series.append(BARS, symbol, merged.added)
        else:
            self._series.replace(BARS, symbol, merged.whole)

    def multiple(
        self, instrument: str, *, start: datetime | None = None, as_of: int | datetime | None = None
    ) -> pd.DataFrame:
        """Multiple prices (columns of domain.multiple_prices) from `start` on; empty if there are none."""
        frame = self._series.read(MULTIPLE, instrument, start=start, as_of=as_of)
        return empty_multiple() if frame is None else frame

    def last_contracts(self, instrument: str, near: datetime) -> dict[str, str]:
        """Contracts in use by role (PRICE, FORWARD, CARRY) in the last stored row; empty if there are no rows.

        `near` is when that row is expected: a hint that saves reading the whole series.
        """
        multiple = self.multiple(instrument, start=near - RECENT)
        if multiple.empty:
            multiple = self.multiple(instrument)
        if multiple.empty:
            return {}
        return {role: str(multiple[f"{role}_CONTRACT"].iloc[-1]) for role in ("PRICE", "FORWARD", "CARRY")}

    def save_multiple(self, instrument: str, extended: Extended) -> None:
        """Write what an extension of the stored multiple prices gave; nothing if it gave nothing."""
        if extended.added is None:
            self._series.replace(MULTIPLE, instrument, extended.whole)
        elif len(extended.added):
            self._series.append(MULTIPLE, instrument, extended.added)

    def adjusted(self, instrument: str, *, as_of: int | datetime | None = None) -> pd.Series:
        """Back-adjusted prices, without NaN; empty if there are none."""
        frame = self._series.read(ADJUSTED, instrument, as_of=as_of)
        return _no_prices() if frame is None else frame["price"]

    def save_adjusted(self, instrument: str, stitched: pd.Series) -> int:
        """Make the stitched prices (their NaN left out) the stored ones; how many rows are new.

        Where they continue the stored ones to 1e-9 only the new rows are appended. Otherwise (a roll, a late
        row) the series is replaced; the old one stays readable as of its version.
        """
        known = self.adjusted(instrument)
        prices = stitched.dropna()
        gained = len(prices) - len(known)
        if not _continues(known, prices):
            self._series.replace(ADJUSTED, instrument, prices.to_frame("price"))
        elif gained:
            self._series.append(ADJUSTED, instrument, prices.iloc[len(known) :].to_frame("price"))
        return max(gained, 0)

    def replace_stitched(self, instrument: str, multiple: pd.DataFrame, adjusted: pd.Series) -> None:
        """Make these the multiple and the adjusted prices (without NaN); bars stay as they are."""
        self._series.replace(MULTIPLE, instrument, multiple)
        self._series.replace(ADJUSTED, instrument, adjusted.to_frame("price"))

    def replace_all(
        self, instrument: str, bars: Mapping[str, pd.DataFrame], multiple: pd.DataFrame, adjusted: pd.Series
    ) -> None:
        """Make these the bars, the multiple and the adjusted prices of the instrument; other contracts lose theirs."""
        for contract in set(self.contracts(instrument)) - bars.keys():
            self._series.delete(BARS, f"{instrument}/{contract}")
        self._series.replace_many(BARS, {f"{instrument}/{contract}": frame for contract, frame in bars.items()})
        if len(multiple):
            self._series.replace(MULTIPLE, instrument, multiple)
            self._series.replace(ADJUSTED, instrument, adjusted.to_frame("price"))


def empty_bars() -> pd.DataFrame:
    """No bars, with the stored columns and index."""
    types: dict[str, type] = {**dict.fromkeys(BAR_COLUMNS, float), DAILY: bool}
    index = pd.DatetimeIndex([], tz="UTC")
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()}, index=index)


def _no_prices() -> pd.Series:
    return pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC"), name="price")


def _continues(known: pd.Series, prices: pd.Series) -> bool:
    start = prices.iloc[: len(known)]
    if len(start) < len(known) or not known.index.equals(start.index):
        return False
    return bool(np.all(np.abs(known.to_numpy() - start.to_numpy()) <= TOLERANCE))
