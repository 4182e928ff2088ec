"""Every instrument measured at the report's moment: price, volatility and value of one contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.domain.histories import MarketData
from sysproduction.domain.instruments import Instrument
from sysproduction.systems.prices import Prices, daily_prices
from sysproduction.systems.smoothing import Panel, forward_filled
from sysproduction.systems.volatility import DAYS_A_YEAR, ROOT_OF_YEAR, daily_volatility


@dataclass(frozen=True, slots=True)
class Measure:
    """One instrument: `price` of the contract in use (known on `day`), `rate` of its currency in base currency,
    `daily_vol` the standard deviation of daily changes in points (systems.volatility), `mean_annual_percent` the mean
    over the last 256 days of annual volatility in percent of the price. None: not known."""

    instrument: Instrument
    price: float
    day: datetime
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
    """Panels of days x instruments up to the report's moment; `measures` in order of the columns, for instruments with
    enough prices. `missing` says of the others why."""

    prices: Prices | None = None
    vol: Panel = field(default_factory=lambda: np.empty((0, 0)))
    measures: Mapping[str, Measure] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def changes(self, code: str) -> "pd.Series[float]":
        """Daily changes of the back-adjusted price in points, of days with a price."""
        return self.adjusted(code).diff().iloc[1:]

    def adjusted(self, code: str) -> "pd.Series[float]":
        """Last back-adjusted price of each day that has one."""
        assert self.prices is not None
        column = self.prices.instruments.index(code)
        return pd.Series(self.prices.adjusted[:, column], index=self.prices.days).dropna()

    def current(self, code: str) -> "pd.Series[float]":
        """Last price of the contract in use of each day that has one."""
        assert self.prices is not None
        column = self.prices.instruments.index(code)
        return pd.Series(self.prices.current[:, column], index=self.prices.days).dropna()

    @property
    def silent(self) -> tuple[str, ...]:
        """What `missing` has to say, one sentence an instrument."""
        return tuple(f"{code}: {why}" for code, why in sorted(self.missing.items()))


def measured(market: MarketData) -> Markets:
    """Measure every instrument of recorded histories, which end at the report's moment."""
    missing = dict(market.missing)
    usable = {code: h for code, h in sorted(market.histories.items()) if len(h.adjusted) and len(h.multiple)}
    missing |= {code: "no prices up to this moment" for code in market.histories if code not in usable}
    if not usable:
        return Markets(missing=missing)
    prices = daily_prices(market, [history.listing for history in usable.values()])
    vol = daily_volatility(prices.adjusted)
    percent = 100.0 * ROOT_OF_YEAR * vol / np.abs(prices.current)
    last_price, last_vol = _last(prices.current), _last(vol)
    found = {}
    for column, (code, history) in enumerate(usable.items()):
        if not (np.isfinite(last_price[column]) and np.isfinite(last_vol[column])):
            missing[code] = "too few prices to measure its volatility"
            continue
        instrument = history.listing.instrument
        known = np.flatnonzero(np.isfinite(prices.current[:, column]))
        found[code] = Measure(
            instrument=instrument,
            price=float(last_price[column]),
            day=prices.days[known[-1]].to_pydatetime(),
            rate=_rate(prices, column, instrument.currency in market.missing),
            daily_vol=float(last_vol[column]),
            mean_annual_percent=_mean(percent[:, column]),
        )
    return Markets(prices, vol, found, missing)


def _last(panel: Panel) -> NDArray[np.float64]:
    return np.asarray(forward_filled(panel)[-1])


def _rate(prices: Prices, column: int, unknown: bool) -> float | None:
    rate = float(prices.rate[-1, column])
    return None if unknown or not np.isfinite(rate) else rate


def _mean(percent: NDArray[np.float64]) -> float | None:
    known = percent[np.isfinite(percent)][-DAYS_A_YEAR:]
    return float(known.mean()) if len(known) else None
