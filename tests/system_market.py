"""Small invented markets for trading systems: random walks with contracts every quarter, from a seed."""

import numpy as np
import pandas as pd

from sysproduction.domain.histories import History, MarketData
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.rolls import RollParameters
from sysproduction.domain.trading_systems import RuleSpec, SystemConfig

PARAMETERS = RollParameters("HMUZ", "HMUZ", -10, 1, 0)
RULES = (
    RuleSpec("ewmac4_16", "ewmac", 7.5, {"Lfast": 4, "Lslow": 16}),
    RuleSpec("ewmac16_64", "ewmac", 3.75, {"Lfast": 16, "Lslow": 64}),
    RuleSpec("carry", "carry", 30.0, {"smooth_days": 90}),
)


def invented_market(seed: int, days: int, codes: tuple[str, ...] = ("ONE", "TWO", "SIX")) -> MarketData:
    """Daily prices at 23:00 UTC that start in June 2005, in dollars; later instruments start later, and
    earlier prices do not depend on how many `days` are asked for."""
    return MarketData({code: _history(code, seed + number, days, 30 * number) for number, code in enumerate(codes)}, {})


def invented_system(codes: tuple[str, ...] = ("ONE", "TWO", "SIX"), capital: float = 1_000_000.0) -> SystemConfig:
    """Three rules on these instruments, all alike."""
    return SystemConfig(
        instruments=codes,
        rules=RULES,
        forecast_weights={rule.name: 1 / 3 for rule in RULES},
        instrument_weights={code: 1 / len(codes) for code in codes},
        capital=capital,
        base_currency="USD",
    )


def _calendar(days: int) -> pd.DatetimeIndex:
    return pd.bdate_range("2005-06-01 23:00", periods=days, tz="UTC")


def _history(code: str, seed: int, days: int, late: int) -> History:
    calendar = _calendar(days)[late:]
    steps = np.random.default_rng(seed).normal(0.02, 1.0, (20_000, 2))[: len(calendar)]
    adjusted = pd.Series(100.0 + np.cumsum(steps[:, 0]), calendar)
    quarter = calendar.year * 100 + (calendar.month + 2) // 3 * 3
    after = np.where(quarter % 100 == 12, quarter + 91, quarter + 3)
    multiple = pd.DataFrame(
        {
            "PRICE": 300.0 + np.abs(adjusted),
            "CARRY": 300.0 + np.abs(adjusted) - 1.0 - 0.1 * steps[:, 1],
            "PRICE_CONTRACT": [f"{name}00" for name in quarter],
            "CARRY_CONTRACT": [f"{name}00" for name in after],
        },
        calendar,
    )
    instrument = Instrument(code, code.title(), 50.0, "USD", "Ags", "US", per_block=2.0, spread_cost=0.02)
    return History(Listing(instrument, PARAMETERS), adjusted, multiple)
