"""The order desk: everything that working on orders reads, writes and asks, and what one program remembers of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sysproduction.domain.alerts import Alert, Severity
from sysproduction.domain.broker import Execution
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.gate_facts import GateRules, UsualLimits
from sysproduction.domain.market_hours import MarketHours
from sysproduction.domain.orders import OrderType
from sysproduction.orders.algos import STEPS, algo_for
from sysproduction.orders.gate import GateStores
from sysproduction.ports import Broker, Notifier
from sysproduction.stores.audit import AuditEntry, AuditLog
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import Prices
from sysproduction.stores.proposals import Proposals

WHO = "run_stack_handler"


@dataclass(slots=True)
class Memory:
    """What a program knows without asking: worthless after its end. `swept_at` is when all recent executions were last
    asked for, `asked_at` when the newest were; `reconciled` whether broker, ledger and stack were compared since the
    program began or last lost the broker; `told` what was said of an order last, so that it is said once; `cancels`
    when the end of a broker order was last asked for; `proposed` whether proposals may be open, `strangers` the orders
    at the broker that are not ours; `intents` the broker orders that this program itself stored, `recorded` the
    executions that it knows to be in the ledger, by account, identifier and revision; `spawned` the instrument orders
    whose contract orders are all there, `unsent` the contract orders that it made and knows no broker order of."""

    reconciled: bool = False
    swept_at: datetime | None = None
    asked_at: datetime | None = None
    told: dict[str, str] = field(default_factory=dict)
    cancels: dict[str, datetime] = field(default_factory=dict)
    proposed: bool = True
    strangers: set[str] = field(default_factory=set)
    intents: set[str] = field(default_factory=set)
    recorded: dict[tuple[str, str, int], Execution] = field(default_factory=dict)
    spawned: set[str] = field(default_factory=set)
    unsent: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """`algos` names an algorithm for single instruments, in place of the one that fits the type of order."""

    stores: GateStores
    broker: Broker
    audit: AuditLog
    notifier: Notifier
    instruments: Instruments
    contracts: Contracts
    prices: Prices
    rates: FxRates
    proposals: Proposals
    rules: GateRules = field(default_factory=GateRules)
    usual: UsualLimits = field(default_factory=UsualLimits)
    hours: MarketHours = field(default_factory=MarketHours)
    algos: Mapping[str, str] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Around everything that asks the broker: where it, or the store, turns out to be away, nothing is sent until
        all was compared anew. Raises Unavailable all the same."""
        try:
            yield
        except Unavailable:
            self.memory.reconciled = False
            raise

    def algo(self, instrument: str, order_type: OrderType) -> str:
        """The algorithm that works on such an order."""
        named = self.algos.get(instrument, "")
        return named if named in STEPS and order_type is not OrderType.LIMIT else algo_for(order_type)

    def tell(self, key: str, title: str, text: str, severity: Severity = Severity.WARNING) -> None:
        """Alert, once an incident."""
        self.notifier.alert(Alert(key, title, text, severity))

    def note(self, what: str, subject: str, at: datetime, why: str = "") -> None:
        """An entry of the audit log."""
        self.audit.append(AuditEntry(WHO, what, subject, at, why))
