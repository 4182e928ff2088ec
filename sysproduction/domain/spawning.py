"""Which contracts an instrument order is traded in: by roll state and by what is held; pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sysproduction.domain.errors import Refused
from sysproduction.domain.orders import InstrumentOrder, Leg, OrderType, PlannedChild, Reference
from sysproduction.domain.roll_states import RollState

ShiftPrice = Callable[[str, str], float | None]
"""Last matched price of the second contract minus that of the first; None: there is none."""


@dataclass(frozen=True, slots=True)
class RollView:
    """Where an instrument stands: its contracts in force, its roll state, and what is held, or will be once every live
    order is filled, in the priced contract."""

    price: str
    forward: str
    state: RollState
    position: int


def split(quantity: int, view: RollView) -> tuple[Leg, ...]:
    """The legs of a trade, each an order of its own; empty: nothing is traded in this state.

    No_Roll and No_Open trade in the priced contract. Passive opens in the forward contract and closes in the priced
    one, both where the trade goes through zero. The forced states let a trade only reduce; Close and Roll_Adjusted
    trade nothing.
    """
    if view.state in (RollState.CLOSE, RollState.ROLL_ADJUSTED):
        return ()
    if view.state in (RollState.NO_ROLL, RollState.NO_OPEN):
        return (Leg(view.price, quantity),)
    reducing = view.position * quantity < 0
    if not reducing:
        return (Leg(view.forward, quantity),) if view.state is RollState.PASSIVE else ()
    closing = max(-abs(view.position), -abs(quantity)) * (1 if view.position > 0 else -1)
    rest = quantity - closing
    if not rest:
        return (Leg(view.price, closing),)
    opening = (Leg(view.forward, rest),) if view.state is RollState.PASSIVE else ()
    return (Leg(view.price, closing), *opening)


def planned(
    order: InstrumentOrder, legs: tuple[Leg, ...], algo: str, shift: ShiftPrice
) -> tuple[PlannedChild, ...] | Refused:
    """A child for each leg, its prices moved to the leg's contract; Refused if a limit price cannot be."""
    children = []
    for number, leg in enumerate(legs, start=1):
        reference, limit = order.reference, order.limit_price
        moved = _moved(reference, leg.contract, shift)
        if limit is not None:
            source = reference.contract if reference else leg.contract
            by = 0.0 if source == leg.contract else shift(source, leg.contract)
            if by is None:
                return Refused(
                    f"its limit {limit:g} is of {source}, and no matched price tells what that is in {leg.contract}"
                )
            limit += by
        children.append(PlannedChild(number, (leg,), order.order_type, algo, limit, moved))
    return tuple(children)


def _moved(reference: Reference | None, contract: str, shift: ShiftPrice) -> Reference | None:
    if reference is None or reference.contract == contract:
        return reference
    by = shift(reference.contract, contract)
    return None if by is None else replace(reference, price=reference.price + by, contract=contract)


def roll_plan(view: RollView, algo: str) -> tuple[PlannedChild, ...]:
    """What a forced state trades: Force one order of two legs, Force_Outright two orders, Close one that closes."""
    closing, opening = Leg(view.price, -view.position), Leg(view.forward, view.position)
    if view.state is RollState.FORCE:
        return (PlannedChild(1, (closing, opening), OrderType.ROLL, algo),)
    if view.state is RollState.FORCE_OUTRIGHT:
        return (PlannedChild(1, (closing,), OrderType.ROLL, algo), PlannedChild(2, (opening,), OrderType.ROLL, algo))
    return (PlannedChild(1, (closing,), OrderType.ROLL, algo),)
