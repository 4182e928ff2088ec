"""The evening's orders: what each strategy has to trade to hold what it wants."""

from sysproduction.domain.results import MethodResult
from sysproduction.ports import World
from sysproduction.processes.books import books_of
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.strategies import generating

__all__ = ["each_strategy"]


def each_strategy(world: World, *, strategy: str) -> MethodResult:
    """Push the instrument orders that the strategy's optimal positions require."""
    desk = generator_desk(world)
    return generating.generate_orders(desk, world.strategies.by_name[strategy], now=world.clock.now())


def generator_desk(world: World) -> generating.GeneratorDesk:
    """What orders are made from, as things stand now."""
    return generating.GeneratorDesk(OptimalPositionStore(world.documents), books_of(world), world.stale_after_days)
