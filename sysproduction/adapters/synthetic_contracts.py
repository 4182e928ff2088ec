"""One synthetic contract's life: its intraday and daily bars with volumes, gaps and the bad ticks planted in them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.adapters.synthetic_markets import Market
from sysproduction.adapters.synthetic_paths import Days, Floats, Path, bad_tick_day, stream
from sysproduction.domain.bars import BAR_COLUMNS, Frequency
from sysproduction.domain.contracts import delivery
from sysproduction.domain.rolls import approximate_expiry

GAP_CHANCE: Final = 0.004
"""Of one intraday bar that is missing."""

BAD_FACTORS: Final = (10.0, 0.1, 100.0, 0.01)
DAILY_TICK_CHANCE: Final = 0.25
CLOSE_HOUR: Final = 23
_OWN_NOISE: Final = 0.03
_SHIFT_DAYS: Final = 4.0
_SIDELINE_SHARE: Final = 0.1
_QUIET_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Planted:
    """A bad tick that the feed serves as a close, and the truth. `contract` is None for a currency pair."""

    instrument: str
    contract: str | None
    frequency: Frequency
    stamp: datetime
    bad: float
    true: float


@dataclass(frozen=True, slots=True)
class Priced:
    """The trading days on which the market rolled into and out of a held contract."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """All bars of a contract, bad ticks included, and the list of those."""

    bars: dict[Frequency, pd.DataFrame]
    planted: tuple[Planted, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Bars by day and hour; `there` tells which the source has."""

    days: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    there: NDArray[np.bool_]


def trade_contract(market: Market, path: Path, contract: str, *, priced: Priced | None, seed: int) -> Traded:
    """A contract from its listing to its expiry; `priced` is None for one that is never held."""
    expiry = approximate_expiry(contract, market.listing.roll_parameters)
    listed = expiry - timedelta(days=market.behaviour.listed_days)
    first, last = np.searchsorted(path.days, np.array([listed, expiry + timedelta(days=1)], dtype="datetime64[D]"))
    grid = _trade(market, path, slice(first, last), contract, priced=priced, seed=seed)
    bars = {Frequency.INTRADAY: _intraday(grid, market.session), Frequency.DAILY: _daily(grid)}
    planted = _plant(market, bars, contract, priced=priced, seed=seed) if priced else ()
    return Traded(bars, planted)


def round_to_tick(price: Floats, tick: float) -> Floats:
    """The nearest price that can be quoted."""
    rounded: Floats = np.round(np.rint(price / tick) * tick, 10)
    return rounded


def stamp_at(day: date, hour: int) -> datetime:
    """That hour of that day, UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def _trade(market: Market, path: Path, rows: slice, contract: str, *, priced: Priced | None, seed: int) -> _Grid:
    days, deviation = path.days[rows], path.deviation[rows]
    bars = len(market.session)
    random = stream(seed, market.code, contract)
    prices = _prices(market, path, rows, contract, random)
    opens, closes = prices[:, :-1], prices[:, 1:]
    reach = np.abs(random.standard_normal((2, len(days), bars))) * (deviation / bars**0.5)[None, :, None] * 0.6
    high = np.maximum(round_to_tick(np.maximum(opens, closes) * (1 + reach[0]), market.behaviour.tick), closes)
    low = np.minimum(round_to_tick(np.minimum(opens, closes) * (1 - reach[1]), market.behaviour.tick), closes)
    high, low = np.maximum(high, opens), np.minimum(low, opens)
    there = random.random((len(days), bars)) >= GAP_CHANCE
    there[:, -1] = True
    volume = _volumes(market, days, priced, random)
    there &= ~(path.dark[rows] & ~_is_roll_day(days, priced))[:, None]
    return _Grid(days, opens, high, low, closes, volume, there)


def _prices(market: Market, path: Path, rows: slice, contract: str, random: np.random.Generator) -> Floats:
    """Prices at the open and at each intraday close."""
    how = market.behaviour
    expiry = np.datetime64(approximate_expiry(contract, market.listing.roll_parameters))
    years = (expiry - path.days[rows]).astype(float) / 365
    month = delivery(contract)[1]
    curve = (how.slope + path.slope[rows]) * years + how.season * np.cos((month - how.season_peak) / 6 * np.pi)
    level = path.level[rows] * np.exp(-how.damping * years)[:, None]
    own = random.standard_normal(level.shape) * (path.deviation[rows] * _OWN_NOISE)[:, None]
    return np.maximum(round_to_tick(how.price * np.exp(level + curve[:, None] + own), how.tick), how.tick)


def _volumes(market: Market, days: Days, priced: Priced | None, random: np.random.Generator) -> Floats:
    """Contracts by bar: most while the contract is the priced one, busiest at the ends of the session."""
    bars = len(market.session)
    busy = 1 + np.linspace(-1, 1, bars) ** 2
    noise = np.exp(0.3 * random.standard_normal((len(days), bars)))
    daily = market.behaviour.volume * _share(days, priced)
    volumes: Floats = np.maximum(np.rint(daily[:, None] * busy / busy.sum() * noise), 1.0)
    return volumes


def _share(days: Days, priced: Priced | None) -> Floats:
    """How much of the market's volume is in the contract: it moves over within days of each roll."""
    if priced is None:
        return np.full(len(days), _SIDELINE_SHARE)
    since = (days - np.datetime64(priced.first)).astype(float)
    left = (np.datetime64(priced.last) - days).astype(float)
    inside = 1 / (1 + np.exp(-np.clip(np.minimum(since, left) / _SHIFT_DAYS, -30, 30)))
    share: Floats = _QUIET_SHARE + (1 - _QUIET_SHARE) * inside
    return share


