"""The evening's orders: what each strategy has to trade to hold what it wants."""

from sysproduction.domain.results import MethodResult
from sysproduction.ports import World
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.order_controls import Limits, Locks, Overrides
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.roll_states import RollStates
from sysproduction.strategies import generating
from sysproduction.strategies.restraining import Controls

__all__ = ["each_strategy"]


def each_strategy(world: World, *, strategy: str) -> MethodResult:
    """Push the instrument orders that the strategy's optimal positions require."""
    desk = generator_desk(world)
    return generating.generate_orders(desk, world.strategies.by_name[strategy], now=world.clock.now())


def generator_desk(world: World) -> generating.GeneratorDesk:
    """What orders are made from, as things stand now."""
    documents = world.documents
    controls = Controls(
        Overrides(documents).all(),
        Limits(documents).all(),
        Locks(documents).all(),
        world.strategies.lists,
        RollStates(documents).all(),
    )
    return generating.GeneratorDesk(
        OptimalPositionStore(documents), OrderStack(documents), FillLedger(documents), controls, world.stale_after_days
    )
