"""A market of one's own making, and stores in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pandas as pd
import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.bars import BAR_COLUMNS, Frequency
from sysproduction.domain.contracts import ContractListing
from sysproduction.domain.errors import DataError, Unavailable
from sysproduction.domain.instruments import Instrument, Listing, Quote
from sysproduction.domain.rolls import Roll, RollParameters
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from sysproduction.stores.rejections import Rejections

PARAMETERS = RollParameters("HMUZ", "HMUZ", -5, 1, 14)


def listing(code: str) -> Listing:
    return Listing(Instrument(code, code.title(), 50.0, "USD", "Ags", "US", spread_cost=0.1), PARAMETERS)


@dataclass
class FakeFeed:
    """A Feed whose facts a test writes down; `broken` items raise DataError, `down` makes everything Unavailable."""

    chains: dict[str, list[ContractListing]] = field(default_factory=dict)
    closes: dict[tuple[str, str, Frequency], pd.Series] = field(default_factory=dict)
    recorded: dict[str, list[Roll]] = field(default_factory=dict)
    rates: dict[str, pd.Series] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    down: bool = False
    honest: bool = True

    def instruments(self) -> Sequence[Listing]:
        return [listing(code) for code in sorted(self.chains)]

    def chain(self, instrument: str, now: datetime) -> Sequence[ContractListing]:
        if self.down:
            raise Unavailable("the feed is down")
        return self.chains[instrument]

    def bars(
        self, instrument: str, contract: str, frequency: Frequency, *, after: datetime | None, until: datetime
    ) -> pd.DataFrame:
        if {instrument, f"{instrument}/{contract}"} & self.broken:
            raise DataError(f"{instrument}/{contract}: unreadable")
        close = self.closes.get(
            (instrument, contract, frequency), pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC"))
        )
        return self._between(close, after, until).to_frame("close").reindex(columns=list(BAR_COLUMNS))

    def rolls(self, instrument: str, *, after: datetime | None, until: datetime) -> Sequence[Roll]:
        rolls = self.recorded.get(instrument, [])
        return [roll for roll in rolls if roll.stamp <= until and (after is None or roll.stamp > after)]

    def currency_pairs(self) -> Sequence[str]:
        return sorted(self.rates)

    def fx(self, pair: str, *, after: datetime | None, until: datetime) -> pd.DataFrame:
        if pair in self.broken:
            raise DataError(f"{pair}: unreadable")
        return self._between(self.rates[pair], after, until).to_frame("rate")

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        return None

    def sessions(self, instrument: str, now: datetime) -> None:
        return None

    def _between(self, series: pd.Series, after: datetime | None, until: datetime) -> pd.Series:
        later = series if after is None else series.loc[series.index > after]
        return later.loc[later.index <= until] if self.honest else later


@dataclass
class Stores:
    """Everything that the market data methods write."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    series: MemorySeries = field(default_factory=lambda: MemorySeries(lambda: datetime(2024, 1, 1, tzinfo=UTC)))

    def __post_init__(self) -> None:
        self.instruments, self.contracts = Instruments(self.documents), Contracts(self.documents)
        self.prices, self.rates = Prices(self.series), FxRates(self.series)
        self.rejections = Rejections(self.documents)


@pytest.fixture
def stores() -> Stores:
    return Stores()


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed()
