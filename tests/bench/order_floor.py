"""A stack handler's desk on any store, with an exchange in this process, for benchmarks of orders."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from sysproduction.adapters.log_notifier import LogNotifier
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.adapters.simulated_broker import SimulatedBroker
from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.gate_facts import GateRules, UsualLimits
from sysproduction.domain.instruments import Instrument, Listing, Quote
from sysproduction.domain.merging import merge
from sysproduction.domain.multiple_prices import COLUMNS
from sysproduction.domain.orders import InstrumentOrder, OrderType
from sysproduction.domain.panama import stitch
from sysproduction.domain.rolls import RollParameters
from sysproduction.exchange.core import Exchange
from sysproduction.exchange.values import ExchangeRules, Terms
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.gate import GateStores
from sysproduction.ports import Documents
from sysproduction.simulation.trading_programs import STACK_METHODS
from sysproduction.stores.audit import AuditLog
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.kill_switch import KillSwitch
from sysproduction.stores.order_controls import Limits, Locks, Overrides
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.prices import DAILY, Prices, empty_bars
from sysproduction.stores.proposals import Proposals
from sysproduction.stores.roll_states import RollStates

BEGIN = datetime(2024, 5, 13, 12, tzinfo=UTC)
PRICED, FORWARD = "20240600", "20240900"
CODES = tuple(f"MARKET{number:02d}" for number in range(20))
QUIET = logging.getLogger("bench")
QUIET.addHandler(logging.NullHandler())
RULES = GateRules(orders_per_minute=10**6, instrument_orders_per_minute=10**6, repeats_max=10**6)


class CalmMarket:
    """Twenty instruments that always cost the same, with much to trade."""

    def terms(self, instrument: str, now: datetime) -> Terms | None:
        """As the port of the simulated broker."""
        return Terms(50.0, per_contract=2.0, tick_size=0.25, margin_rate=0.01)

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """As the port of the simulated broker."""
        return Quote(now, 99.75, 100.25, 1_000, 1_000)


@dataclass
class Floor:
    """Stores, exchange and market time; `turn` is one turn of the stack handler's methods."""

    documents: Documents
    run: Path
    now: datetime = BEGIN
    decided: int = 0
    exchange: Exchange = field(default_factory=lambda: Exchange(ExchangeRules(cash=1e9)))

    def __post_init__(self) -> None:
        series, market = MemorySeries(lambda: self.now), CalmMarket()
        prices = Prices(series)
        put_market(self.documents, prices)
        self.stack, self.ledger = OrderStack(self.documents), FillLedger(self.documents)
        self.broker = SimulatedBroker(self.exchange, market, lambda: self.now)
        stores = GateStores(
            stack=self.stack,
            ledger=self.ledger,
            limits=Limits(self.documents),
            overrides=Overrides(self.documents),
            locks=Locks(self.documents),
            rolls=RollStates(self.documents),
            kill_switch=KillSwitch(self.documents, self.run),
        )
        self.desk = OrderDesk(
            stores=stores,
            broker=self.broker,
            audit=AuditLog(self.documents, "run_stack_handler"),
            notifier=LogNotifier(QUIET),
            instruments=Instruments(self.documents),
            contracts=Contracts(self.documents),
            prices=prices,
            rates=FxRates(series),
            proposals=Proposals(self.documents),
            rules=RULES,
            usual=UsualLimits(10**6, 10**6),
        )

    def decide(self, quantity: int, kind: OrderType = OrderType.MARKET, limit: float | None = None) -> InstrumentOrder:
        """An order generator's word: the next instrument's turn."""
        self.decided += 1
        code = CODES[self.decided % len(CODES)]
        return self.stack.insert_instrument(
            InstrumentOrder("trend", code, f"day#{self.decided}", quantity, kind, self.now, "bench", limit)
        )

    def turn(self) -> None:
        """Each method once; a second of market time passes."""
        for method in STACK_METHODS:
            method(self.desk, self.now)
        self.now += timedelta(seconds=1)

    def assert_all_filled(self, contracts: int) -> None:
        """So many contracts were bought, the exchange says the same, and nothing is left."""
        theirs = {(one.instrument, one.contract): one.quantity for one in self.exchange.positions()}
        assert FillLedger(self.documents).positions().contracts == theirs
        assert sum(theirs.values()) == contracts, f"{sum(theirs.values())} of {contracts} were filled"
        assert not self.stack.active_brokers()
        assert not self.stack.has_active()


def put_market(documents: Documents, prices: Prices) -> None:
    """Store the instruments with some days of prices."""
    index = pd.DatetimeIndex([BEGIN - timedelta(days=day) for day in (4, 3, 1)])
    row = {"PRICE": 100.0, "CARRY": 100.0, "FORWARD": 100.0}
    names = {"PRICE_CONTRACT": PRICED, "CARRY_CONTRACT": FORWARD, "FORWARD_CONTRACT": FORWARD}
    multiple = pd.DataFrame({**row, **names}, index=index)[list(COLUMNS)]
    for code in CODES:
        listing = Listing(Instrument(code, code, 50.0, "USD", "Any", "Any"), RollParameters("HMUZ", "HMUZ", -5, 1, 14))
        Instruments(documents).put(listing)
        prices.replace_stitched(code, multiple, stitch(multiple).dropna())
        for contract in (PRICED, FORWARD):
            bars = pd.DataFrame({"close": multiple["PRICE"]}).reindex(columns=list(BAR_COLUMNS)).assign(**{DAILY: True})
            prices.add_bars(code, contract, merge(empty_bars(), bars))
