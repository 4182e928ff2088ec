"""Account curves: what positions earned and cost, by instrument and in total, in percent of a fixed capital."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.histories import MarketData
from sysproduction.domain.trading_systems import CostMethod, Quirk
from sysproduction.systems.costs import Held, Terms, deflator, held, sharpe_costs, trade_costs, trades
from sysproduction.systems.prices import Prices
from sysproduction.systems.rolls import roll_costs
from sysproduction.systems.smoothing import Panel, differences, shifted, zero_filled


@dataclass(frozen=True, slots=True)
class Account:
    """Daily percent of capital. Panels `gross` and `costs` (0 or negative) by instrument, NaN where an instrument has
    no data; with MISSING_COSTS costs are NaN too before the first and after the last day that has any."""

    gross: Panel
    costs: Panel

    @property
    def net(self) -> Panel:
        """Gross and costs together."""
        return self.gross + zero_filled(self.costs)

    @property
    def gross_total(self) -> NDArray[np.float64]:
        """Of all instruments."""
        return np.asarray(np.nansum(self.gross, axis=1))

    @property
    def net_total(self) -> NDArray[np.float64]:
        """Of all instruments."""
        return np.asarray(np.nansum(self.net, axis=1))

    @property
    def costs_total(self) -> NDArray[np.float64]:
        """Of all instruments; NaN before and after all that are known."""
        total, known = np.nansum(self.costs, axis=1), np.flatnonzero(~np.isnan(self.costs).all(axis=1))
        if len(known):
            total[: known[0]] = total[known[-1] + 1 :] = np.nan
        return np.asarray(total)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What accounts need besides positions: prices, volatility (points a day), terms, and the capital in the base
    currency that everything is a percentage of."""

    market: MarketData
    prices: Prices
    vol: Panel
    terms: Terms
    capital: float

    def part(self, columns: slice) -> "Ledger":
        """Of some instruments."""
        prices, terms = self.prices.part(columns), self.terms.part(columns)
        return Ledger(self.market, prices, self.vol[:, columns], terms, self.capital)


def account(
    positions: Panel,
    average_position: Panel,
    ledger: Ledger,
    method: CostMethod,
    reproduce: frozenset[Quirk] = frozenset(),
) -> Account:
    """The account of positions as decided at each day's close: filled at the next close, they earn from then on.
    `average_position` (contracts that an average forecast gives) is what Sharpe ratio costs go by."""
    prices, covered = ledger.prices, ledger.prices.rows.mask(len(ledger.prices.days))
    kept = held(positions, prices, adjusted_commission=Quirk.FREE_COMMISSION in reproduce)
    percent = 100.0 / ledger.capital
    moves = shifted(kept.position, 1) * differences(kept.price)
    gross = np.where(covered, zero_filled(moves * ledger.terms.point_size * prices.rate) * percent, np.nan)
    if method is CostMethod.CASH:
        costs, charged = _cash_costs(kept, ledger, reproduce)
        if Quirk.MISSING_COSTS in reproduce:
            covered = _between_ends(charged)
    elif method is CostMethod.SHARPE:
        causal = Quirk.END_OF_SAMPLE_COSTS not in reproduce
        costs = sharpe_costs(positions, kept, prices, ledger.vol, average_position, ledger.terms, causal=causal)
        costs *= prices.rate
    else:
        costs = np.zeros_like(gross)
    return Account(gross, np.where(covered, -percent * zero_filled(costs), np.nan))


def _cash_costs(kept: Held, ledger: Ledger, reproduce: frozenset[Quirk]) -> tuple[Panel, NDArray[np.bool_]]:
    """Costs of trades and rolls in the base currency, and where there are any."""
    quantity = trades(kept.position, first_is_free=Quirk.FREE_COMMISSION in reproduce)
    costs = trade_costs(quantity, kept.traded_price, ledger.terms) * ledger.prices.rate
    currencies = [ledger.market.histories[code].listing.instrument.currency for code in ledger.prices.instruments]
    rolling, rolled = roll_costs(kept, ledger.prices, ledger.terms, dict(ledger.market.rates), currencies)
    costs += rolling
    with np.errstate(invalid="ignore"):
        costs *= deflator(kept.price, reproduce)
    return costs, rolled | (quantity != 0.0)


def _between_ends(charged: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """From the first to the last true row of each column."""
    begun = np.logical_or.accumulate(charged, axis=0)
    goes_on = np.logical_or.accumulate(charged[::-1], axis=0)[::-1]
    return np.asarray(begun & goes_on)
