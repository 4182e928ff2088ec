"""Recorded history as a system reads it: prices of instruments, and rates into one base currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pandas as pd

from sysproduction.domain.instruments import Listing

HISTORY_COLUMNS: Final = ("PRICE", "CARRY", "PRICE_CONTRACT", "CARRY_CONTRACT")
"""Columns of multiple prices that a system needs."""


@dataclass(frozen=True, slots=True)
class History:
    """What is recorded of one instrument: back-adjusted prices and multiple prices (with HISTORY_COLUMNS), each by
    increasing aware stamps, many a day or one."""

    listing: Listing
    adjusted: pd.Series
    multiple: pd.DataFrame


@dataclass(frozen=True, slots=True)
class MarketData:
    """Histories by instrument, and by currency the price of one unit in the base currency, by aware stamp (the base
    currency itself needs none). `missing` says why instruments or currencies are not there, `faults` which rows of an
    instrument were left out, by code."""

    histories: Mapping[str, History]
    rates: Mapping[str, pd.Series]
    missing: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def between(self, start: datetime | None, end: datetime | None) -> "MarketData":
        """What was recorded from `start` to `end` (None: no bound); older rates stay in force, so they are kept."""
        if start is None and end is None:
            return self
        histories = {
            code: History(h.listing, h.adjusted.loc[start:end], h.multiple.loc[start:end])
            for code, h in self.histories.items()
        }
        rates = {currency: rates.loc[:end] for currency, rates in self.rates.items()}
        return MarketData(histories, rates, self.missing, self.faults)
