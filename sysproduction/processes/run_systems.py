"""The evening's systems: what each strategy wants to hold, from the day's prices and its capital."""

from sysproduction.domain.results import MethodResult
from sysproduction.ports import World
from sysproduction.processes.books import books_of
from sysproduction.processes.system_files import system_of
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.strategies import running

__all__ = ["each_strategy"]


def each_strategy(world: World, *, strategy: str) -> MethodResult:
    """Run the strategy's system and store its optimal positions."""
    configured = world.strategies.by_name[strategy]
    desk = running.SystemsDesk(
        world.series,
        Instruments(world.documents),
        CapitalStore(world.documents, world.series),
        OptimalPositionStore(world.documents),
        world.folders,
        books_of(world),
        world.capital.base_currency,
        world.stale_after_days,
    )
    return running.run_strategy(desk, configured, system_of(configured), now=world.clock.now())
