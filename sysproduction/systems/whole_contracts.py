"""Dynamic optimisation over a system's days: each day starts from the contracts of the day before."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.system_options import Dynamic
from sysproduction.systems.correlations import Matrix, correlations, positive
from sysproduction.systems.costs import Terms
from sysproduction.systems.dynamic import Constraint, Portfolio, contract_risk, optimise
from sysproduction.systems.fitting import week_ends, weekly_sums
from sysproduction.systems.prices import Prices
from sysproduction.systems.sizing import Sizes
from sysproduction.systems.smoothing import Panel, differences, empty, forward_filled
from sysproduction.systems.volatility import ROOT_OF_YEAR

SPANS: Final = 4
"""Weeks that correlations are taken from, in spans: what is older has a weight below a thousandth."""

WEEKS_MIN: Final = 10


@dataclass(frozen=True, slots=True)
class Contracts:
    """By day and instrument, for one contract and as shares of capital: annual `risk` and `cost` of trading it; and
    daily returns over volatility, whose weekly sums give correlations."""

    risk: Panel
    cost: Panel
    normalised: Panel


def contracts(prices: Prices, vol: Panel, sizes: Sizes, terms: Terms, capital: float) -> Contracts:
    """What optimisation needs to know of contracts; all of it known at the day's close."""
    price = np.abs(forward_filled(prices.current))
    value = price * terms.point_size
    paid = terms.spread * terms.point_size + np.maximum(
        np.maximum(terms.per_block, terms.per_trade), terms.percentage * value
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        normalised = differences(forward_filled(prices.adjusted)) / forward_filled(vol)
    known = np.isfinite(prices.adjusted)
    return Contracts(
        risk=np.abs(forward_filled(sizes.instrument_value_vol)) * ROOT_OF_YEAR / capital,
        cost=paid * prices.rate / capital,
        normalised=np.where(known, normalised, np.nan),
    )


def optimised_positions(optimal: Panel, known: Contracts, prices: Prices, settings: Dynamic) -> Panel:
    """Whole contracts by day that follow the `optimal` ones. An instrument takes part on days that its data covers, and
    on which its optimum, risk and cost are known; on others it keeps its contracts, and after its data ends has
    none. NaN outside what the data covers."""
    covered = prices.rows.mask(len(prices.days))
    held, out = np.zeros(optimal.shape[1], dtype=np.int64), empty(*optimal.shape)
    for row, matrix in _correlations(prices, known, settings):
        held = np.where(covered[row], held, 0)
        usable = covered[row] & np.isfinite(optimal[row]) & (known.risk[row] > 0.0) & np.isfinite(known.risk[row])
        members = np.flatnonzero(usable & np.isfinite(known.cost[row]))
        if len(members):
            wanted = portfolio(row, members, optimal, held, known, matrix, prices.instruments)
            held[members] = optimise(wanted, [Constraint()] * len(members), settings).positions
        out[row] = np.where(covered[row], held, np.nan)
    return out


def portfolio(
    row: int | NDArray[np.int64],
    members: NDArray[np.int64],
    optimal: Panel,
    held: NDArray[np.int64],
    known: Contracts,
    matrix: Matrix,
    names: tuple[str, ...],
) -> Portfolio:
    """What is to be optimised on one day, or on each member's own, of those instruments that are `members`."""
    correlation = matrix[np.ix_(members, members)]
    return Portfolio(
        tuple(names[member] for member in members),
        optimal[row, members],
        held[members],
        contract_risk(known.risk[row, members], correlation),
        known.cost[row, members],
    )


def _correlations(prices: Prices, known: Contracts, settings: Dynamic) -> Iterator[tuple[int, Matrix]]:
    """Each row with the correlations of the weeks that were complete before it, recent ones weighing most."""
    ends = week_ends(prices.days)
    weeks = weekly_sums(known.normalised, ends)
    count, matrix, used = known.normalised.shape[1], None, -1
    for row in range(len(prices.days)):
        week = int(np.searchsorted(ends, row))
        if matrix is None or week != used:
            matrix, used = recent_correlations(weeks[:week], settings.correlation_span_weeks, count), week
        yield row, matrix


def last_correlations(prices: Prices, known: Contracts, settings: Dynamic) -> Matrix:
    """Those of the last day: from the weeks that were complete before it."""
    ends = week_ends(prices.days)
    weeks = weekly_sums(known.normalised, ends)
    complete = int(np.searchsorted(ends, len(prices.days) - 1))
    return recent_correlations(weeks[:complete], settings.correlation_span_weeks, known.normalised.shape[1])


def recent_correlations(weeks: Matrix, span: int, count: int) -> Matrix:
    """Correlations of `count` columns of weekly returns, exponentially weighted by a span of weeks."""
    recent = weeks[-SPANS * span :]
    if not len(recent):
        return positive(correlations(np.full((1, count), np.nan), WEEKS_MIN))
    decay = 1.0 - 2.0 / (span + 1.0)
    importance = decay ** np.arange(len(recent) - 1, -1, -1.0)
    return positive(correlations(recent, WEEKS_MIN, importance))
