"""Small made-up markets for tests of systems: gaps, other starts and ends, several prices a day, other currencies."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.rolls import RollParameters
from sysproduction.domain.trading_systems import RuleSpec, SystemConfig

CURRENCIES = ("USD", "EUR", "JPY")
CYCLES = ("HMUZ", "Z", "GJMQVZ", "FGHJKMNQUVXZ")
RULES = (
    RuleSpec("ewmac2_8", "ewmac", 10.6, {"Lfast": 2, "Lslow": 8}),
    RuleSpec("ewmac8_32", "ewmac", 5.3, {"Lfast": 8, "Lslow": 32}),
    RuleSpec("carry", "carry", 30.0, {"smooth_days": 20}),
    RuleSpec("breakout", "breakout", 0.7, {"lookback": 20}),
    RuleSpec("accel", "accel", 7.8, {"Lfast": 8}),
)
WEIGHTS = {"ewmac2_8": 0.1, "ewmac8_32": 0.3, "carry": 0.4, "breakout": 0.1, "accel": 0.1}


def made_history(seed: int, *, days: int = 300, first: int = 0, level: float = 100.0) -> History:
    """A random walk with holidays, days of two prices, weekend stamps now and then, and a new contract each quarter."""
    chance = np.random.default_rng(seed)
    calendar = pd.date_range("2015-01-05", periods=days + first, freq="D", tz="UTC")[first:]
    kept = calendar[(calendar.weekday < 5) & (chance.random(days) > 0.05) | (chance.random(days) < 0.03)]
    twice = kept[chance.random(len(kept)) < 0.3] + pd.Timedelta(hours=14)
    stamps = (kept + pd.Timedelta(hours=23)).union(twice)
    price = level + np.cumsum(chance.normal(0.0, 1.0, len(stamps)))
    gone = chance.random(len(stamps)) < 0.04
    quarter = (stamps.month - 1) // 3 * 3 + 3
    named = [f"{year}{month:02d}00" for year, month in zip(stamps.year, quarter, strict=True)]
    later = [f"{year + 1}{month:02d}00" for year, month in zip(stamps.year, quarter, strict=True)]
    multiple = pd.DataFrame(
        {
            "PRICE": np.where(gone, np.nan, price + 20.0),
            "CARRY": price + 20.0 + chance.normal(0.5, 0.5, len(stamps)).round(1),
            "PRICE_CONTRACT": named,
            "CARRY_CONTRACT": later,
        },
        index=stamps,
    )
    return History(made_listing(seed), pd.Series(price, stamps, name="price"), multiple)


def made_listing(seed: int) -> Listing:
    """An instrument whose terms follow from the seed."""
    instrument = Instrument(
        code=f"I{seed}",
        description="made up",
        point_size=[10.0, 50.0, 1000.0][seed % 3],
        currency=CURRENCIES[seed % 3],
        asset_class=["Ags", "Bond"][seed % 2],
        region="US",
        per_block=2.0,
        percentage=[0.0, 0.0004][seed % 2],
        per_trade=[0.0, 5.0][seed % 2],
        spread_cost=0.02,
    )
    return Listing(instrument, RollParameters(CYCLES[seed % 4], CYCLES[seed % 4], -5, 1, 15))


def made_market(histories: dict[str, History]) -> MarketData:
    """With rates that begin before the prices."""
    stamps = pd.date_range("2014-12-01 23:00", periods=1200, freq="D", tz="UTC")
    wave = 0.1 * np.sin(np.arange(len(stamps)) / 50.0)
    rates = {"EUR": pd.Series(1.2 + wave, stamps), "JPY": pd.Series(0.01 * (1.0 + wave), stamps)}
    return MarketData(histories, rates)


def made_system(market: MarketData) -> SystemConfig:
    """All instruments with equal weights, trends, carry and a breakout."""
    codes = tuple(market.histories)
    return SystemConfig(
        instruments=codes,
        rules=RULES,
        forecast_weights=WEIGHTS,
        instrument_weights=dict.fromkeys(codes, 1.0 / len(codes)),
        capital=1_000_000.0,
        base_currency="USD",
        forecast_div_multiplier=1.3,
        instrument_div_multiplier=1.5,
    )


def simple_market(instruments: int = 3, days: int = 300) -> MarketData:
    """A market without surprises."""
    histories = [made_history(seed, days=days) for seed in range(instruments)]
    return made_market({history.listing.instrument.code: history for history in histories})


@st.composite
def markets(draw: st.DrawFn) -> MarketData:
    """One to four instruments, some of which begin or end apart from the others, or have negative prices."""
    histories = {}
    for seed in draw(st.lists(st.integers(0, 11), min_size=1, max_size=4, unique=True)):
        history = made_history(seed, days=draw(st.integers(60, 400)), first=draw(st.integers(0, 60)))
        if draw(st.booleans()):
            fall = draw(st.sampled_from([0.0, 120.03, 300.07]))
            prices = history.multiple[["PRICE", "CARRY"]] - fall
            history = replace(history, multiple=history.multiple.assign(PRICE=prices["PRICE"], CARRY=prices["CARRY"]))
        if draw(st.booleans()):
            history = replace(history, adjusted=history.adjusted - 110.0)
        if draw(st.booleans()):
            history = replace(history, multiple=history.multiple.iloc[draw(st.integers(0, 20)) :])
        histories[history.listing.instrument.code] = history
    return made_market(histories)
