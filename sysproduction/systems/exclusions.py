"""Which instruments can take part in a system, and why the others cannot."""

import numpy as np

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.domain.trading_systems import SystemConfig

PRICES_MIN = 12
"""Days with a price below which there is no volatility, so no position."""


def usable_listings(config: SystemConfig, market: MarketData) -> tuple[tuple[Listing, ...], dict[str, str]]:
    """Listings of the instruments that can take part, in configured order, and by instrument why others cannot."""
    usable, excluded = [], {}
    for code in config.instruments:
        why = _obstacle(code, config, market)
        if why:
            excluded[code] = why
        else:
            usable.append(market.histories[code].listing)
    return tuple(usable), excluded


def _obstacle(code: str, config: SystemConfig, market: MarketData) -> str | None:
    history = market.histories.get(code)
    if history is None:
        return "there are no prices"
    currency = history.listing.instrument.currency
    if currency != config.base_currency and currency not in market.rates:
        return f"there is no exchange rate from {currency} to {config.base_currency}"
    return _unusable(history)


def _unusable(history: History) -> str | None:
    known = int(np.count_nonzero(~np.isnan(history.adjusted.to_numpy(dtype=float))))
    if known < PRICES_MIN:
        return f"has {known} prices, fewer than {PRICES_MIN}"
    if history.multiple.empty or history.multiple["PRICE"].isna().all():
        return "has no prices of the contract in use"
    return None
