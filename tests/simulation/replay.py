"""Recorded markets replayed through orders: stack handler, exchange and stores in one thread, day after day."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random

import pandas as pd

from sysproduction.adapters.csv_feed import CsvFeed
from sysproduction.adapters.feed_market import FeedMarket
from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.adapters.simulated_broker import SimulatedBroker
from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.fills import filled
from sysproduction.domain.gate_facts import GateRules
from sysproduction.domain.instruments import Quote
from sysproduction.domain.merging import merge
from sysproduction.domain.orders import ROLL_STRATEGY, InstrumentOrder, OrderType
from sysproduction.domain.panama import stitch
from sysproduction.domain.roll_states import RollState
from sysproduction.exchange.core import Exchange
from sysproduction.exchange.values import ExchangeRules
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.gate import GateStores
from sysproduction.orders.removal import safe_stack_removal
from sysproduction.simulation.trading_programs import STACK_METHODS
from sysproduction.stores.audit import AuditLog, verify
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.kill_switch import KillSwitch
from sysproduction.stores.order_controls import Limits, Locks, Overrides
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.prices import DAILY, Prices, empty_bars
from sysproduction.stores.proposals import Proposals
from sysproduction.stores.roll_states import RollChange, RollStates, next_number
from tests.fakes import RecordingNotifier

STRATEGIES = ("carry", "trend")
TURNS_MAX = 150
RULES = GateRules(quote_age_seconds_max=14 * 86400.0, instrument_orders_per_minute=1000, orders_per_minute=1000)
"""A recorded quote is as old as its close."""


class HourlyMarket(FeedMarket):
    """Looks a quote up once an hour."""

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """As FeedMarket."""
        return _hourly(super().quote, instrument, contract, now.replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=4096)
def _hourly(
    ask: Callable[[str, str, datetime], Quote | None], code: str, contract: str, hour: datetime
) -> Quote | None:
    return ask(code, contract, hour)


@dataclass
class Replay:
    """Some instruments of a recorded folder, from one day on; `days` says what was done."""

    feed: CsvFeed
    codes: Sequence[str]
    run: Path
    now: datetime
    seed: int = 1
    documents: MemoryDocuments = field(default_factory=lambda: MemoryDocuments(copies=False))
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)
    targets: dict[tuple[str, str], int] = field(default_factory=dict)
    days: int = 0
    rolled: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.series = MemorySeries(lambda: self.now)
        self.random, self.prices = Random(self.seed), Prices(self.series)
        self.stack, self.ledger = OrderStack(self.documents), FillLedger(self.documents)
        self.rolls, self.rates = RollStates(self.documents), FxRates(self.series)
        self.exchange = Exchange(ExchangeRules(cash=1e8, latency=timedelta(seconds=5)))
        market = HourlyMarket(self.feed, "USD", 0.05)
        self.broker = SimulatedBroker(self.exchange, market, lambda: self.now)
        stores = GateStores(
            stack=self.stack,
            ledger=self.ledger,
            limits=Limits(self.documents),
            overrides=Overrides(self.documents),
            locks=Locks(self.documents),
            rolls=self.rolls,
            kill_switch=KillSwitch(self.documents, self.run),
        )
        self.desk = OrderDesk(
            stores=stores,
            broker=self.broker,
            audit=AuditLog(self.documents, "replay"),
            notifier=self.notifier,
            instruments=Instruments(self.documents),
            contracts=Contracts(self.documents),
            prices=self.prices,
            rates=self.rates,
            proposals=Proposals(self.documents),
            rules=RULES,
        )
        self._multiple = {code: self.feed.multiple_prices(code) for code in self.codes}
        for listing in self.feed.instruments():
            if listing.instrument.code in self.codes:
                self.desk.instruments.put(listing)

    def play(self, until: datetime) -> None:
        """Every weekday: prices, rolls, decisions, a day of the stack handler, its evening, and what must hold."""
        while self.now < until:
            evening = self.now
            if self.now.weekday() < 5 and self._is_recorded():
                self._load_prices()
                self._set_roll_states()
                self._trade(self._decide())
                self.days += 1
                self._check()
            self.now = evening + timedelta(days=1)

    def _is_recorded(self) -> bool:
        """Whether each market had a price in the last days."""
        return all(not self._recent(code).empty for code in self.codes)

    def _recent(self, code: str) -> pd.DataFrame:
        return self._multiple[code].loc[self.now - timedelta(days=5) : self.now]

    def _load_prices(self) -> None:
        for pair in self.feed.currency_pairs():
            self.rates.replace(pair, self.feed.fx(pair, after=self.now - timedelta(days=30), until=self.now))
        for code in self.codes:
            multiple = self._multiple[code].loc[self.now - timedelta(days=60) : self.now]
            self.prices.replace_stitched(code, multiple, stitch(multiple).dropna())
            for contract, bars in self.feed.all_bars(code).items():
                closes = bars.loc[self.now - timedelta(days=30) : self.now, ["close"]]
                stored = self.prices.bars(code, contract)
                fresh = closes.loc[closes.index.difference(stored.index)]
                if len(fresh):
                    added = fresh.reindex(columns=list(BAR_COLUMNS)).assign(**{DAILY: True})
                    self.prices.add_bars(code, contract, merge(stored if len(stored) else empty_bars(), added))

    def _set_roll_states(self) -> None:
        """Two weekdays before the record changes contracts, what is held is forced out of the priced one."""
        for code in self.codes:
            coming = self.feed.rolls(code, after=self.now, until=self.now + timedelta(days=4))
            kind = RollState.FORCE if self.days % 2 else RollState.FORCE_OUTRIGHT
            standing = self.rolls.get(code)
            if coming and not standing.state.is_forced and self._held(code, self._priced(code)):
                self.rolled[code] += 1
                self._roll_to(code, kind)
            elif not coming and standing.state is not RollState.NO_ROLL:
                self._roll_to(code, RollState.NO_ROLL)

    def _roll_to(self, code: str, state: RollState) -> None:
        standing = self.rolls.get(code)
        change = RollChange(code, next_number(standing), self.now, "replay", standing.state, state, ("recorded",))
        self.rolls.change(standing, change)

    def _decide(self) -> list[InstrumentOrder]:
        """One strategy in a market or two wants another position."""
        orders = []
        for code in self.codes:
            if self.rolls.get(code).state is not RollState.NO_ROLL or self.random.random() < 0.5:
                continue
            strategy, target = self.random.choice(STRATEGIES), self.random.randrange(-4, 5)
            quantity = target - self.ledger.positions().strategies.get((strategy, code), 0)
            if quantity:
                kind = self.random.choice((OrderType.BEST, OrderType.MARKET))
                orders.append(
                    InstrumentOrder(strategy, code, f"{self.now:%Y-%m-%d}", quantity, kind, self.now, "replay")
                )
                self.targets[strategy, code] = target
        return orders

    def _trade(self, orders: list[InstrumentOrder]) -> None:
        for order in orders:
            self.stack.insert_instrument(order)
        for _ in range(TURNS_MAX):
            for method in STACK_METHODS:
                method(self.desk, self.now)
            self.now += timedelta(seconds=40)
            if not self.stack.has_active():
                break
        seconds = iter(range(100_000))
        safe_stack_removal(self.desk, now=lambda: self.now, monotonic=lambda: float(next(seconds)), sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=max(seconds, 10.0))

    def _priced(self, code: str) -> str:
        return self.prices.last_contracts(code, self.now)["PRICE"]

    def _held(self, code: str, contract: str) -> int:
        return self.ledger.positions().contracts.get((code, contract), 0)

    def _check(self) -> None:
        """Ledger = exchange, strategies hold what they want, rolls are whole and in time, and nothing is locked."""
        positions = self.ledger.positions()
        theirs = {(one.instrument, one.contract): one.quantity for one in self.exchange.positions()}
        assert positions.contracts == theirs, self.now
        assert positions.strategies == {key: target for key, target in self.targets.items() if target}, self.now
        assert not any(strategy == ROLL_STRATEGY for strategy, _ in positions.strategies)
        for code in self.codes:
            in_use = self.prices.last_contracts(code, self.now)
            elsewhere = {contract for held, contract in theirs if held == code} - {in_use["PRICE"], in_use["FORWARD"]}
            assert not elsewhere, f"{self.now}: {code} is still held in {elsewhere}"
        assert Locks(self.documents).all() == []

    def assert_no_breaks(self) -> None:
        """Of the whole time: no break was told, nothing is left, positions fold from the fills, the log is whole."""
        told = [alert.key for alert in self.notifier.alerts if alert.key.startswith(("break/", "stranger", "outcome/"))]
        assert told == []
        assert self.stack.active_brokers() == []
        held = {key: quantity for key, quantity in filled_by_contract(self.ledger).items() if quantity}
        assert held == self.ledger.positions().contracts == FillLedger(self.documents).positions().contracts
        assert verify(self.documents) == []


def filled_by_contract(ledger: FillLedger) -> dict[tuple[str, str], int]:
    """The full fold of all fills."""
    found: dict[tuple[str, str], int] = {}
    by_code: dict[str, list] = {}  # type: ignore[type-arg]
    for fill in ledger.since(0):
        by_code.setdefault(fill.instrument, []).append(fill)
    for code, fills in by_code.items():
        for contract, quantity in filled(fills).items():
            found[code, contract] = quantity
    return found
