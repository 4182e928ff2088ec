"""Flatten everything: market orders against what is held, through the same gate as any other."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from sysproduction.control.order_entry import EntryDesk
from sysproduction.domain.errors import AlreadyExists, DataError, Refused
from sysproduction.domain.fills import Positions, unfilled
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.orders import ROLL_STRATEGY, InstrumentOrder, OrderType
from sysproduction.domain.panic import flattening
from sysproduction.orders.algos import algo_for
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.order_controls import Lock, Locks


def panic(desk: EntryDesk, state: KillState, instrument: str | None = None) -> list[InstrumentOrder] | Refused:
    """Orders that flatten one instrument or all; what works there is to end. `state` is how the kill switch stands.

    What those orders still fill meanwhile takes a second panic. A panic that was cut off is completed by the next one:
    while a panic order of an instrument works, its number is kept, and there is one order a strategy and number.
    """
    return desk.told("panic", instrument or "all instruments", desk.forbidden or _panic(desk, state, instrument))


def _panic(desk: EntryDesk, state: KillState, instrument: str | None) -> list[InstrumentOrder] | Refused:
    if state is KillState.HALT:
        return Refused("the kill switch is at HALT, so nothing would be sent: `sysproduction kill reduce` lets it pass")
    if instrument is not None:
        try:
            Instruments(desk.documents).get(instrument)
        except DataError as error:
            return Refused(str(error))
    stack = desk.stack
    desk.note("panic", instrument or "all instruments", {})
    for order in stack.active_instruments(instrument=instrument):
        if order.order_type is not OrderType.PANIC:
            stack.end_wishes.ask(order.order_id, desk.word)
    made = []
    codes = {code for _, code in desk.ledger.positions().strategies} | {c for c, _ in desk.ledger.positions().contracts}
    for code in sorted(codes) if instrument is None else [instrument]:
        for order in _flattening(desk, code):
            with suppress(AlreadyExists):
                made.append(stack.insert_instrument(order))
    return made or Refused("nothing is held that no panic order works on yet")


def locks_on(desk: EntryDesk, orders: Sequence[InstrumentOrder]) -> list[Lock]:
    """Locks that hold these orders back."""
    codes = {order.instrument for order in orders}
    return [lock for lock in Locks(desk.documents).all() if lock.instrument in codes]


def _flattening(desk: EntryDesk, instrument: str) -> list[InstrumentOrder]:
    """Against what strategies hold that have no panic order yet, with all panic orders that work filled."""
    active = desk.stack.active_instruments(instrument=instrument)
    working = [order for order in active if order.order_type is OrderType.PANIC]
    held = desk.ledger.positions()
    strategies = {key: q for key, q in held.strategies.items() if key[0] not in {order.strategy for order in working}}
    contracts = Counter(held.contracts)
    for order in working:
        for child in order.plan or ():
            for leg in unfilled(child.legs, desk.ledger.of_contract_order(f"{order.order_id}/{child.number}")):
                contracts[instrument, leg.contract] += leg.quantity
    return flattening(
        Positions(strategies, contracts),
        instrument,
        decision=working[0].decision if working else _next_decision(desk, instrument, held),
        algo=algo_for(OrderType.PANIC),
        by=desk.by,
        at=desk.now,
        why=desk.why,
    )


def _next_decision(desk: EntryDesk, instrument: str, held: Positions) -> str:
    holders: Sequence[str] = [name for name, code in held.strategies if code == instrument]
    number = 1
    while any(desk.stack.get_instrument(f"{n}/{instrument}/panic-{number}") for n in {*holders, ROLL_STRATEGY}):
        number += 1
    return f"panic-{number}"
