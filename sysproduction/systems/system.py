"""A whole system run over recorded prices: `run(config, market) -> SystemResult`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.errors import DataError
from sysproduction.domain.histories import MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.domain.trading_systems import Quirk, RuleSpec, SystemConfig
from sysproduction.systems.accounts import Account, Ledger, account
from sysproduction.systems.buffers import Band, band, buffered_position
from sysproduction.systems.catalogue import find_rule, is_separable
from sysproduction.systems.costs import terms
from sysproduction.systems.exclusions import usable_listings
from sysproduction.systems.forecasts import capped, combined_forecast, filled, forecast_weights
from sysproduction.systems.ingredients import Pantry
from sysproduction.systems.parts import by_parts
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

    raw: dict[str, Panel]
    capped: dict[str, Panel]
    weights: dict[str, Panel]
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
    vol = np.where(prices.adjusted_rows.mask(len(prices.days)), daily_volatility(prices.adjusted), np.nan)
    pantry = Pantry(prices, vol, tuple(listing.instrument.asset_class for listing in listings))
    ledger = Ledger(market, prices, vol, terms(listings), config.capital)
    forecasts = make_forecasts(config, pantry, keep_rules=keep_rules)
    sized = by_parts(len(listings), lambda some: make_sizes(config, ledger.part(some)))
    positions = make_positions(config, ledger, sized, forecasts.combined)
    return SystemResult(
        config=config,
        listings=listings,
        prices=prices,
        vol=vol,
        forecasts=forecasts,
        sizes=sized,
        positions=positions,
        account=by_parts(len(listings), lambda some: _account(config, ledger.part(some), positions, some)),
        ledger=ledger,
        excluded=excluded,
    )


def make_forecasts(config: SystemConfig, pantry: Pantry, *, keep_rules: bool = False) -> Forecasts:
    """Every rule's forecasts, and their combination by the configured weights."""
    rules = [spec for spec in config.rules if keep_rules or spec.name in config.forecast_weights]
    together = {spec.name: _raw(spec, config, pantry) for spec in rules if not is_separable(spec.function)}

    def some_forecasts(columns: slice) -> Forecasts:
        part = pantry.part(columns)
        raw = {s.name: together[s.name][:, columns] if s.name in together else _raw(s, config, part) for s in rules}
        made = _combined(config, raw, part)
        return made if keep_rules else Forecasts({}, {}, {}, made.combined)

    return by_parts(len(pantry.prices.instruments), some_forecasts)


def make_sizes(config: SystemConfig, ledger: Ledger) -> Sizes:
    """What one contract is worth and risks, and how many give the risk target."""
    target = config.capital * config.percentage_vol_target / 100.0
    signed = Quirk.NEGATIVE_PRICE in config.reproduce
    return sizes(ledger.prices, ledger.vol, ledger.terms.point_size, target, signed=signed)


def make_positions(config: SystemConfig, ledger: Ledger, sized: Sizes, combined: Panel) -> Positions:
    """Forecasts to positions: sized, weighted, diversified, buffered."""
    prices = ledger.prices
    subsystem = by_parts(
        combined.shape[1], lambda some: subsystem_position(sized.vol_scalar[:, some], combined[:, some])
    )
    shares = np.array([config.instrument_weights[code] for code in prices.instruments])
    weights = instrument_weights(subsystem, shares)
    multiplier = np.full(len(prices.days), config.instrument_div_multiplier)

    def some_positions(columns: slice) -> Positions:
        rows, weight = prices.rows.part(columns), weights[:, columns]
        optimal = portfolio_position(subsystem[:, columns], weight, multiplier[:, None])
        scalar = np.where(rows.mask(len(prices.days)), forward_filled(sized.vol_scalar[:, columns]), np.nan)
        average = portfolio_position(scalar, weight, multiplier[:, None])
        edges = band(optimal, average, config.buffer)
        held = buffered_position(optimal, edges, config.buffer, rows)
        return Positions(subsystem[:, columns], weight, multiplier, average, optimal, edges, held)

    return by_parts(combined.shape[1], some_positions)


def _raw(spec: RuleSpec, config: SystemConfig, pantry: Pantry) -> Panel:
    zero_is_missing = Quirk.ZERO_FORECAST in config.reproduce
    return raw_forecast(spec, find_rule(spec.function), pantry, zero_is_missing=zero_is_missing)


def _combined(config: SystemConfig, raw: dict[str, Panel], part: Pantry) -> Forecasts:
    covered = part.prices.rows.mask(len(part.prices.days))
    scalars = {spec.name: spec.scalar for spec in config.rules}
    scaled = {name: capped(said, scalars[name], config.forecast_cap) for name, said in raw.items()}
    known = filled(scaled, list(config.forecast_weights), covered)
    weights = forecast_weights(known, list(config.forecast_weights.values()), covered)
    combined = combined_forecast(known, weights, config.forecast_div_multiplier, config.forecast_cap)
    combined[~covered] = np.nan
    return Forecasts(raw, scaled, dict(zip(config.forecast_weights, weights, strict=True)), combined)


def _account(config: SystemConfig, ledger: Ledger, positions: Positions, columns: slice) -> Account:
    held, average = positions.held[:, columns], positions.average[:, columns]
    return account(held, average, ledger, config.costs, config.reproduce)
