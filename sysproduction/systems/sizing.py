"""From a forecast to a number of contracts for one instrument that had all the capital."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sysproduction.systems.forecasts import FORECAST_AVERAGE
from sysproduction.systems.prices import Prices
from sysproduction.systems.smoothing import Panel, forward_filled
from sysproduction.systems.volatility import ROOT_OF_YEAR


@dataclass(frozen=True, slots=True)
class Sizes:
    """Panels: `block_value` money for a price change of 1 percent on one contract, `percentage_vol` daily volatility in
    percent of the price, `instrument_value_vol` daily risk of one contract in the base currency, `vol_scalar`
    contracts that give the risk target with an average forecast."""

    block_value: Panel
    percentage_vol: Panel
    instrument_value_vol: Panel
    vol_scalar: Panel


def sizes(
    prices: Prices, vol: Panel, point_sizes: NDArray[np.float64], cash_vol_target: float, *, signed: bool = False
) -> Sizes:
    """Sizes of one contract and of an average position. `cash_vol_target` is annual, in the base currency. Daily risk
    is volatility x point size x rate; `signed` takes it by way of block value and percentage, which a negative price
    turns negative.

    Carver, Systematic Trading (2015), chapters 9 and 10.
    """
    count = len(prices.days)
    priced, current = prices.adjusted_rows.mask(count), forward_filled(prices.current)
    block_value = current * point_sizes * 0.01
    with np.errstate(divide="ignore", invalid="ignore"):
        percentage_vol = 100.0 * vol / np.abs(current)
        risk = block_value * percentage_vol if signed else vol * point_sizes
        risk = np.where(priced, risk * prices.rate, np.nan)
        vol_scalar = cash_vol_target / ROOT_OF_YEAR / risk
    block_value[~prices.multiple_rows.mask(count)] = np.nan
    return Sizes(block_value, percentage_vol, risk, vol_scalar)


def subsystem_position(vol_scalar: Panel, forecast: Panel) -> Panel:
    """Contracts that the forecast asks for; the last known `vol_scalar` is carried forward."""
    return forward_filled(vol_scalar) * forecast / FORECAST_AVERAGE
