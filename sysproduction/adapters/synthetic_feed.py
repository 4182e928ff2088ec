"""The synthetic feed: a seeded market with no end, where every fact of the past follows from the seed and its date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from sysproduction.adapters.stamped import between, no_bars, suggestion
from sysproduction.adapters.synthetic_contracts import (
    BAD_FACTORS,
    CLOSE_HOUR,
    Planted,
    Priced,
    Traded,
    round_to_tick,
    stamp_at,
    trade_contract,
)
from sysproduction.adapters.synthetic_markets import MARKETS, PAIRS, Market, Pair
from sysproduction.adapters.synthetic_paths import (
    EPOCH,
    Path,
    bad_tick_day,
    is_trading_day,
    market_path,
    pair_path,
    stream,
)
from sysproduction.domain.bars import Frequency
from sysproduction.domain.broker import Session
from sysproduction.domain.contracts import ContractListing, contract_name, delivery
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.instruments import Listing, Quote
from sysproduction.domain.rolls import (
    Roll,
    approximate_expiry,
    carry_contract,
    contracts_at,
    desired_roll_date,
    next_held,
    next_priced,
)

QUOTE_AGE_MAX: Final = timedelta(days=4)
DEPTH_SHARE: Final = 0.02
"""Of the last bar's volume that stands at the best price."""

PAIR_TICK_WEEKS: Final = 4
"""A currency pair has one bad rate in so many weeks."""

CONTRACTS_KEPT: Final = 256
"""Contracts whose bars stay in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """A market up to the end of a year: its path and the rolls on it, by price contract in order."""

    path: Path
    rolls: Mapping[str, Roll]


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """A currency pair up to the end of a year, bad rates included."""

    frame: pd.DataFrame
    planted: tuple[Planted, ...]


class SyntheticFeed:
    """Feed of invented markets (all, or those named), from 2010 on without end.

    The same seed gives the same facts however they are asked for. The chain reaches back to contracts that were
    alive `history_days` ago, so that a fresh store starts with that much history. Each market has a bad tick
    nearly every week, spread over the days; `planted` tells which. Raises ConfigError for an unknown instrument
    or a negative seed.
    """

    def __init__(self, seed: int, instruments: Sequence[str] | None = None, *, history_days: int = 300) -> None:
        if seed < 0:
            raise ConfigError(f"seed of the synthetic feed is {seed}; expected 0 or more")
        known = {market.code: market for market in MARKETS}
        chosen = sorted(known if instruments is None else set(instruments))
        for code in chosen:
            if code not in known:
                raise ConfigError(_unknown("instrument", code, known))
        self._seed = seed
        self._history = timedelta(days=history_days)
        self._markets = {code: known[code] for code in chosen}
        self._pairs = {pair.code: pair for pair in PAIRS}
        self._courses: dict[str, _Course] = {}
        self._rates: dict[str, _Rates] = {}
        self._traded = lru_cache(maxsize=CONTRACTS_KEPT)(self._trade)

    def instruments(self) -> Sequence[Listing]:
        """Its markets, sorted by code."""
        return tuple(market.listing for market in self._markets.values())

    def chain(self, instrument: str, now: datetime) -> Sequence[ContractListing]:
        """Contracts listed by `now` and not expired more than the history ago, with their expiries."""
        market = self._market(instrument)
        parameters, listed = market.listing.roll_parameters, timedelta(days=market.behaviour.listed_days)
        oldest = max((now - self._history).date(), EPOCH)
        start = oldest - timedelta(days=parameters.expiry_offset + 62)
        chain = []
        contract = next_priced(contract_name(start.year, start.month), parameters)
        while (expiry := approximate_expiry(contract, parameters)) - listed <= now.date():
            if expiry >= oldest:
                chain.append(ContractListing(contract, expiry))
            contract = next_priced(contract, parameters)
        return chain

    def bars(
        self, instrument: str, contract: str, frequency: Frequency, *, after: datetime | None, until: datetime
    ) -> pd.DataFrame:
        """Bars from the contract's listing on; empty for a contract that the market does not list."""
        return between(self._life(self._market(instrument), contract).bars[frequency], after, until)

    def rolls(self, instrument: str, *, after: datetime | None, until: datetime) -> Sequence[Roll]:
        """One second after the last intraday bar of each desired roll date, or of the next trading day."""
        rolls = self._course(self._market(instrument), until.date()).rolls.values()
        return [roll for roll in rolls if (after is None or after < roll.stamp) and roll.stamp <= until]

    def currency_pairs(self) -> Sequence[str]:
        """Every currency of the markets against the dollar."""
        return tuple(sorted(self._pairs))

    def fx(self, pair: str, *, after: datetime | None, until: datetime) -> pd.DataFrame:
        """One rate a trading day, at 23:00 UTC."""
        return between(self._pair_rates(pair, until.date()).frame, after, until)

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """Around the contract's last true price, if less than QUOTE_AGE_MAX old, and as deep as its volume allows;
        `at` is that price's stamp."""
        market = self._market(instrument)
        bars = self.bars(instrument, contract, Frequency.INTRADAY, after=now - QUOTE_AGE_MAX, until=now)
        if bars.empty:
            return None
        at = bars.index[-1].to_pydatetime()
        truth = {(p.stamp, p.frequency): p.true for p in self._life(market, contract).planted}
        price = truth.get((at, Frequency.INTRADAY), float(bars["close"].iloc[-1]))
        bid, ask = _best(price, market)
        size = max(1, int(bars["volume"].iloc[-1] * DEPTH_SHARE))
        return Quote(at, bid, ask, size, size)

    def sessions(self, instrument: str, now: datetime) -> Sequence[Session]:
        """From an hour before the first intraday bar's stamp to the last one's, on the days of its region."""
        market = self._market(instrument)
        days = [now.date() + timedelta(days=ahead) for ahead in range(-1, 4)]
        first, last = market.session[0] - 1, market.session[-1]
        return [
            Session(stamp_at(day, first), stamp_at(day, last))
            for day in days
            if is_trading_day(market.listing.instrument.region, day)
        ]

    def planted(self, after: datetime | None, until: datetime) -> Sequence[Planted]:
        """The bad ticks with after < stamp <= until of all contracts and currency pairs, by stamp."""
        found = [tick for pair in self._pairs for tick in self._pair_rates(pair, until.date()).planted]
        for market in self._markets.values():
            rolls = list(self._course(market, until.date()).rolls.values())
            ends = [roll.stamp for roll in rolls[1:]] + [datetime.max.replace(tzinfo=UTC)]
            for roll, end in zip(rolls, ends, strict=True):
                if roll.stamp <= until and (after is None or end > after):
                    found += self._life(market, roll.price).planted
        chosen = [tick for tick in found if (after is None or after < tick.stamp) and tick.stamp <= until]
        return sorted(chosen, key=lambda tick: (tick.stamp, tick.instrument))

    def _market(self, instrument: str) -> Market:
        if instrument not in self._markets:
            raise DataError(_unknown("instrument", instrument, self._markets))
        return self._markets[instrument]

    def _course(self, market: Market, day: date) -> _Course:
        course = self._courses.get(market.code)
        if course is None or course.path.last_year < day.year:
            path = market_path(market, self._seed, max(day.year, EPOCH.year) + 1)
            course = self._courses[market.code] = _Course(path, _rolls_on(market, path))
        return course

    def _life(self, market: Market, contract: str) -> Traded:
        year, month, _ = delivery(contract)
        parameters = market.listing.roll_parameters
        expiry = approximate_expiry(contract, parameters)
        before = contract_name(year - (month == 1), (month - 2) % 12 + 1)
        if contract != next_priced(before, parameters) or expiry < EPOCH:
            return _NEVER
        return self._traded(market.code, contract)

    def _trade(self, code: str, contract: str) -> Traded:
        market = self._markets[code]
        course = self._course(market, approximate_expiry(contract, market.listing.roll_parameters))
        priced = None
        if contract in course.rolls:
            into, out = course.rolls[contract], course.rolls[next_held(contract, market.listing.roll_parameters)]
            priced = Priced(into.stamp.date(), out.stamp.date())
        return trade_contract(market, course.path, contract, priced=priced, seed=self._seed)

    def _pair_rates(self, code: str, day: date) -> _Rates:
        if code not in self._pairs:
            raise DataError(_unknown("currency pair", code, self._pairs))
        rates = self._rates.get(code)
        if rates is None or rates.frame.index[-1].year < day.year:
            rates = self._rates[code] = _pair_rates(self._pairs[code], self._seed, max(day.year, EPOCH.year))
        return rates


