"""A run on bars as the command line describes it: which strategy, over which bars, with which broker."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import Any, Final

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.events import BarPeriod
from sysproduction.domain.instruments import Instrument
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.feed import BarsInMemory, SimulatedDatafeed
from sysproduction.engine.orchestrator import Orchestrator
from sysproduction.engine.parameters import with_values
from sysproduction.engine.strategy import configured
from sysproduction.ops.bar_strategies import find_strategy, pairs, parsed
from sysproduction.ops.session import Session

STORE: Final = "store"
SECMASTER: Final = "secmaster"


@dataclass(frozen=True, slots=True)
class BarsWanted:
    """Bars of a home: from its store or its secmaster.db, between two stamps (ns since 1970, UTC; included)."""

    session: Session
    source: str
    symbols: tuple[str, ...]
    period: BarPeriod
    start_ns: int | None
    end_ns: int | None

    def read(self) -> tuple[list[BarColumns], dict[str, Instrument]]:
        """The bars, and the instruments that the store knows them to be of."""
        if self.source == SECMASTER:
            from sysproduction.wiring.bar_sources import secmaster

            with closing(secmaster(self.session.home)) as database:
                return database.bars(self.symbols, self.period, self.start_ns, self.end_ns), {}
        from sysproduction.markets.continuous_bars import ContinuousBars
        from sysproduction.stores.instruments import Instruments
        from sysproduction.stores.prices import Prices

        with self.session.outside() as ports:
            bars = ContinuousBars(Prices(ports.series)).bars(self.symbols, self.period, self.start_ns, self.end_ns)
            return bars, {code: Instruments(ports.documents).get(code).instrument for code in self.symbols}


@dataclass(frozen=True)
class BarRun:
    """One run, that can be sent to another process. `strategy` as `find_strategy` takes it; `values` of its parameters;
    `settings` of the broker that differ from what the instruments cost."""

    strategy: str
    values: dict[str, Any]
    bars: BarsWanted
    settings: Mapping[str, Any]
    seed: int = 0

    def orchestrator(self, **more: Any) -> Orchestrator:
        """The run, ready to be run; `more` goes to the Orchestrator.

        Raises SysproductionError for a strategy, value, setting or symbol that there is not.
        """
        from sysproduction import wiring

        histories, instruments = _read(self.bars)
        strategy = configured(find_strategy(self.strategy), self.bars.symbols, self.values, period=self.bars.period)
        broker = type("ConfiguredBroker", (SimulatedBroker,), {**costs(instruments), **self.settings})
        feed = type("StoredBars", (SimulatedDatafeed,), {"source": BarsInMemory(histories)})
        return Orchestrator([strategy], broker, feed, clock=wiring.machine_clock(), seed=self.seed, **more)

    def run(self) -> dict[str, Any]:
        """Run it unrecorded, as one of a sweep."""
        result = self.orchestrator().run()
        return {**self.values, "status": "ok", **result.summary, "error": ""}


def combinations(strategy: str, words: Sequence[str]) -> list[dict[str, Any]]:
    """The values that words like fast=10,20 give the strategy's parameters: every combination, the last word's changing
    fastest.

    Raises ConfigError for a parameter that there is not, or a value that it may not have.
    """
    specs = find_strategy(strategy).parameters
    texts = pairs(words, "--param")
    with_values(specs, {name: specs[name].default if name in specs else None for name in texts})
    axes = [[parsed(text.strip(), specs[name], name) for text in said.split(",")] for name, said in texts.items()]
    return [dict(zip(texts, choice, strict=True)) for choice in product(*axes)]


def period_of(text: str) -> BarPeriod:
    """The period of that name; raises ConfigError if there is none."""
    if text.upper() not in BarPeriod.__members__:
        raise ConfigError(f"--period {text}: there are {', '.join(BarPeriod)}")
    return BarPeriod[text.upper()]


def costs(instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    """What trading these instruments costs, as settings of the broker.

    Raises ConfigError if they are not all in one currency: the account has one.
    """
    if not instruments:
        return {}
    currencies = {code: instrument.currency for code, instrument in instruments.items()}
    if len(set(currencies.values())) > 1:
        listed = ", ".join(f"{code} in {currency}" for code, currency in currencies.items())
        raise ConfigError(f"the account of a run has one currency, but there are {listed}: run each currency alone")
    of = {
        "multiplier": "point_size",
        "commission_per_unit": "per_block",
        "commission_minimum": "per_trade",
        "commission_fraction": "percentage",
        "slippage": "spread_cost",
    }
    settings = {name: {code: getattr(one, field) for code, one in instruments.items()} for name, field in of.items()}
    return {**settings, "negative_prices": True}


def stamp(text: str, *, last: bool) -> int:
    """A day or time (UTC unless it says otherwise) in ns since 1970; a day's first stamp, or its `last`.

    Raises ConfigError if it is neither.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text} is neither a day nor a time: write 2015-01-31 or 2015-01-31T14:30") from error
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    is_day = len(text) <= len("2015-01-31")
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000 + (
        86_400_000_000_000 - 1 if last and is_day else 0
    )


@lru_cache(maxsize=1)
def _read(wanted: BarsWanted) -> tuple[list[BarColumns], dict[str, Instrument]]:
    return wanted.read()
