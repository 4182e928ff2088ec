"""The markets of the synthetic feed: what each one is, how it trades and how its prices behave."""

from dataclasses import dataclass, replace
from typing import Final

from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.rolls import RollParameters

SESSIONS: Final = {"US": range(14, 22), "EMEA": range(8, 17), "ASIA": range(1, 7)}
"""Hours (UTC) at which a region's intraday bars close."""

HOLIDAYS: Final = {
    "US": ((1, 1), (7, 4), (12, 25)),
    "EMEA": ((1, 1), (5, 1), (12, 25), (12, 26)),
    "ASIA": ((1, 1), (1, 2), (1, 3), (5, 3), (5, 4), (5, 5)),
}
"""Months and days on which a region does not trade."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How prices move. `price` is the level that the market reverts to with `half_life_days`, moving by `volatility`
    a year (log). A contract that expires in t years is dearer by `slope` * t, by up to `season` in the month
    `season_peak`, and shares a move by exp(-`damping` * t). `volume` is contracts a day when it is the most traded;
    it trades for `listed_days` before it expires."""

    price: float
    tick: float
    volatility: float
    half_life_days: float
    slope: float
    listed_days: int
    volume: float
    damping: float = 0.0
    season: float = 0.0
    season_peak: int = 6


@dataclass(frozen=True, slots=True)
class Market:
    """One synthetic instrument. Markets of different `turn` get their weekly bad tick on different days."""

    listing: Listing
    behaviour: Behaviour
    turn: int

    @property
    def code(self) -> str:
        """The instrument's code."""
        return self.listing.instrument.code

    @property
    def session(self) -> range:
        """Hours at which its intraday bars close."""
        return SESSIONS[self.listing.instrument.region]


@dataclass(frozen=True, slots=True)
class Pair:
    """A currency pair: a rate that reverts to `rate` and moves by `volatility` a year (log)."""

    code: str
    rate: float
    volatility: float
    turn: int


PAIRS: Final = (
    Pair("EURUSD", 1.10, 0.08, 0),
    Pair("GBPUSD", 1.27, 0.09, 3),
    Pair("JPYUSD", 0.0075, 0.10, 7),
)

_QUARTERS: Final = "HMUZ"
_ALL_MONTHS: Final = "FGHJKMNQUVXZ"


def _rolls(hold: str, offset_days: int, carry: int, expiry: int, priced: str | None = None) -> RollParameters:
    return RollParameters(hold, priced or hold, offset_days, carry, expiry)


_MARKETS: Final = (
    (
        Instrument("EQUITY_US", "US equity index", 5, "USD", "Equity", "US", per_block=0.6, spread_cost=0.25),
        _rolls(_QUARTERS, -5, 1, 14),
        Behaviour(4500, 0.25, 0.17, 500, slope=0.03, listed_days=290, volume=900_000),
    ),
    (
        Instrument("EQUITY_JP", "Japanese equity index", 100, "JPY", "Equity", "ASIA", per_block=90, spread_cost=2.5),
        _rolls(_QUARTERS, -5, 1, 11),
        Behaviour(32_000, 5, 0.20, 500, slope=-0.01, listed_days=290, volume=150_000),
    ),
    (
        Instrument("BOND_US", "US 10 year bond", 1000, "USD", "Bond", "US", per_block=1.5, spread_cost=0.008),
        _rolls(_QUARTERS, -25, 1, 19),
        Behaviour(112, 0.015625, 0.06, 700, slope=-0.01, listed_days=310, volume=1_500_000),
    ),
    (
        Instrument("BOND_EU", "Euro area 10 year bond", 1000, "EUR", "Bond", "EMEA", per_block=2, spread_cost=0.005),
        _rolls(_QUARTERS, -5, 1, 6),
        Behaviour(132, 0.01, 0.065, 700, slope=-0.015, listed_days=290, volume=800_000),
    ),
    (
        Instrument("STIR_UK", "UK three month rate", 2500, "GBP", "STIR", "EMEA", per_block=1.5, spread_cost=0.0025),
        _rolls(_QUARTERS, -200, -1, 18),
        Behaviour(96, 0.005, 0.009, 700, slope=0.004, listed_days=460, volume=200_000),
    ),
    (
        Instrument("FX_EUR", "Euro in US dollars", 125_000, "USD", "FX", "US", per_block=2.5, spread_cost=0.00003),
        _rolls(_QUARTERS, -5, 1, 17),
        Behaviour(1.10, 0.00005, 0.08, 700, slope=0.015, listed_days=290, volume=200_000),
    ),
    (
        Instrument("CRUDE", "Light crude oil", 1000, "USD", "Energy", "US", per_block=2.3, spread_cost=0.01),
        _rolls(_ALL_MONTHS, -40, -1, -11),
        Behaviour(75, 0.01, 0.35, 250, slope=-0.06, listed_days=200, volume=300_000, damping=0.6),
    ),
    (
        Instrument("GOLD", "Gold", 100, "USD", "Metals", "US", per_block=2.3, spread_cost=0.05),
        _rolls("GJMQVZ", -30, 1, 26),
        Behaviour(2000, 0.1, 0.15, 700, slope=0.045, listed_days=240, volume=200_000),
    ),
    (
        Instrument("CORN", "Corn", 50, "USD", "Ags", "US", per_block=2.9, spread_cost=0.15),
        _rolls("HNZ", -100, -1, 14, priced="HKNUZ"),
        Behaviour(450, 0.25, 0.28, 400, slope=0.04, listed_days=480, volume=150_000, damping=0.4, season=0.05),
    ),
    (
        Instrument("VOL_EU", "European equity volatility", 100, "EUR", "Vol", "EMEA", per_block=2, spread_cost=0.025),
        _rolls(_ALL_MONTHS, -35, -1, 19),
        Behaviour(21, 0.05, 0.90, 40, slope=0.35, listed_days=160, volume=60_000, damping=3.0),
    ),
)

MARKETS: Final = tuple(
    Market(Listing(replace(what, tick_size=how.tick), rolls), how, turn)
    for turn, (what, rolls, how) in enumerate(_MARKETS)
)
