"""What a strategy computes from, as of stated versions: prices, definitions and rates of its instruments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from sysproduction.domain.errors import DataError
from sysproduction.domain.fx import derive
from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.ports import Series
from sysproduction.stores.fx import FX
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import ADJUSTED, MULTIPLE


@dataclass(frozen=True, slots=True)
class Sources:
    """Which version of what is read: adjusted and multiple prices by instrument, rates by pair. `listings` are the
    instruments that have both kinds of prices and are not stale, in order; `missing` says why others cannot be read."""

    listings: tuple[Listing, ...]
    adjusted: Mapping[str, int]
    multiple: Mapping[str, int]
    rates: Mapping[str, int]
    missing: Mapping[str, str]

    def versions(self) -> dict[str, int]:
        """By library and symbol."""
        libraries = ((ADJUSTED, self.adjusted), (MULTIPLE, self.multiple), (FX, self.rates))
        return {f"{library}/{symbol}": number for library, known in libraries for symbol, number in known.items()}


def newest_sources(
    series: Series, instruments: Instruments, codes: Sequence[str], *, now: datetime, stale_after_days: int
) -> Sources:
    """The newest versions; an instrument without a price for `stale_after_days` is missing. Reads no whole series."""
    known = {listing.instrument.code: listing for listing in instruments.all()}
    adjusted, multiple = series.last_versions(ADJUSTED, codes), series.last_versions(MULTIPLE, codes)
    since = now - timedelta(days=stale_after_days)
    recent = series.read_many(ADJUSTED, adjusted, start=since)
    missing = {}
    for code in codes:
        if code not in known:
            missing[code] = "it is not in the store: import or update first"
        elif code not in adjusted or code not in multiple:
            missing[code] = "it has no stored prices"
        elif code not in recent or recent[code].dropna().empty:
            missing[code] = f"its prices are stale: none since {since:%Y-%m-%d}"
    used = [code for code in codes if code not in missing]
    return Sources(
        listings=tuple(known[code] for code in used),
        adjusted={code: adjusted[code] for code in used},
        multiple={code: multiple[code] for code in used},
        rates=series.last_versions(FX, series.symbols(FX)),
        missing=missing,
    )


def read_market(series: Series, sources: Sources, base_currency: str) -> MarketData:
    """The histories of these sources, and the rates that their currencies need; what cannot be had is said in
    `missing`."""
    adjusted = series.read_many(ADJUSTED, sources.adjusted)
    multiple = series.read_many(MULTIPLE, sources.multiple)
    histories, missing = {}, dict(sources.missing)
    for listing in sources.listings:
        code = listing.instrument.code
        if code in adjusted and code in multiple:
            histories[code] = History(listing, adjusted[code]["price"], multiple[code])
        else:
            missing[code] = "its prices as of the stated version are gone"
    rates, unknown = _rates(series, sources, base_currency)
    return MarketData(histories, rates, missing | unknown)


def _rates(
    series: Series, sources: Sources, base_currency: str
) -> tuple[dict[str, "pd.Series[float]"], dict[str, str]]:
    stored = {pair: frame["rate"] for pair, frame in series.read_many(FX, sources.rates).items()}
    rates, unknown = {}, {}
    for currency in sorted({listing.instrument.currency for listing in sources.listings} - {base_currency}):
        try:
            rates[currency] = derive(currency + base_currency, stored.get)
        except DataError as reason:
            unknown[currency] = str(reason)
    return rates, unknown
