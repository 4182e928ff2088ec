"""One instrument, stores in memory, a broker: the stack handler's methods in one thread, killed and begun again."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.orders import InstrumentOrder, OrderType
from sysproduction.domain.roll_states import RollState
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.gate import GateStores
from sysproduction.simulation.faults import Fault
from sysproduction.simulation.trading_programs import STACK_METHODS
from sysproduction.stores.audit import AuditLog
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.kill_switch import KillSwitch
from sysproduction.stores.order_controls import Limits, Locks, Overrides
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.prices import Prices
from sysproduction.stores.proposals import Proposals
from sysproduction.stores.roll_states import RollChange, RollStates, next_number
from tests.fakes import FaultyDocuments, ProgramDied, RecordingNotifier
from tests.rolling_market import NOW, desk_on, put_market
from tests.simulation.exchange_of_one import ExchangeOfOne

CORN = "CORN"


@dataclass
class OrderWorld:
    """What outlives a program: stores, broker, market time. `start` begins a program on it."""

    run: Path
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    series: MemorySeries = field(default_factory=lambda: MemorySeries(lambda: NOW))
    broker: ExchangeOfOne = field(default_factory=lambda: ExchangeOfOne(NOW))
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)

    def __post_init__(self) -> None:
        put_market(desk_on(self.documents, self.series), CORN)

    def start(self, fault: Fault | None = None) -> OrderDesk:
        """The order desk of a new program."""
        documents = FaultyDocuments(self.documents, fault)
        stores = GateStores(
            stack=OrderStack(documents),
            ledger=FillLedger(documents),
            limits=Limits(documents),
            overrides=Overrides(documents),
            locks=Locks(documents),
            rolls=RollStates(documents),
            kill_switch=KillSwitch(documents, self.run),
        )
        return OrderDesk(
            stores=stores,
            broker=self.broker if fault is None else FaultyBroker(self.broker, fault),  # type: ignore[arg-type]
            audit=AuditLog(documents, "test"),
            notifier=self.notifier,
            instruments=Instruments(documents),
            contracts=Contracts(documents),
            prices=Prices(self.series),
            rates=FxRates(self.series),
            proposals=Proposals(documents),
        )

    def decide(self, quantity: int, *, strategy: str = "trend", order_type: OrderType = OrderType.MARKET) -> None:
        """Put an instrument order on the stack."""
        OrderStack(self.documents).insert_instrument(
            InstrumentOrder(strategy, CORN, f"day#{quantity}", quantity, order_type, NOW, "me")
        )

    def turn(self, desk: OrderDesk) -> None:
        """One round of the stack handler, whose runner bears a broker that is away; then the exchange moves."""
        now = self.broker.now
        for method in STACK_METHODS:
            with suppress(Unavailable):
                method(desk, now)
        self.advance()

    def advance(self) -> None:
        self.broker.tick()
        self.broker.now += timedelta(seconds=20)

    def settle(self, turns: int = 12) -> OrderDesk:
        """A program that nothing disturbs."""
        desk = self.start()
        for _ in range(turns):
            self.turn(desk)
        return desk

    def held(self) -> dict[str, int]:
        """At the exchange, by contract."""
        return {one.contract: one.quantity for one in self.broker.positions()}

    def set_state(self, state: RollState) -> None:
        rolls = RollStates(self.documents)
        standing = rolls.get(CORN)
        rolls.change(standing, RollChange(CORN, next_number(standing), NOW, "me", standing.state, state, ("because",)))


@dataclass
class FaultyBroker:
    """A broker whose every call is announced to `fault` as "call", before it happens and after."""

    inner: ExchangeOfOne
    fault: Fault

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        def call(*args, **kwargs):  # type: ignore[no-untyped-def]
            self.fault("before", f"broker.{name}", "broker")
            answer = getattr(self.inner, name)(*args, **kwargs)
            self.fault("after", f"broker.{name}", "broker")
            return answer

        return call


@dataclass
class AtStep:
    """Dies at the `number`-th write or changing call to the broker, on one side of it."""

    number: int
    side: str
    seen: int = 0
    struck: bool = False

    def __call__(self, side: str, operation: str, collection: str) -> None:
        counts = operation in {"insert", "replace", "delete", "broker.submit", "broker.cancel", "broker.modify"}
        if not counts or side != self.side:
            return
        self.seen += 1
        if self.seen - 1 == self.number:
            self.struck = True
            raise ProgramDied


def assert_sound(world: OrderWorld, *, wanted: dict[str, int]) -> None:
    """Nothing lost, nothing doubled: exchange = ledger = what was wanted; nothing is left working; no lock stands."""
    stack, ledger = OrderStack(world.documents), FillLedger(world.documents)
    assert world.broker.wrong == []
    assert world.held() == wanted
    held = {contract: quantity for (_, contract), quantity in ledger.positions().contracts.items()}
    assert held == wanted
    total = sum(wanted.values())
    assert ledger.positions().strategies == ({("trend", CORN): total} if total else {})
    assert stack.active_instruments() == []
    assert stack.active_contracts() == []
    assert Locks(world.documents).all() == []
    assert world.broker.open_orders() == []
    assert stack.active_brokers() == []
    assert all(stack.get_broker(key) is not None for key in world.broker.orders)
