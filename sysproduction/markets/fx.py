"""Bring exchange rates in."""

from collections.abc import Sequence
from datetime import datetime

from sysproduction.domain.fx import split_pair
from sysproduction.domain.results import MethodResult
from sysproduction.markets.checking import ask_after, check_offer, settle, without_refused
from sysproduction.markets.items import choose, last_stamp, staleness, update_each
from sysproduction.ports import Feed
from sysproduction.stores.fx import FxRates
from sysproduction.stores.rejections import PriceRejected, Rejections


def update_fx_prices(
    feed: Feed,
    rates: FxRates,
    rejections: Rejections,
    *,
    now: datetime,
    threshold: float,
    stale_after_days: int,
    pairs: Sequence[str] | None = None,
    method: str = "update_fx_prices",
) -> MethodResult:
    """Add the rates that the feed has up to `now` (of some pairs only, if given); spikes are recorded, not stored.

    `threshold` is in typical daily changes. A pair without rates for `stale_after_days` business days is reported.
    """
    chosen, problems = choose(feed.currency_pairs(), pairs)
    opened, refused = rejections.open(), rejections.refused()

    def update(pair: str) -> MethodResult:
        split_pair(pair)
        stored = rates.stored(pair)
        offered = without_refused(feed.fx(pair, after=ask_after(stored), until=now), refused.get(pair, ()))
        known = offered.iloc[:0] if stored is None else stored
        checked = check_offer(pair, known, offered, column="rate", now=now, threshold=threshold)
        rates.add(pair, checked.merged)
        rejected = [
            PriceRejected(pair, None, None, s.stamp, s.price, s.last_good, s.multiples, now, method)
            for s in checked.spikes
        ]
        spiked = settle(rejections, {pair: opened.get(pair, [])}, checked, rejected, now=now)
        stale = staleness(pair, last_stamp(checked.merged.whole.index), now, stale_after_days)
        return MethodResult(len(checked.merged.added), 1, (*checked.problems, *spiked, *stale))

    result = update_each(chosen, update)
    return MethodResult(result.rows_written, result.items, (*problems, *result.problems))
