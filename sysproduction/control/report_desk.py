"""Where the facts of reports are read: the stores as of one moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd

from sysproduction.domain.errors import DataError
from sysproduction.domain.fills import Fill, Positions, latest
from sysproduction.domain.histories import History
from sysproduction.domain.identity import Identity
from sysproduction.domain.instruments import Listing
from sysproduction.domain.pnl import opening_positions
from sysproduction.domain.processes import ProcessSpec
from sysproduction.domain.strategies import Strategies
from sysproduction.ports import Broker, Documents, Folders, Series
from sysproduction.reports.markets import Markets, measured
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices


@dataclass(frozen=True)
class Sources:
    """Everything that facts are read from. `run_folder` holds the kill switch's file; `broker` None: nobody trades."""

    documents: Documents
    series: Series
    folders: Folders
    broker: Broker | None
    specs: Sequence[ProcessSpec]
    alive: Callable[[Identity], bool]
    strategies: Strategies
    base_currency: str
    stale_after_days: int
    run_folder: Path | None


@dataclass(frozen=True)
class ReportDesk:
    """The sources as of the moment `now`, each fact read once. `is_past`: what is only known of the present (the
    broker, controls, processes) is not of this moment."""

    sources: Sources
    now: datetime
    is_past: bool = False

    @cached_property
    def instruments(self) -> Instruments:
        """Definitions."""
        return Instruments(self.sources.documents)

    @cached_property
    def prices(self) -> Prices:
        """Bars, multiple and adjusted prices."""
        return Prices(self.sources.series)

    @cached_property
    def contracts(self) -> Contracts:
        """Contracts and which are sampled."""
        return Contracts(self.sources.documents)

    @cached_property
    def rates(self) -> FxRates:
        """Exchange rates."""
        return FxRates(self.sources.series)

    @cached_property
    def ledger(self) -> FillLedger:
        """Fills."""
        return FillLedger(self.sources.documents)

    @property
    def midnight(self) -> datetime:
        """The day's start, UTC."""
        return self.now.replace(hour=0, minute=0, second=0, microsecond=0)

    @cached_property
    def markets(self) -> Markets:
        """Every instrument that has prices, measured; those whose contracts are sampled and that have none are
        missing."""
        codes = sorted({*self.prices.instruments(), *self.contracts.sampled()})
        if not codes:
            return Markets(missing={"prices": "there are none in the store: import or update first"})
        listings = {listing.instrument.code: listing for listing in self.instruments.all()}
        missing = {code: "it has no definition: import or update first" for code in codes if code not in listings}
        known = [listings[code] for code in codes if code in listings]
        rates: dict[str, pd.Series] = {}
        for currency in sorted({one.instrument.currency for one in known} - {self.sources.base_currency}):
            try:
                rates[currency] = self.rates.rate(currency + self.sources.base_currency).loc[: self.now]
            except DataError as fault:
                missing[currency] = str(fault)
        return measured(map(self._history, known), rates, missing)

    def _history(self, listing: Listing) -> History:
        """Of one instrument, up to the moment."""
        code = listing.instrument.code
        return History(listing, self.prices.adjusted(code).loc[: self.now], self.prices.multiple(code).loc[: self.now])

    @cached_property
    def fills(self) -> list[Fill]:
        """Every execution up to the moment, its last revision, by time; none that was taken back."""
        known = latest(self.ledger.executed_between(None, self.now + timedelta(microseconds=1)))
        return sorted((one for one in known if one.quantity), key=lambda fill: (fill.at, fill.sequence))

    @cached_property
    def held(self) -> Positions:
        """Positions at the moment."""
        after = latest(self.ledger.executed_between(self.now + timedelta(microseconds=1), None))
        return opening_positions(self.ledger.positions(), after)


def desk_of(sources: Sources, now: datetime, day: date | None = None) -> ReportDesk:
    """The desk of this moment, or of the end of a day that is over."""
    if day is None or day >= now.date():
        return ReportDesk(sources, now)
    end = datetime(day.year, day.month, day.day, tzinfo=now.tzinfo) + timedelta(days=1) - timedelta(microseconds=1)
    return ReportDesk(sources, end, is_past=True)
