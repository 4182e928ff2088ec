"""Bring the bars of every sampled contract in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import pandas as pd

from sysproduction.domain.bars import Frequency
from sysproduction.domain.merging import first_offered
from sysproduction.domain.results import MethodResult, Problem
from sysproduction.domain.spikes import typical_change
from sysproduction.markets.checking import ask_after, check_offer, settle, without_refused
from sysproduction.markets.items import choose, staleness, update_each
from sysproduction.ports import Feed
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.prices import DAILY, Prices
from sysproduction.stores.rejections import PriceRejected, Rejections


def update_historical_prices(
    feed: Feed,
    contracts: Contracts,
    prices: Prices,
    rejections: Rejections,
    *,
    now: datetime,
    threshold: float,
    stale_after_days: int,
    instruments: Sequence[str] | None = None,
    method: str = "update_historical_prices",
) -> MethodResult:
    """Add the intraday, then the daily bars that the feed has up to `now` for each sampled contract.

    Stored bars never change. Spikes (`threshold` in typical daily changes) are recorded, not stored; the good
    bars around them are kept. An instrument none of whose contracts had a bar for `stale_after_days` business
    days is reported. Items are contracts.
    """
    sampled = contracts.sampled()
    chosen, problems = choose(list(sampled), instruments)
    opened, refused = rejections.open(), rejections.refused()
    rows = items = 0
    for instrument in chosen:
        visit = _Visit(feed, prices, rejections, opened, refused, instrument, now, threshold, method)
        stored = {contract: prices.bars(instrument, contract) for contract in sampled[instrument]}
        result = visit.update(stored)
        rows, items = rows + result.rows_written, items + result.items
        problems += [*result.problems, *visit.staleness(stored, stale_after_days)]
    return MethodResult(rows, items, tuple(problems))


@dataclass(frozen=True, slots=True)
class _Visit:
    """One instrument's turn in the method."""

    feed: Feed
    prices: Prices
    rejections: Rejections
    opened: Mapping[str, Sequence[PriceRejected]]
    refused: Mapping[str, Sequence[PriceRejected]]
    instrument: str
    now: datetime
    threshold: float
    method: str

    def update(self, stored: dict[str, pd.DataFrame]) -> MethodResult:
        """Update each contract; `stored` is brought up to date."""
        changes = [change for bars in stored.values() if (change := typical_change(bars["close"])) is not None]
        elsewhere = median(changes) if changes else None
        by_item = {f"{self.instrument}/{contract}": contract for contract in stored}
        return update_each(by_item, lambda item: self._update_contract(item, by_item[item], stored, elsewhere))

    def _update_contract(
        self, item: str, contract: str, stored: dict[str, pd.DataFrame], elsewhere: float | None
    ) -> MethodResult:
        bars = stored[contract]
        offered = without_refused(self._offered(contract, ask_after(bars)), self.refused.get(item, ()))
        checked = check_offer(
            item, bars, offered, column="close", now=self.now, threshold=self.threshold, elsewhere=elsewhere
        )
        self.prices.add_bars(self.instrument, contract, checked.merged)
        stored[contract] = checked.merged.whole
        rejected = [
            PriceRejected(
                item=item,
                instrument=self.instrument,
                contract=contract,
                stamp=s.stamp,
                price=s.price,
                last_good=s.last_good,
                multiples=s.multiples,
                found_at=self.now,
                method=self.method,
                daily=bool(offered.at[pd.Timestamp(s.stamp), DAILY]),
            )
            for s in checked.spikes
        ]
        opened = {item: self.opened.get(item, [])}
        spiked = settle(self.rejections, opened, checked, rejected, now=self.now)
        return MethodResult(len(checked.merged.added), 1, (*checked.problems, *spiked))

    def _offered(self, contract: str, after: datetime | None) -> pd.DataFrame:
        served = [
            self.feed.bars(self.instrument, contract, frequency, after=after, until=self.now).assign(
                **{DAILY: frequency is Frequency.DAILY}
            )
            for frequency in (Frequency.INTRADAY, Frequency.DAILY)
        ]
        return first_offered(*served)

    def staleness(self, stored: Mapping[str, pd.DataFrame], stale_after_days: int) -> tuple[Problem, ...]:
        """A Problem if no contract has a recent bar."""
        lasts = [bars.index[-1] for bars in stored.values() if len(bars)]
        return staleness(self.instrument, max(lasts, default=None), self.now, stale_after_days)
