"""Build multiple and adjusted prices from stored bars and recorded rolls."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from sysproduction.domain.errors import DataError
from sysproduction.domain.multiple_prices import (
    Extended,
    contracts_since,
    extend,
    rolls_in_force,
    rolls_of,
    stitchable,
)
from sysproduction.domain.panama import stitch
from sysproduction.domain.results import MethodResult
from sysproduction.domain.rolls import Roll
from sysproduction.markets.checking import OVERLAP
from sysproduction.markets.items import choose, last_stamp, staleness, update_each
from sysproduction.ports import Feed
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.prices import Prices


def update_multiple_adjusted_prices(
    feed: Feed,
    contracts: Contracts,
    prices: Prices,
    *,
    now: datetime,
    stale_after_days: int,
    instruments: Sequence[str] | None = None,
) -> MethodResult:
    """Extend multiple prices up to `now` with stored bars, rolling where the feed recorded it, then stitch.

    Nothing of an instrument is written if its prices cannot be stitched. A run that was cut off between the two
    writes is completed by the next. An instrument whose priced contract had no bar for `stale_after_days`
    business days is reported. Rows written count multiple prices.
    """
    chosen, problems = choose(list(contracts.sampled()), instruments)

    def update(instrument: str) -> MethodResult:
        extended = _extend(feed, prices, instrument, now)
        adjusted = stitch(extended.whole)
        prices.save_multiple(instrument, extended)
        prices.save_adjusted(instrument, adjusted)
        priced = last_stamp(adjusted.dropna().index)
        return MethodResult(extended.rows_new, 1, staleness(instrument, priced, now, stale_after_days))

    result = update_each(chosen, update)
    return MethodResult(result.rows_written, result.items, (*problems, *result.problems))


def _extend(feed: Feed, prices: Prices, instrument: str, now: datetime) -> Extended:
    multiple = prices.multiple(instrument)
    known = rolls_of(multiple)
    rolls = rolls_in_force(multiple, feed.rolls(instrument, after=known[-1].stamp if known else None, until=now))
    if not rolls:
        raise DataError(f"{instrument}: the feed records no first contracts up to {now.isoformat()}")
    since = min(known[-1].stamp, multiple.index[-1].to_pydatetime() - OVERLAP) if known else None
    closes = _closes(prices, instrument, rolls, since)
    if since is None:
        rolls = stitchable(rolls, closes)
    return extend(multiple, closes, rolls, since=since, until=now)


def _closes(prices: Prices, instrument: str, rolls: Sequence[Roll], since: datetime | None) -> dict[str, pd.Series]:
    stored = {contract: prices.bars(instrument, contract, start=since) for contract in contracts_since(rolls, since)}
    return {contract: bars["close"] for contract, bars in stored.items() if len(bars)}