def _rolls_on(market: Market, path: Path) -> dict[str, Roll]:
    """All rolls within the path; the first contracts are set at its start."""
    parameters = market.listing.roll_parameters
    price = contracts_at(EPOCH, parameters)[0]
    stamp: datetime | None = datetime.combine(EPOCH, time(), UTC)
    rolls = {}
    while stamp is not None:
        forward = next_held(price, parameters)
        rolls[price] = Roll(stamp, price, forward, carry_contract(price, parameters))
        place = int(np.searchsorted(path.days, np.datetime64(desired_roll_date(price, parameters))))
        days = path.days[place : place + 1]
        stamp = stamp_at(days[0].item(), market.session[-1]) + timedelta(seconds=1) if len(days) else None
        price = forward
    return rolls


def _pair_rates(pair: Pair, seed: int, last_year: int) -> _Rates:
    days, rates = pair_path(pair, seed, last_year)
    index = pd.DatetimeIndex(days.astype("datetime64[ns]") + np.timedelta64(CLOSE_HOUR, "h"), tz=UTC)
    frame = pd.DataFrame({"rate": rates}, index=index)
    planted = []
    for monday in pd.date_range(
        EPOCH - timedelta(days=EPOCH.weekday()), index[-1].date(), freq=f"{PAIR_TICK_WEEKS}W-MON"
    ):
        week = monday + timedelta(weeks=pair.turn % PAIR_TICK_WEEKS)
        stamp = pd.Timestamp(stamp_at(bad_tick_day(pair.turn, seed, week.date()), CLOSE_HOUR))
        if stamp in index:
            true = float(frame["rate"].loc[stamp])
            bad = round(true * float(stream(seed, pair.code, "tick", week.toordinal()).choice(BAD_FACTORS)), 10)
            frame.at[stamp, "rate"] = bad
            planted.append(Planted(pair.code, None, Frequency.DAILY, stamp.to_pydatetime(), bad, true))
    return _Rates(frame, tuple(planted))


def _best(price: float, market: Market) -> tuple[float, float]:
    """Bid and ask: whole ticks, at least one apart."""
    tick, spread = market.behaviour.tick, market.listing.instrument.spread_cost
    bid, ask = (float(value) for value in round_to_tick(np.array([price - spread, price + spread]), tick))
    return (bid, ask) if ask > bid else (bid, round(bid + tick, 10))


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> str:
    return f"the synthetic feed has no {kind} {name!r}; {suggestion(name, known)}"


_NEVER: Final = Traded({frequency: no_bars() for frequency in Frequency})
