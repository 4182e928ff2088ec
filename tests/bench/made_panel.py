"""A made-up market for benchmarks: 208 instruments over 50 years of daily prices, in four currencies."""

import numpy as np
import pandas as pd

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.rolls import RollParameters
from sysproduction.domain.trading_systems import RuleSpec, SystemConfig

CURRENCIES = ("USD", "EUR", "GBP", "JPY")
CLASSES = 8
DAYS_A_YEAR = 261


def made_panel(instruments: int = 208, years: int = 50, seed: int = 1) -> MarketData:
    """Random walks with a carry contract a year away; every third instrument pays a percentage commission."""
    chance = np.random.default_rng(seed)
    days = pd.bdate_range("1973-01-01", periods=years * DAYS_A_YEAR)
    stamps = (days + pd.Timedelta(hours=23)).tz_localize("UTC")
    delivery = days.year * 100 + (days.month - 1) // 3 * 3 + 3
    priced, carried = ((delivery + shift).astype(str).to_numpy(dtype=object) + "00" for shift in (0, 100))
    histories = {}
    for number in range(instruments):
        price = 1000.0 + np.cumsum(chance.normal(0.0, 5.0, len(days)))
        carry = price + chance.normal(0.0, 1.0, len(days))
        columns = {"PRICE": price, "CARRY": carry, "PRICE_CONTRACT": priced, "CARRY_CONTRACT": carried}
        listing = made_listing(number)
        histories[listing.instrument.code] = History(
            listing, pd.Series(price, stamps, name="price"), pd.DataFrame(columns, index=stamps)
        )
    wave = pd.Series(1.0 + 0.1 * np.sin(np.arange(len(stamps)) / 500.0), stamps)
    return MarketData(histories, dict.fromkeys(CURRENCIES[1:], wave))


def made_listing(number: int) -> Listing:
    """One of its instruments."""
    instrument = Instrument(
        code=f"I{number:03d}",
        description="made up",
        point_size=10.0,
        currency=CURRENCIES[number % len(CURRENCIES)],
        asset_class=f"class {number % CLASSES}",
        region="US",
        per_block=2.0,
        percentage=0.00002 if number % 3 == 0 else 0.0,
        spread_cost=0.1,
    )
    return Listing(instrument, RollParameters("HMUZ", "HMUZ", -5, 1, 15))


def made_system(market: MarketData) -> SystemConfig:
    """All instruments with equal weights, and fourteen rules: crossovers, breakouts, accelerations, carry."""
    rules = [
        *(RuleSpec(f"ewmac{n}", "ewmac", 4.0, {"Lfast": n, "Lslow": 4 * n}) for n in (2, 4, 8, 16, 32, 64)),
        *(RuleSpec(f"breakout{n}", "breakout", 0.7, {"lookback": n}) for n in (20, 40, 80, 160, 320)),
        *(RuleSpec(f"accel{n}", "accel", 7.0, {"Lfast": n}) for n in (16, 32)),
        RuleSpec("carry", "carry", 30.0, {"smooth_days": 90}),
    ]
    codes = tuple(market.histories)
    return SystemConfig(
        instruments=codes,
        rules=tuple(rules),
        forecast_weights={rule.name: 1.0 / len(rules) for rule in rules},
        instrument_weights=dict.fromkeys(codes, 1.0 / len(codes)),
        capital=50_000_000.0,
        base_currency="USD",
        forecast_div_multiplier=1.35,
        instrument_div_multiplier=2.5,
    )
