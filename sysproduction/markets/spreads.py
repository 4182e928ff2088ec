"""Sample the spreads of priced contracts, and compare them with the costs that are configured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sysproduction.domain.errors import DataError
from sysproduction.domain.results import MethodResult
from sysproduction.markets.items import choose, update_each
from sysproduction.ports import Feed
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from sysproduction.stores.spreads import Spreads


@dataclass(frozen=True, slots=True)
class SpreadCost:
    """Half the median sampled spread in price points (None without samples) beside the configured `spread_cost`;
    `ratio` is sampled over configured, None where one of them is missing or the configured one is 0."""

    instrument: str
    samples: int
    sampled: float | None
    configured: float
    ratio: float | None


def update_sampled_spreads(
    feed: Feed,
    contracts: Contracts,
    prices: Prices,
    spreads: Spreads,
    *,
    now: datetime,
    instruments: Sequence[str] | None = None,
) -> MethodResult:
    """Store the feed's present quote of each sampled instrument's priced contract.

    No quote (a closed market) and a quote that is stored already add nothing; crossed prices are reported.
    """
    chosen, problems = choose(list(contracts.sampled()), instruments)

    def update(instrument: str) -> MethodResult:
        contract = prices.last_contracts(instrument, now).get("PRICE")
        quote = None if contract is None else feed.quote(instrument, contract, now)
        if contract is None or quote is None:
            return MethodResult(0, 1)
        if not quote.ask >= quote.bid:
            raise DataError(f"{contract}: ask {quote.ask:g} is below bid {quote.bid:g}; the quote was left out")
        return MethodResult(int(spreads.add(instrument, contract, quote)), 1)

    result = update_each(chosen, update)
    return MethodResult(result.rows_written, result.items, (*problems, *result.problems))


def compare_spreads(
    instruments: Instruments, spreads: Spreads, *, since: datetime, only: Sequence[str] | None = None
) -> list[SpreadCost]:
    """Sampled against configured costs, by code; DataError for an unknown code in `only`."""
    listings = [instruments.get(code) for code in only] if only else instruments.all()
    return [_compared(found.instrument.code, found.instrument.spread_cost, spreads, since) for found in listings]


def _compared(code: str, configured: float, spreads: Spreads, since: datetime) -> SpreadCost:
    samples = spreads.of(code, start=since)
    if samples.empty:
        return SpreadCost(code, 0, None, configured, None)
    sampled = float((samples["ask"] - samples["bid"]).median()) / 2
    return SpreadCost(code, len(samples), sampled, configured, sampled / configured if configured else None)
