"""One strategy's stores in memory, and the evening's two steps on them: systems, and the orders that follow."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_folders import MemoryFolders
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.fills import Fill
from sysproduction.domain.optimal_positions import OptimalPositions
from sysproduction.domain.results import MethodResult
from sysproduction.domain.strategies import Strategy
from sysproduction.domain.trading_systems import RuleSpec, SystemConfig
from sysproduction.simulation.faults import FaultySeries
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.order_controls import Word
from sysproduction.stores.order_stack import INSTRUMENT_ORDERS, OrderStack
from sysproduction.strategies.generating import GeneratorDesk, generate_orders
from sysproduction.strategies.holdings import Books
from sysproduction.strategies.restraining import Controls
from sysproduction.strategies.running import SystemsDesk, run_strategy
from tests.fakes import FaultyDocuments

NOW = datetime(2023, 8, 30, 20, 10, tzinfo=UTC)
TREND = Strategy("trend", "mine")
CODES = ("SOFR", "US10", "CORN")
WORD = Word("me", NOW, "to see")
FULL = timedelta(days=1500)


def system(*codes: str) -> SystemConfig:
    return SystemConfig(
        instruments=codes,
        rules=(RuleSpec("slow", "ewmac", 3.75, {"Lfast": 16, "Lslow": 64}),),
        forecast_weights={"slow": 1.0},
        instrument_weights=dict.fromkeys(codes, 1.0 / len(codes)),
        capital=1.0,
        base_currency="USD",
    )


@dataclass
class House:
    """Stores in memory with recorded prices of three instruments, and two million of capital."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    series: MemorySeries = field(default_factory=lambda: MemorySeries(lambda: NOW))
    folders: MemoryFolders = field(default_factory=MemoryFolders)
    controls: Controls = field(default_factory=Controls)

    def run(
        self,
        fault: Any = None,
        *,
        codes: tuple[str, ...] = CODES,
        hours: float = 0,
        base_currency: str = "USD",
    ) -> MethodResult:
        documents = FaultyDocuments(self.documents, fault)
        series = FaultySeries(self.series, fault)
        desk = SystemsDesk(
            series,
            Instruments(documents),
            CapitalStore(documents, series),
            OptimalPositionStore(documents),
            self.folders,
            self.books(fault),
            base_currency,
        )
        return run_strategy(desk, TREND, system(*codes), now=NOW + timedelta(hours=hours))

    def order(self, fault: Any = None, *, hours: float = 0) -> MethodResult:
        return generate_orders(self.generator(fault), TREND, now=NOW + timedelta(hours=hours))

    def generator(self, fault: Any = None) -> GeneratorDesk:
        return GeneratorDesk(OptimalPositionStore(FaultyDocuments(self.documents, fault)), self.books(fault))

    def books(self, fault: Any = None) -> Books:
        documents = FaultyDocuments(self.documents, fault)
        return Books(OrderStack(documents), FillLedger(documents), self.controls)

    def last(self) -> OptimalPositions:
        found = OptimalPositionStore(self.documents).last("trend")
        assert found is not None
        return found

    def orders(self) -> dict[str, int]:
        return {order.instrument: order.quantity for order in OrderStack(self.documents).active_instruments()}

    def fill(self, instrument: str, quantity: int, number: int = 1) -> None:
        (order,) = OrderStack(self.documents).active_instruments(instrument=instrument)
        fill = Fill(
            f"x{number}", 0, "A", "trend", instrument, "20231200", quantity, 1.0, NOW, instrument_order=order.order_id
        )
        FillLedger(self.documents).record(fill)

    def whole(self) -> dict[str, Any]:
        stored = {name: self.documents.find(name) for name in ("optimal_positions", INSTRUMENT_ORDERS)}
        files = {name: self.folders.read(name, "decision.parquet") for name in self.folders.names()}
        return stored | files


def copied(recorded: House) -> House:
    """A house with the same prices, instruments and capital, which a test may change."""
    fresh = House(series=recorded.series)
    for collection in ("instruments", "capital"):
        for document in recorded.documents.find(collection):
            fresh.documents.insert(collection, document.key, document.body)
    return fresh