def _is_roll_day(days: Days, priced: Priced | None) -> NDArray[np.bool_]:
    if priced is None:
        return np.zeros(len(days), bool)
    return np.isin(days, np.array([priced.first, priced.last], dtype="datetime64[D]"))


def _intraday(grid: _Grid, session: range) -> pd.DataFrame:
    hours = np.array(session, dtype="timedelta64[h]")
    stamps = np.add.outer(grid.days.astype("datetime64[ns]"), hours)[grid.there]
    fields = (grid.open, grid.high, grid.low, grid.close, grid.volume)
    return _frame(stamps, [values[grid.there] for values in fields])


def _daily(grid: _Grid) -> pd.DataFrame:
    there = grid.there.any(axis=1)
    stamps = grid.days.astype("datetime64[ns]") + np.timedelta64(CLOSE_HOUR, "h")
    high, low, volume = grid.high.max(axis=1), grid.low.min(axis=1), grid.volume.sum(axis=1)
    fields = (grid.open[:, 0], high, low, grid.close[:, -1], volume)
    return _frame(stamps[there], [values[there] for values in fields])


def _frame(stamps: NDArray[Any], fields: list[Floats]) -> pd.DataFrame:
    index = pd.DatetimeIndex(stamps, tz=UTC)
    return pd.DataFrame(np.column_stack(fields), index=index, columns=list(BAR_COLUMNS))


def _plant(
    market: Market, bars: dict[Frequency, pd.DataFrame], contract: str, *, priced: Priced, seed: int
) -> tuple[Planted, ...]:
    """Spoil one bar in each week, on a day strictly between the rolls; the frames are changed in place."""
    mondays = pd.date_range(priced.first - timedelta(days=priced.first.weekday()), priced.last, freq="7D")
    days = [bad_tick_day(market.turn, seed, monday.date()) for monday in mondays]
    planted = []
    for day in days:
        random = stream(seed, market.code, "tick", day.toordinal())
        frequency = Frequency.DAILY if random.random() < DAILY_TICK_CHANCE else Frequency.INTRADAY
        row = _any_row(bars[frequency].index, day, random)
        if row is not None and priced.first < day < priced.last:
            stamp = bars[frequency].index[row].to_pydatetime()
            bad, true = _spoil(bars[frequency], row, float(random.choice(BAD_FACTORS)))
            planted.append(Planted(market.code, contract, frequency, stamp, bad, true))
    return tuple(planted)


def _any_row(index: pd.Index, day: date, random: np.random.Generator) -> int | None:
    start = pd.Timestamp(stamp_at(day, 0))
    first, last = index.searchsorted(start), index.searchsorted(start + pd.Timedelta(days=1))
    return int(random.integers(first, last)) if first < last else None


def _spoil(frame: pd.DataFrame, row: int, factor: float) -> tuple[float, float]:
    """Multiply one close; high and low follow it as in a real feed. The bad and the true close."""
    bar = frame.iloc[row].to_dict()
    true = float(bar["close"])
    bad = round(true * factor, 10)
    bar |= {"close": bad, "high": max(bad, bar["high"]), "low": min(bad, bar["low"])}
    frame.iloc[row] = pd.Series(bar)
    return bad, true
