"""Which instruments can take part in a system, and why the others cannot."""

from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.domain.trading_systems import SystemConfig

PRICES_MIN: Final = 12
"""Prices below which there is no volatility, so no position."""

STILL_PRICES_MAX: Final = 180
"""So many equal prices in a row, and a series that must be fresh has stopped."""


def usable_listings(
    config: SystemConfig, market: MarketData, *, fresh_since: datetime | None = None
) -> tuple[tuple[Listing, ...], dict[str, str]]:
    """Listings of the instruments that can take part, by code, and by instrument why others cannot. With `fresh_since`,
    as for trading, series must have a price since then and must still move."""
    usable, excluded = [], {}
    for code in sorted(config.instruments):
        why = _obstacle(code, config, market, fresh_since)
        if why:
            excluded[code] = why
        else:
            usable.append(market.histories[code].listing)
    return tuple(usable), excluded


def _obstacle(code: str, config: SystemConfig, market: MarketData, fresh_since: datetime | None) -> str | None:
    history = market.histories.get(code)
    if history is None:
        return market.missing.get(code, "there are no prices of it")
    return (
        _unusable(history)
        or _without_rate(history.listing.instrument.currency, config, market)
        or (_stopped(history, fresh_since) if fresh_since else None)
    )


def _without_rate(currency: str, config: SystemConfig, market: MarketData) -> str | None:
    if currency == config.base_currency or currency in market.rates:
        return None
    why = market.missing.get(currency)
    return f"there is no exchange rate from {currency} to {config.base_currency}" + (f" ({why})" if why else "")


def _unusable(history: History) -> str | None:
    known = _known(history)
    if len(known) < PRICES_MIN:
        return f"it has {len(known)} adjusted prices; at least {PRICES_MIN} are needed"
    if known.nunique() == 1:
        return "its prices never change, so it has no volatility"
    if not np.isfinite(history.multiple["PRICE"].to_numpy(dtype=float)).any():
        return "it has no prices of the contract in use"
    return None


def _stopped(history: History, fresh_since: datetime) -> str | None:
    known = _known(history)
    if known.index[-1] < pd.Timestamp(fresh_since):
        return f"its last price is of {known.index[-1]:%Y-%m-%d %H:%M}, before {fresh_since:%Y-%m-%d %H:%M}"
    if len(known) > STILL_PRICES_MAX and known.iloc[-STILL_PRICES_MAX:].nunique() == 1:
        return f"its last {STILL_PRICES_MAX} prices are equal, so it has no volatility"
    return None


def _known(history: History) -> pd.Series:
    known: pd.Series = history.adjusted[np.isfinite(history.adjusted.to_numpy(dtype=float))]
    return known
