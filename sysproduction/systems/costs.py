"""What trading costs: each trade and roll in money, or a steady drag in Sharpe ratio units."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.domain.instruments import Listing
from sysproduction.domain.trading_systems import Quirk
from sysproduction.systems.prices import DAYS_A_CALENDAR_YEAR, Prices, Rows
from sysproduction.systems.rolling import deviation
from sysproduction.systems.smoothing import Panel, differences, forward_filled, shifted, zero_filled
from sysproduction.systems.turnover import turnover, turnover_so_far
from sysproduction.systems.volatility import DAYS_A_YEAR, ROOT_OF_YEAR

DEFLATOR_WINDOW: Final = 180
DEFLATOR_OBSERVATIONS_MIN: Final = 3
ROLL_SHARE: Final = 0.5
"""A roll is charged for half of the position: calendar spreads are cheaper than two outright trades."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What each instrument costs, one number an instrument: `spread` in price points (half of bid to ask), commissions
    in its currency or as a fraction of value, and how often a year it rolls."""

    point_size: NDArray[np.float64]
    spread: NDArray[np.float64]
    per_block: NDArray[np.float64]
    per_trade: NDArray[np.float64]
    percentage: NDArray[np.float64]
    rolls_a_year: NDArray[np.int64]

    def part(self, columns: slice) -> "Terms":
        """Of some instruments."""
        return Terms(*(getattr(self, field.name)[columns] for field in fields(self)))


def terms(listings: Sequence[Listing]) -> Terms:
    """The terms of these instruments, in their order."""
    instruments = [listing.instrument for listing in listings]
    return Terms(
        point_size=np.array([i.point_size for i in instruments]),
        spread=np.array([i.spread_cost for i in instruments]),
        per_block=np.array([i.per_block for i in instruments]),
        per_trade=np.array([i.per_trade for i in instruments]),
        percentage=np.array([i.percentage for i in instruments]),
        rolls_a_year=np.array([len(listing.roll_parameters.hold_cycle) for listing in listings]),
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What accounts are kept of: positions as held from each day's close on (NaN before the first), that is a day after
    they were decided; the last known back-adjusted price, whose changes are earned; and the prices that percentage
    commissions of trades and of rolls are taken of. Only `rows` count."""

    position: Panel
    price: Panel
    traded_price: Panel
    rolled_price: Panel
    rows: Rows


def held(positions: Panel, prices: Prices, *, adjusted_commission: bool = False) -> Held:
    """Positions filled a day after they were decided, and the prices that they meet: commissions are taken of the last
    known price of the contract in use, without its sign, or else of the back-adjusted one. After its last price an
    instrument keeps that one."""
    count = len(prices.days)
    covered = prices.rows.mask(count)
    known = np.where(covered, forward_filled(prices.adjusted), np.nan)
    position = np.where(covered, shifted(forward_filled(positions), 1), np.nan)
    if not adjusted_commission:
        value = np.where(covered, np.abs(forward_filled(prices.current)), np.nan)
        return Held(position, known, value, value, prices.rows)
    ended = covered & (np.arange(count)[:, None] >= prices.adjusted_rows.end)
    return Held(position, known, np.where(ended, known, prices.adjusted), known, prices.rows)


def trades(position: Panel, *, first_is_free: bool = False) -> Panel:
    """Contracts bought or sold by day: changes of what is held, the first position included unless it is free."""
    before = shifted(position, 1)
    if not first_is_free:
        before = zero_filled(before)
    return zero_filled(position - before)


def trade_costs(quantity: Panel, price: Panel, terms: Terms) -> Panel:
    """Cost in the instrument's currency of trading so many contracts at this price: one spread side each, and the
    greatest of three commissions, of which the percentage counts only where there is a positive price."""
    size = np.abs(quantity)
    commission = np.maximum(size * terms.per_block, terms.per_trade)
    if terms.percentage.any():
        commission = np.fmax(commission, size * price * terms.point_size * terms.percentage)
    return np.where(size > 0.0, size * terms.spread * terms.point_size + commission, 0.0)


def deflator(price: Panel, reproduce: frozenset[Quirk]) -> Panel:
    """By what costs of a day differ from the quoted ones: volatility of the last 180 days over its own mean until then.

    With END_OF_SAMPLE_COSTS over its last value instead, which a past day could not know: the quoted costs are today's.
    A dead series divides by its last value that is not zero, or with DEAD_SERIES by zero.
    """
    moving = deviation(differences(price), DEFLATOR_WINDOW, DEFLATOR_OBSERVATIONS_MIN)
    moving[np.isnan(price)] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        if Quirk.END_OF_SAMPLE_COSTS not in reproduce:
            usual = np.cumsum(zero_filled(moving), axis=0) / np.cumsum(~np.isnan(moving), axis=0)
            relative = forward_filled(moving) / np.where(usual > 0.0, usual, np.nan)
            return np.where(np.isnan(relative), 1.0, relative)
        kept = moving if Quirk.DEAD_SERIES in reproduce else np.where(moving > 0.0, moving, np.nan)
        last = forward_filled(kept)[-1]
        scaled = forward_filled(moving) / last
    return scaled if Quirk.DEAD_SERIES in reproduce else np.where(np.isnan(last), 1.0, scaled)


def sharpe_costs(
    decided: Panel, kept: Held, prices: Prices, vol: Panel, average_position: Panel, terms: Terms, *, causal: bool
) -> Panel:
    """Cost in the instrument's currency as a steady drag: (turnover + two trades a roll) x the cost of one contract in
    Sharpe ratio units x the annual risk of an average position, by the calendar time since the row before.

    Carver, Systematic Trading (2015), chapter 12. Causal figures use turnover so far and price and volatility of the
    year before each day; otherwise one figure of the whole sample, with the last year's price and volatility.
    """
    count = len(prices.days)
    rate = (turnover_so_far if causal else turnover)(decided, average_position) + 2.0 * terms.rolls_a_year
    price, usual_vol = (_last_year(values, prices, causal=causal) for values in (kept.traded_price, vol))
    one = trade_costs(np.ones_like(price), price, terms)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = rate * one / (usual_vol * terms.point_size * ROOT_OF_YEAR)
    risk = forward_filled(vol * ROOT_OF_YEAR * average_position)
    if not causal:
        risk = forward_filled(risk[::-1])[::-1]
        sharpe = np.where(np.isfinite(sharpe), sharpe, 0.0)
    days = np.diff(prices.days.to_numpy()) / np.timedelta64(1, "D")
    elapsed = np.append(0.0, days)[:, None] / DAYS_A_CALENDAR_YEAR
    cost = sharpe * risk * elapsed * terms.point_size
    return np.where(prices.rows.mask(count) & ~np.isnan(kept.position), zero_filled(cost), 0.0)


def _last_year(values: Panel, prices: Prices, *, causal: bool) -> Panel:
    """Mean of the year before each day, or (one row) of the last calendar year of each instrument's prices."""
    known, there = zero_filled(values), ~np.isnan(values)
    if causal:
        sums, counts = (np.cumsum(v, axis=0) for v in (known, there.astype(float)))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean: Panel = (sums - zero_filled(shifted(sums, DAYS_A_YEAR))) / (
                counts - zero_filled(shifted(counts, DAYS_A_YEAR))
            )
        return mean
    means = np.full((1, len(prices.instruments)), np.nan)
    for column, end in enumerate(prices.adjusted_rows.end):
        start = prices.days.searchsorted(prices.days[end - 1] - pd.DateOffset(years=1))
        year = slice(start, end)
        if there[year, column].any():
            means[0, column] = known[year, column].sum() / there[year, column].sum()
    return means
