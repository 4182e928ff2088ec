"""The programs of a simulated trading day: stack handlers, and a source of decisions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from sysproduction.domain.errors import AlreadyExists, SysproductionError, Unavailable
from sysproduction.domain.fills import filled
from sysproduction.domain.orders import InstrumentOrder, OrderType, Reference
from sysproduction.orders.breaks import check_external_position_break
from sysproduction.orders.completion import handle_completed_orders
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.evidence import process_fills_stack
from sysproduction.orders.force_rolls import generate_force_roll_orders
from sysproduction.orders.gate import GateStores
from sysproduction.orders.removal import safe_stack_removal
from sysproduction.orders.routing import create_broker_orders_from_contract_orders
from sysproduction.orders.spawning import spawn_children_from_new_instrument_orders
from sysproduction.ports import Notifier, Series
from sysproduction.simulation.faults import ProgramDied
from sysproduction.simulation.trading_market import CODES, PRICED, SimulatedMarket
from sysproduction.simulation.trading_ports import Context, ProgramBroker, ProgramStore
from sysproduction.simulation.trading_venue import Venue
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
from sysproduction.stores.roll_states import RollStates

STRATEGIES: Final = ("carry", "trend")
_TARGETS: Final = (-3, -2, -1, 0, 1, 2, 3)
_TYPES: Final = (OrderType.BEST, OrderType.BEST, OrderType.MARKET, OrderType.LIMIT)
_SNAPSHOT_EVERY: Final = 5
_RAISED: Final = (SysproductionError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
_HASTE: Final = 25.0

STACK_METHODS: Final = (
    check_external_position_break,
    spawn_children_from_new_instrument_orders,
    generate_force_roll_orders,
    partial(create_broker_orders_from_contract_orders, base_currency="USD"),
    process_fills_stack,
    handle_completed_orders,
)
METHODS: Final = len(STACK_METHODS)


@dataclass
class StackProgram:
    """A stack handler. Dead until `back_at` (machine seconds) once it died; `desk` None: not begun."""

    context: Context
    venue: Venue
    series: Series
    notifier: Notifier
    run: Path
    say: Callable[[str], None]
    desk: OrderDesk | None = None
    back_at: float = 0.0
    turns: int = 0

    def step(self, now: datetime) -> bool:
        """One method, in turn; whether the program is still alive."""
        self.context.interrupted = self.context.spared = False
        try:
            if self.desk is None:
                self.desk = self._begin()
            method = STACK_METHODS[self.turns % METHODS]
            self.turns += 1
            method(self.desk, now)
        except Unavailable as error:
            self.say(f"{self.context.name}: {error}")
        except ProgramDied:
            return False
        except _RAISED as error:
            self.context.watch.wrong("T9", f"{self.context.name} raises {type(error).__name__}: {error}")
        return True

    def remove(
        self, now: Callable[[], datetime], monotonic: Callable[[], float], sleep: Callable[[float], None]
    ) -> bool:
        """The end of its day; whether it is still alive."""
        try:
            if self.desk is None:
                self.desk = self._begin()
            safe_stack_removal(self.desk, now=now, monotonic=monotonic, sleep=lambda seconds: sleep(seconds * _HASTE))
        except Unavailable as error:
            self.say(f"{self.context.name}: {error}")
        except ProgramDied:
            return False
        return True

    def die(self, back_at: float) -> None:
        """Kill -9; a new one begins later."""
        self.say(f"{self.context.name} is dead")
        self.desk, self.back_at, self.turns = None, back_at, 0

    def _begin(self) -> OrderDesk:
        documents = ProgramStore(self.context)
        stores = GateStores(
            stack=OrderStack(documents),
            ledger=FillLedger(documents, _SNAPSHOT_EVERY),
            limits=Limits(documents),
            overrides=Overrides(documents),
            locks=Locks(documents),
            rolls=RollStates(documents),
            kill_switch=KillSwitch(documents, self.run),
        )
        return OrderDesk(
            stores=stores,
            broker=ProgramBroker(self.context, self.venue),
            audit=AuditLog(documents, "run_stack_handler"),
            notifier=self.notifier,
            instruments=Instruments(documents),
            contracts=Contracts(documents),
            prices=Prices(self.series),
            rates=FxRates(self.series),
            proposals=Proposals(documents),
        )


@dataclass
class OrderSource:
    """Decides what strategies want, as an order generator does: target less position less what is under way."""

    context: Context
    random: Random
    market: SimulatedMarket
    decided: int = 0
    cut_off: tuple[str, str, OrderType, int] | None = None
    targets: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._documents = ProgramStore(self.context)

    def decide(self, now: datetime, market_now: datetime) -> None:
        """One decision of one strategy; one that was cut off is taken again."""
        wish = self.cut_off
        if wish is None:
            wish = (
                self.random.choice(STRATEGIES),
                self.random.choice(CODES),
                self.random.choice(_TYPES),
                self.random.choice(_TARGETS),
            )
        self._insert(wish, now, market_now)

    def want(
        self, strategy: str, instrument: str, target: int, kind: OrderType, now: datetime, market_now: datetime
    ) -> None:
        """Insert the order that brings a strategy to its target, by a decision of its own."""
        self.decided += self.cut_off is not None
        self._insert((strategy, instrument, kind, target), now, market_now)

    def _insert(self, wish: tuple[str, str, OrderType, int], now: datetime, market_now: datetime) -> None:
        strategy, instrument, kind, target = wish
        try:
            stack, ledger = OrderStack(self._documents), FillLedger(self._documents)
            held = ledger.positions().strategies.get((strategy, instrument), 0)
            active = stack.active_instruments(strategy, instrument)
            coming = sum(o.quantity - _filled(ledger, o) for o in active if not o.decision.startswith("Close"))
            stack.insert_instrument(self._order(strategy, instrument, target - held - coming, kind, now, market_now))
        except AlreadyExists:
            pass
        except (Unavailable, ProgramDied):
            self.cut_off = wish
            return
        self.cut_off = None
        self.decided += 1
        self.targets[strategy, instrument] = target

    def _order(
        self, strategy: str, instrument: str, quantity: int, kind: OrderType, now: datetime, market_now: datetime
    ) -> InstrumentOrder:
        quote = self.market.quote(instrument, PRICED, market_now)
        if quote is None:
            kind, reference = OrderType.MARKET, None
        else:
            reference = Reference((quote.bid + quote.ask) / 2, PRICED, now)
        limit = None
        if kind is OrderType.LIMIT and quote is not None:
            limit = (quote.ask if quantity > 0 else quote.bid) + self.random.choice((-1.0, -0.25, 0.0, 0.25))
        return InstrumentOrder(
            strategy=strategy,
            instrument=instrument,
            decision=f"day#{self.decided}",
            quantity=quantity,
            order_type=kind,
            generated_at=now,
            by="source",
            limit_price=limit,
            reference=reference,
        )


def _filled(ledger: FillLedger, order: InstrumentOrder) -> int:
    return sum(filled(ledger.of_instrument_order(order.order_id)).values())
