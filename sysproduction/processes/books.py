"""The books of orders and fills, as the processes of the evening read them."""

from sysproduction.ports import World
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_stack import OrderStack
from sysproduction.strategies.holdings import Books
from sysproduction.strategies.restraining import stored_controls


def books_of(world: World) -> Books:
    """Orders, fills, and what restrains both, as things stand now."""
    controls = stored_controls(world.documents, world.strategies.lists)
    return Books(OrderStack(world.documents), FillLedger(world.documents), controls)
