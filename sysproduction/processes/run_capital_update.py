"""All day long: what the account is worth, and once a day how that is split between strategies."""

from sysproduction.capital import updating
from sysproduction.domain.results import MethodResult
from sysproduction.ports import World
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.fx import FxRates

__all__ = [  # noqa: RUF022 (the order in which they run)
    "update_total_capital",
    "strategy_allocation",
]


def update_total_capital(world: World) -> MethodResult:
    """Measure the account at the broker and compound capital."""
    statement = world.account()
    return updating.update_total_capital(_desk(world), statement, world.notifier, now=world.clock.now())


def strategy_allocation(world: World) -> MethodResult:
    """Split capital between the configured strategies."""
    return updating.allocate(_desk(world), world.strategies.weights(), now=world.clock.now())


def _desk(world: World) -> updating.CapitalDesk:
    store = CapitalStore(world.documents, world.series)
    return updating.CapitalDesk(store, FxRates(world.series), world.capital, world.stale_after_days)
