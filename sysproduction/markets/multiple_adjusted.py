"""Build multiple and adjusted prices from stored bars, rolled as recorded or as a rule says."""

from collections.abc import Sequence
from contextlib import nullcontext
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
from sysproduction.domain.roll_rules import RollRule
from sysproduction.domain.rolls import Roll
from sysproduction.markets.checking import OVERLAP
from sysproduction.markets.items import choose, last_stamp, staleness, update_each
from sysproduction.markets.rolls import RollDesk, before_writing, follow_up, recover_rolls
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
    desk: RollDesk | None = None,
) -> MethodResult:
    """Extend multiple prices up to `now` with stored bars, rolled as the instrument's rule says, then stitch.

    Rule `recorded` (of all, without a `desk`) rolls where the feed did; under the others a feed's rolls only start
    a series that is empty. The automatic rule acts once the series are stored. With a desk, rolls that a crash cut
    off are finished first, and the roll history explains every roll.

    Nothing of an instrument is written if its prices cannot be stitched. A run that was cut off between the two
    writes is completed by the next. An instrument whose priced contract had no bar for `stale_after_days`
    business days is reported. Rows written count multiple prices.
    """
    chosen, problems = choose(list(contracts.sampled()), instruments)
    if desk is not None:
        recover_rolls(desk, now)

    def update(instrument: str) -> MethodResult:
        with nullcontext() if desk is None else desk.turn(instrument):
            return update_in_turn(instrument)

    def update_in_turn(instrument: str) -> MethodResult:
        seen = None if desk is None else desk.states.get(instrument)
        multiple = prices.multiple(instrument)
        recorded = desk is None or multiple.empty or desk.policies.of(instrument).rule is RollRule.RECORDED
        extended = _extend(feed if recorded else None, prices, instrument, multiple, now)
        adjusted = stitch(extended.whole)
        if desk is not None and seen is not None and len(extended.whole):
            before_writing(desk, seen, rolls_of(multiple), extended.whole.index[0].to_pydatetime())
        prices.save_multiple(instrument, extended)
        prices.save_adjusted(instrument, adjusted)
        priced = last_stamp(adjusted.dropna().index)
        problems = staleness(instrument, priced, now, stale_after_days)
        if desk is not None and len(extended.whole):
            problems = (*problems, *follow_up(desk, instrument, extended.whole, now))
        return MethodResult(extended.rows_new, 1, problems)

    result = update_each(chosen, update)
    return MethodResult(result.rows_written, result.items, (*problems, *result.problems))


def work_in(prices: Prices, instrument: str, since: datetime) -> int:
    """Work stored bars of `since` and later, which came after the rows around them, into the multiple prices that there
    are, and stitch; how many rows are new. Rolls, rows and prices that are stored stay as they are."""
    multiple = prices.multiple(instrument)
    if multiple.empty or multiple.index[-1] < pd.Timestamp(since):
        return 0
    rolls = rolls_of(multiple)
    since = max(since, rolls[0].stamp)
    closes = _closes(prices, instrument, rolls, since)
    extended = extend(multiple, closes, rolls, since=since, until=multiple.index[-1].to_pydatetime())
    adjusted = stitch(extended.whole)
    prices.save_multiple(instrument, extended)
    prices.save_adjusted(instrument, adjusted)
    return extended.rows_new


def _extend(feed: Feed | None, prices: Prices, instrument: str, multiple: pd.DataFrame, now: datetime) -> Extended:
    """Without a feed, with the contracts that are in force."""
    known = rolls_of(multiple)
    after = known[-1].stamp if known else None
    rolls = rolls_in_force(multiple, feed.rolls(instrument, after=after, until=now) if feed else ())
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
