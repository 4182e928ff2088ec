"""Every instrument measured at the report's moment: price, volatility and value of one contract."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Instrument
from sysproduction.systems.prices import daily_prices
from sysproduction.systems.volatility import DAYS_A_YEAR, ROOT_OF_YEAR, daily_volatility

RECENT_DAYS: Final = 550
"""Business days of prices that reports look at one by one: two years, and a little."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One instrument: last `price` of the contract in use, `rate` of its currency in base currency,
    `daily_vol` the standard deviation of daily changes in points (systems.volatility), `mean_annual_percent` the mean
    over the last 256 days of annual volatility in percent of the price. None: not known."""

    instrument: Instrument
    price: float
    rate: float | None
    daily_vol: float
    mean_annual_percent: float | None

    @property
    def annual_vol(self) -> float:
        """Annual standard deviation of the price in points."""
        return self.daily_vol * ROOT_OF_YEAR

    @property
    def daily_percent(self) -> float | None:
        """Daily volatility in percent of the price; None at a price of zero."""
        return 100.0 * self.daily_vol / abs(self.price) if self.price else None

    @property
    def annual_percent(self) -> float | None:
        """Annual volatility in percent of the price."""
        daily = self.daily_percent
        return None if daily is None else daily * ROOT_OF_YEAR

    @property
    def point_size_base(self) -> float | None:
        """Base currency for a price move of 1 on one contract."""
        return None if self.rate is None else self.instrument.point_size * self.rate

    @property
    def exposure(self) -> float | None:
        """Value of one contract in base currency."""
        return None if self.point_size_base is None else self.price * self.point_size_base

    @property
    def annual_risk(self) -> float | None:
        """Annual standard deviation of one contract in base currency."""
        size = self.point_size_base
        return None if size is None else self.annual_vol * size


@dataclass(frozen=True, slots=True)
class Markets:
    """Instruments with enough prices up to the report's moment: each measured, and its last prices of the last
    RECENT_DAYS business days, of days that have one: `adjusted` back-adjusted, `current` of the contract in use.
    `missing` says of the others why."""

    measures: Mapping[str, Measure] = field(default_factory=dict)
    adjusted: Mapping[str, "pd.Series[float]"] = field(default_factory=dict)
    current: Mapping[str, "pd.Series[float]"] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def changes(self, code: str) -> "pd.Series[float]":
        """Changes of the back-adjusted price in points, from day to day that has one."""
        return self.adjusted[code].diff().iloc[1:]

    @property
    def silent(self) -> tuple[str, ...]:
        """What `missing` has to say, one sentence an instrument."""
        return tuple(f"{code}: {why}" for code, why in sorted(self.missing.items()))


def measured(
    histories: Iterable[History], rates: Mapping[str, "pd.Series[float]"], missing: Mapping[str, str]
) -> Markets:
    """Measure recorded histories that end at the report's moment, one after the other, so that only one need be in
    memory. `rates` are of currencies other than the base currency; one that is missing is named in `missing`."""
    measures, adjusted, current, silent = {}, {}, {}, dict(missing)
    for history in histories:
        code, currency = history.listing.instrument.code, history.listing.instrument.currency
        if history.adjusted.empty or history.multiple.empty:
            silent[code] = "no prices up to this moment"
            continue
        prices = daily_prices(MarketData({code: history}, rates), [history.listing])
        vol = daily_volatility(prices.adjusted)[:, 0]
        known = pd.DataFrame({"adjusted": prices.adjusted[:, 0], "current": prices.current[:, 0]}, index=prices.days)
        recent = known.iloc[-RECENT_DAYS:]
        last = known["current"].dropna()
        if last.empty or not np.isfinite(vol[-1]):
            silent[code] = "too few prices to measure its volatility"
            continue
        rate = float(prices.rate[-1, 0])
        measures[code] = Measure(
            instrument=history.listing.instrument,
            price=float(last.iloc[-1]),
            rate=None if currency in missing or not np.isfinite(rate) else rate,
            daily_vol=float(vol[-1]),
            mean_annual_percent=_mean_percent(vol, prices.current[:, 0]),
        )
        adjusted[code], current[code] = recent["adjusted"].dropna(), recent["current"].dropna()
    return Markets(measures, adjusted, current, silent)


def _mean_percent(vol: NDArray[np.float64], price: NDArray[np.float64]) -> float | None:
    """Annual volatility in percent of the price, mean of the last DAYS_A_YEAR days with a price."""
    with np.errstate(divide="ignore"):
        percent = 100.0 * ROOT_OF_YEAR * vol / np.abs(price)
    known = percent[np.isfinite(percent)][-DAYS_A_YEAR:]
    return float(known.mean()) if len(known) else None
