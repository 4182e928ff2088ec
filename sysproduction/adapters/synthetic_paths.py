"""Seeded random paths by trading day; every year has a random stream of its own, so a longer path extends a shorter."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.adapters.synthetic_markets import HOLIDAYS, Market, Pair

EPOCH: Final = date(2010, 1, 1)
"""Nothing is older."""

TICK_TURNS: Final = 10
"""Turns that share the bad ticks of a week evenly among its five days."""

OUTAGE_CHANCE: Final = 0.005
"""Of a day without any bar."""

_DAYS_A_YEAR: Final = 256
_OVERNIGHT_VARIANCE: Final = 0.3
_CLUSTER_DEVIATION: Final = 0.35
_CLUSTER_HALF_LIFE_DAYS: Final = 25.0
_PAIR_HALF_LIFE_DAYS: Final = 700.0
_SLOPE_DEVIATION: Final = 0.2
_SLOPE_HALF_LIFE_DAYS: Final = 120.0

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A market from EPOCH to the end of a year, one row a trading day. `level` is the log distance from the usual
    price at the open and at each intraday close (days x 1 + bars); `slope` a log amount a year of time to expiry;
    `deviation` that of the day's log move; `dark` marks days on which the source was down."""

    days: Days
    level: Floats
    slope: Floats
    deviation: Floats
    dark: NDArray[np.bool_]

    @property
    def last_year(self) -> int:
        """The last whole year of the path."""
        return int(self.days[-1].astype("datetime64[Y]").astype(int)) + 1970


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The random numbers that belong to these names alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *(_number(name) for name in names)])))


def market_path(market: Market, seed: int, last_year: int) -> Path:
    """The market's path from EPOCH to the end of `last_year`."""
    how, bars = market.behaviour, len(market.session)
    years = range(EPOCH.year, last_year + 1)
    days = [trading_days(market.listing.instrument.region, year) for year in years]
    randoms = [stream(seed, market.code, "path", year) for year in years]
    noise = np.concatenate([r.standard_normal((len(d), bars + 3)) for r, d in zip(randoms, days, strict=True)])
    dark = np.concatenate([r.random(len(d)) < OUTAGE_CHANCE for r, d in zip(randoms, days, strict=True)])
    deviation = how.volatility / np.sqrt(_DAYS_A_YEAR) * _clusters(noise[:, -1])
    parts = np.sqrt([_OVERNIGHT_VARIANCE, *[(1 - _OVERNIGHT_VARIANCE) / bars] * bars])
    shocks = noise[:, : bars + 1] * parts * deviation[:, None]
    level = _reverting(shocks.ravel(), how.half_life_days * (bars + 1)).reshape(shocks.shape)
    slope = _steady(noise[:, -2], _SLOPE_HALF_LIFE_DAYS) * _SLOPE_DEVIATION * how.volatility
    return Path(np.concatenate(days), level, slope, deviation, dark)


def pair_path(pair: Pair, seed: int, last_year: int) -> tuple[Days, Floats]:
    """A pair's days and rates from EPOCH to the end of `last_year`."""
    years = range(EPOCH.year, last_year + 1)
    days = [trading_days("US", year) for year in years]
    noise = np.concatenate(
        [stream(seed, pair.code, year).standard_normal(len(d)) for year, d in zip(years, days, strict=True)]
    )
    level = _reverting(noise * pair.volatility / np.sqrt(_DAYS_A_YEAR), _PAIR_HALF_LIFE_DAYS)
    digits = 5 - int(np.floor(np.log10(pair.rate)))
    return np.concatenate(days), np.round(pair.rate * np.exp(level), digits)


def trading_days(region: str, year: int) -> Days:
    """A region's trading days of one year."""
    days = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[D]")
    holidays = [np.datetime64(date(year, month, day)) for month, day in HOLIDAYS[region]]
    return days[np.is_busday(days, holidays=holidays)]


def is_trading_day(region: str, day: date) -> bool:
    """Whether a region trades on that day."""
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS[region]


def bad_tick_day(turn: int, seed: int, monday: date) -> date:
    """The day of that week on which a market with this turn gets a bad tick; all days get equally many turns."""
    order = stream(seed, "week", monday.toordinal()).permutation(TICK_TURNS)
    return monday + timedelta(days=int(order[turn % TICK_TURNS]) * 5 // TICK_TURNS)


def _number(name: str | int) -> int:
    return name if isinstance(name, int) else crc32(name.encode())


def _reverting(shocks: Floats, half_life: float) -> Floats:
    """x[t] = r x[t-1] + shock[t] from 0, computed strictly in order."""
    forgetting = 1 - 0.5 ** (1 / half_life)
    moves = pd.Series(shocks / forgetting)
    moves.iloc[0] = 0.0
    return moves.ewm(alpha=forgetting, adjust=False).mean().to_numpy()


def _steady(noise: Floats, half_life: float) -> Floats:
    """The same, scaled to a long-run deviation of 1."""
    kept = 0.5 ** (1 / half_life)
    return _reverting(noise * np.sqrt(1 - kept * kept), half_life)


def _clusters(noise: Floats) -> Floats:
    """Quiet and wild times: a factor with mean square 1."""
    log = _steady(noise, _CLUSTER_HALF_LIFE_DAYS) * _CLUSTER_DEVIATION
    factor: Floats = np.exp(log - _CLUSTER_DEVIATION**2)
    return factor
