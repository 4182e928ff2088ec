"""A whole system run over recorded prices: `run(config, market) -> SystemResult`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.errors import DataError
from sysproduction.domain.histories import MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.domain.trading_systems import Quirk, SystemConfig
from sysproduction.systems.accounts import Account, Ledger, account
from sysproduction.systems.buffers import Band, band, buffered_position
from sysproduction.systems.catalogue import find_rule
from sysproduction.systems.costs import terms
from sysproduction.systems.exclusions import usable_listings
from sysproduction.systems.forecasts import capped, combined_forecast, filled, forecast_weights
from sysproduction.systems.ingredients import Pantry
from sysproduction.systems.portfolio import instrument_weights, portfolio_position
from sysproduction.systems.prices import Prices, daily_prices
from sysproduction.systems.raw_forecasts import raw_forecast
from sysproduction.systems.sizing import Sizes, sizes, subsystem_position
from sysproduction.systems.smoothing import Panel, forward_filled
from sysproduction.systems.volatility import daily_volatility


@dataclass(frozen=True, slots=True)
class Forecasts:
    """By rule the panels `raw` and `capped` (scaled too) and the smoothed `weights`, and the `combined` forecast. Rules
    that were not asked to be kept are missing from the first two."""

    raw: Mapping[str, Panel]
    capped: Mapping[str, Panel]
    weights: Mapping[str, Panel]
    combined: Panel


@dataclass(frozen=True, slots=True)
class Positions:
    """Panels in contracts: `subsystem` (all capital on one instrument), `average` (what an average forecast would give
    in the portfolio), `optimal` (not rounded), the `edges` around it and what is `held` because of them. `weights`
    are the instruments' by day, `multiplier` one number a day."""

    subsystem: Panel
    weights: Panel
    multiplier: NDArray[np.float64]
    average: Panel
    optimal: Panel
    edges: Band
    held: Panel


@dataclass(frozen=True, slots=True)
class SystemResult:
    """Everything that a run computed, on one calendar; columns of panels are `prices.instruments`. `excluded` names
    instruments that could not take part, with the reason."""

    config: SystemConfig
    listings: tuple[Listing, ...]
    prices: Prices
    vol: Panel
    forecasts: Forecasts
    sizes: Sizes
    positions: Positions
    account: Account
    ledger: Ledger
    excluded: Mapping[str, str] = field(default_factory=dict)


def run(
    config: SystemConfig, market: MarketData, *, keep_rules: bool = False, fresh_since: datetime | None = None
) -> SystemResult:
    """Prices to forecasts to positions to accounts. `keep_rules` keeps what each rule said, also those
    without a weight. With `fresh_since`, as for trading, instruments without a price since then are excluded.

    Raises DataError if no instrument can take part, ConfigError if a rule cannot be called.
    """
    market = market.between(config.start, config.end)
    listings, excluded = usable_listings(config, market, fresh_since=fresh_since)
    if not listings:
        raise DataError("no instrument can take part: " + "; ".join(f"{c}: {why}" for c, why in excluded.items()))
    prices = daily_prices(market, listings)
    count = len(prices.days)
    vol = np.where(prices.adjusted_rows.mask(count), daily_volatility(prices.adjusted), np.nan)
    pantry = Pantry(prices, vol, tuple(listing.instrument.asset_class for listing in listings))
    forecasts = make_forecasts(config, pantry, keep_rules=keep_rules)
    costs = terms(listings)
    sized = sizes(
        prices,
        vol,
        costs.point_size,
        config.capital * config.percentage_vol_target / 100.0,
        signed=Quirk.NEGATIVE_PRICE in config.reproduce,
    )
    positions = make_positions(config, prices, sized, forecasts.combined)
    ledger = Ledger(market, prices, vol, costs, config.capital)
    accounts = account(positions.held, positions.average, ledger, config.costs, config.reproduce)
    return SystemResult(
        config=config,
        listings=listings,
        prices=prices,
        vol=vol,
        forecasts=forecasts,
        sizes=sized,
        positions=positions,
        account=accounts,
        ledger=ledger,
        excluded=excluded,
    )


def make_forecasts(config: SystemConfig, pantry: Pantry, *, keep_rules: bool = False) -> Forecasts:
    """Every rule's forecasts, and their combination by the configured weights."""
    covered = pantry.prices.rows.mask(len(pantry.prices.days))
    zero_is_missing = Quirk.ZERO_FORECAST in config.reproduce
    raw, scaled = {}, {}
    for spec in config.rules:
        if keep_rules or spec.name in config.forecast_weights:
            said = raw_forecast(spec, find_rule(spec.function), pantry, zero_is_missing=zero_is_missing)
            scaled[spec.name] = capped(said, spec.scalar, config.forecast_cap)
            if keep_rules:
                raw[spec.name] = said
    names = list(config.forecast_weights)
    known = filled(scaled, names, covered)
    weights = forecast_weights(known, [config.forecast_weights[name] for name in names], covered)
    combined = combined_forecast(known, weights, config.forecast_div_multiplier, config.forecast_cap)
    combined[~covered] = np.nan
    kept = dict(zip(names, weights, strict=True)) if keep_rules else {}
    return Forecasts(raw, scaled if keep_rules else {}, kept, combined)


def make_positions(config: SystemConfig, prices: Prices, sized: Sizes, combined: Panel) -> Positions:
    """Forecasts to positions: sized, weighted, diversified, buffered."""
    covered = prices.rows.mask(len(prices.days))
    subsystem = subsystem_position(sized.vol_scalar, combined)
    shares = np.array([config.instrument_weights[code] for code in prices.instruments])
    weights = instrument_weights(subsystem, shares)
    multiplier = np.full(len(prices.days), config.instrument_div_multiplier)
    optimal = portfolio_position(subsystem, weights, multiplier[:, None])
    scaled = np.where(covered, forward_filled(sized.vol_scalar), np.nan)
    average = portfolio_position(scaled, weights, multiplier[:, None])
    edges = band(optimal, average, config.buffer)
    held = buffered_position(optimal, edges, config.buffer, prices.rows)
    return Positions(subsystem, weights, multiplier, average, optimal, edges, held)
