"""A whole system run over recorded prices: `run(config, market) -> SystemResult`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from sysproduction.systems.estimation import Blend, Earned, Past, instrument_multiplier, instrument_shares, make_blend
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
from sysproduction.systems.whole_contracts import contracts, optimised_positions


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
    sized = by_parts(len(listings), lambda some: make_sizes(config, ledger.part(some)))
    past = Past(prices.days, _earned(config, sized, ledger))
    forecasts = make_forecasts(config, pantry, past, keep_rules=keep_rules)
    positions = make_positions(config, ledger, sized, forecasts.combined, past)
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


def make_forecasts(config: SystemConfig, pantry: Pantry, past: Past, *, keep_rules: bool = False) -> Forecasts:
    """Every rule's forecasts, and their combination by configured or estimated weights. Estimates need all instruments
    at once, fixed numbers only some at a time."""
    rules = [spec for spec in config.rules if keep_rules or spec.name in config.forecast_weights]
    whole = config.estimate.forecasts
    together = {spec.name: _raw(spec, config, pantry) for spec in rules if whole or not is_separable(spec.function)}
    blend = make_blend(config, together, past, pantry.prices.rows.mask(len(pantry.prices.days)) if whole else None)

    def some_forecasts(columns: slice) -> Forecasts:
        part = pantry.part(columns)
        raw = {s.name: together[s.name][:, columns] if s.name in together else _raw(s, config, part) for s in rules}
        made = _combined(config, raw, part, blend)
        return made if keep_rules else Forecasts({}, {}, {}, made.combined)

    return by_parts(len(pantry.prices.instruments), some_forecasts)


def make_sizes(config: SystemConfig, ledger: Ledger) -> Sizes:
    """What one contract is worth and risks, and how many give the risk target."""
    target = config.capital * config.percentage_vol_target / 100.0
    signed = Quirk.NEGATIVE_PRICE in config.reproduce
    return sizes(ledger.prices, ledger.vol, ledger.terms.point_size, target, signed=signed)


def make_positions(config: SystemConfig, ledger: Ledger, sized: Sizes, combined: Panel, past: Past) -> Positions:
    """Forecasts to positions: sized, weighted, diversified, and buffered or optimised."""
    prices, estimate = ledger.prices, config.estimate
    subsystem = by_parts(
        combined.shape[1], lambda some: subsystem_position(sized.vol_scalar[:, some], combined[:, some])
    )
    shares = np.array([config.instrument_weights[code] for code in prices.instruments])
    returns = past.earned(combined) if estimate.instruments else None
    weights = instrument_weights(subsystem, instrument_shares(returns, shares, past, estimate.instrument_weights))
    fixed = config.instrument_div_multiplier
    multiplier = instrument_multiplier(returns, weights, fixed, past, estimate.instrument_div_multiplier)

    def some_positions(columns: slice) -> Positions:
        rows, weight = prices.rows.part(columns), weights[:, columns]
        optimal = portfolio_position(subsystem[:, columns], weight, multiplier[:, None])
        scalar = np.where(rows.mask(len(prices.days)), forward_filled(sized.vol_scalar[:, columns]), np.nan)
        average = portfolio_position(scalar, weight, multiplier[:, None])
        edges = band(optimal, average, config.buffer)
        held = buffered_position(optimal, edges, config.buffer, rows)
        return Positions(subsystem[:, columns], weight, multiplier, average, optimal, edges, held)

    positions = by_parts(combined.shape[1], some_positions)
    if config.dynamic is None:
        return positions
    known = contracts(prices, ledger.vol, sized, ledger.terms, config.capital)
    held = optimised_positions(positions.optimal, known, prices, config.dynamic)
    return replace(positions, edges=Band(held, held), held=held)


def _raw(spec: RuleSpec, config: SystemConfig, pantry: Pantry) -> Panel:
    zero_is_missing = Quirk.ZERO_FORECAST in config.reproduce
    return raw_forecast(spec, find_rule(spec.function), pantry, zero_is_missing=zero_is_missing)


def _combined(config: SystemConfig, raw: dict[str, Panel], part: Pantry, blend: Blend) -> Forecasts:
    covered = part.prices.rows.mask(len(part.prices.days))
    scaled = {name: capped(said, blend.scalars[name], config.forecast_cap) for name, said in raw.items()}
    known = filled(scaled, list(config.forecast_weights), covered)
    weights = forecast_weights(known, blend.shares, covered)
    combined = combined_forecast(known, weights, blend.multiplier(weights), config.forecast_cap)
    combined[~covered] = np.nan
    return Forecasts(raw, scaled, dict(zip(config.forecast_weights, weights, strict=True)), combined)


def _earned(config: SystemConfig, sized: Sizes, ledger: Ledger) -> Earned:
    """Net returns of forecasts with all capital on each instrument; never with costs that nobody knew at the time."""

    def earned(forecast: Panel) -> Panel:
        def some_returns(columns: slice) -> Panel:
            position = subsystem_position(sized.vol_scalar[:, columns], forecast[:, columns])
            average = forward_filled(sized.vol_scalar[:, columns])
            return account(position, average, ledger.part(columns), config.costs).net

        return by_parts(forecast.shape[1], some_returns)

    return earned


def _account(config: SystemConfig, ledger: Ledger, positions: Positions, columns: slice) -> Account:
    held, average = positions.held[:, columns], positions.average[:, columns]
    return account(held, average, ledger, config.costs, config.reproduce)
