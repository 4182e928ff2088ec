"""The stack handler: all day long, from instrument orders to fills, each method a short step that waits for nothing."""

from sysproduction.domain.errors import ConfigError
from sysproduction.domain.results import MethodResult
from sysproduction.markets import spreads
from sysproduction.orders import breaks, completion, evidence, force_rolls, removal, routing, spawning
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.orders.gate import GateStores
from sysproduction.ports import World
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
from sysproduction.stores.spreads import Spreads

__all__ = [  # noqa: RUF022 (the order in which they run)
    "refresh_additional_sampling_all_instruments",
    "check_external_position_break",
    "spawn_children_from_new_instrument_orders",
    "generate_force_roll_orders",
    "create_broker_orders_from_contract_orders",
    "process_fills_stack",
    "handle_completed_orders",
    "safe_stack_removal",
]

_desks: list[tuple[World, OrderDesk]] = []
"""The desk of the world that this process has: it remembers what was asked and said."""


def desk_of(world: World) -> OrderDesk:
    """The order desk on this world, the same at every call."""
    for known, desk in _desks:
        if known is world:
            return desk
    _desks[:] = [(world, _desk(world))]
    return _desks[0][1]


def _desk(world: World) -> OrderDesk:
    if world.broker is None or world.run_folder is None:
        raise ConfigError("run_stack_handler needs a broker: set `broker` in private_config.yaml")
    documents = world.documents
    stores = GateStores(
        stack=OrderStack(documents),
        ledger=FillLedger(documents),
        limits=Limits(documents),
        overrides=Overrides(documents),
        locks=Locks(documents),
        rolls=RollStates(documents),
        kill_switch=KillSwitch(documents, world.run_folder),
    )
    return OrderDesk(
        stores=stores,
        broker=world.broker,
        audit=AuditLog(documents, WHO),
        notifier=world.notifier,
        instruments=Instruments(documents),
        contracts=Contracts(documents),
        prices=Prices(world.series),
        rates=FxRates(world.series),
        proposals=Proposals(documents),
        rules=world.rules,
        usual=world.usual,
        hours=world.hours,
    )


def refresh_additional_sampling_all_instruments(world: World) -> MethodResult:
    """Sample the spread of every priced contract."""
    return spreads.update_sampled_spreads(
        world.feed,
        Contracts(world.documents),
        Prices(world.series),
        Spreads(world.series),
        now=world.clock.now(),
    )


def check_external_position_break(world: World) -> MethodResult:
    """Compare positions with the broker's; lock what differs."""
    return breaks.check_external_position_break(desk_of(world), world.clock.now())


def spawn_children_from_new_instrument_orders(world: World) -> MethodResult:
    """Contract orders for new instrument orders, by roll state."""
    return spawning.spawn_children_from_new_instrument_orders(desk_of(world), world.clock.now())


def generate_force_roll_orders(world: World) -> MethodResult:
    """Orders that roll or close positions whose roll state is forced."""
    return force_rolls.generate_force_roll_orders(desk_of(world), world.clock.now())


def create_broker_orders_from_contract_orders(world: World) -> MethodResult:
    """One step of every execution algorithm: send, amend or cancel."""
    return routing.create_broker_orders_from_contract_orders(
        desk_of(world), world.clock.now(), base_currency=world.capital.base_currency
    )


def process_fills_stack(world: World) -> MethodResult:
    """Executions into the ledger, and every live order's status from the broker's evidence."""
    return evidence.process_fills_stack(desk_of(world), world.clock.now())


def handle_completed_orders(world: World) -> MethodResult:
    """End what is done."""
    return completion.handle_completed_orders(desk_of(world), world.clock.now())


def safe_stack_removal(world: World) -> MethodResult:
    """At the end of the run: nothing is left working, everything that can end ends."""
    clock = world.clock
    return removal.safe_stack_removal(desk_of(world), now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)
