"""Account curves: what positions earned and cost, by instrument and in total, in percent of a fixed capital."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sysproduction.domain.histories import MarketData
from sysproduction.domain.trading_systems import CostMethod, Quirk
from sysproduction.systems.costs import Held, Terms, deflator, held, sharpe_costs, trade_costs, trades
from sysproduction.systems.prices import Prices
from sysproduction.systems.rolls import roll_costs
from sysproduction.systems.smoothing import Panel, differences, shifted


@dataclass(frozen=True, slots=True)
class Account:
    """Daily percent of capital. Panels `gross` and `costs` (0 or negative) by instrument, NaN where an instrument has
    no data; `costs_total` is theirs summed, and may be NaN where costs are reproduced as missing."""

    gross: Panel
    costs: Panel
    costs_total: NDArray[np.float64]

    @property
    def net(self) -> Panel:
        """Gross and costs together."""
        return self.gross + self.costs

    @property
    def gross_total(self) -> NDArray[np.float64]:
        """Of all instruments."""
        return np.nansum(self.gross, axis=1)  # type: ignore[no-any-return]

    @property
    def net_total(self) -> NDArray[np.float64]:
        """Of all instruments."""
        return np.nansum(self.net, axis=1)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What accounts need besides positions: prices, volatility (points a day), terms, and the capital in the base
    currency that everything is a percentage of."""

    market: MarketData
    prices: Prices
    vol: Panel
    terms: Terms
    capital: float


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
    kept = held(positions, prices)
    percent = 100.0 / ledger.capital
    moves = shifted(kept.position, 1) * differences(kept.known_price)
    gross = np.where(covered, np.nan_to_num(moves * ledger.terms.point_size * prices.rate) * percent, np.nan)
    if method is CostMethod.CASH:
        costs, charged = _cash_costs(kept, ledger, reproduce)
    elif method is CostMethod.SHARPE:
        causal = Quirk.END_OF_SAMPLE_COSTS not in reproduce
        costs = sharpe_costs(positions, kept, prices, ledger.vol, average_position, ledger.terms, causal=causal)
        costs, charged = costs * prices.rate, covered
    else:
        costs, charged = np.zeros_like(gross), covered
    costs = -percent * np.nan_to_num(costs, posinf=np.inf)
    total = costs.sum(axis=1)
    if Quirk.MISSING_COSTS in reproduce:
        total = _missing_outside(total, charged)
    return Account(gross, np.where(covered, costs, np.nan), total)


def _cash_costs(kept: Held, ledger: Ledger, reproduce: frozenset[Quirk]) -> tuple[Panel, NDArray[np.bool_]]:
    """Costs of trades and rolls in the base currency, and where there are any."""
    free = Quirk.FREE_COMMISSION in reproduce
    quantity = trades(kept.position, first_is_free=free)
    costs = trade_costs(quantity, kept.price if free else kept.known_price, ledger.terms) * ledger.prices.rate
    currencies = [ledger.market.histories[code].listing.instrument.currency for code in ledger.prices.instruments]
    rolling, rolled = roll_costs(kept, ledger.prices, ledger.terms, dict(ledger.market.rates), currencies)
    costs += rolling
    with np.errstate(invalid="ignore"):
        costs *= deflator(kept.known_price, reproduce)
    return costs, rolled | (quantity != 0.0)


def _missing_outside(total: NDArray[np.float64], charged: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows = np.flatnonzero(charged.any(axis=1))
    kept = np.full_like(total, np.nan)
    if len(rows):
        kept[rows[0] : rows[-1] + 1] = total[rows[0] : rows[-1] + 1]
    return kept
