"""Stored prices and rates, read for a system."""

from collections.abc import Callable, Sequence

import pandas as pd

from sysproduction.domain.errors import DataError
from sysproduction.domain.histories import HISTORY_COLUMNS, History, MarketData
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices


def stored_market(
    codes: Sequence[str],
    base_currency: str,
    *,
    prices: Prices,
    instruments: Instruments,
    rates: FxRates,
    progress: Callable[[str, int, int], None],
) -> MarketData:
    """Histories of these instruments and the rates of their currencies; what is not stored is said in `missing`."""
    listings = {listing.instrument.code: listing for listing in instruments.all()}
    histories: dict[str, History] = {}
    missing: dict[str, str] = {}
    for number, code in enumerate(codes):
        progress(code, number, len(codes))
        if code not in listings:
            missing[code] = "it is not in the store: import or update first"
            continue
        multiple = prices.multiple(code)[list(HISTORY_COLUMNS)]
        history = History(listings[code], prices.adjusted(code), multiple)
        if history.adjusted.empty or history.multiple.empty:
            missing[code] = "it has no stored prices"
        else:
            histories[code] = history
    found: dict[str, pd.Series] = {}
    for currency in sorted({h.listing.instrument.currency for h in histories.values()} - {base_currency}):
        try:
            found[currency] = rates.rate(currency + base_currency)
        except DataError as fault:
            missing[currency] = str(fault)
    return MarketData(histories, found, missing)
