"""The last look at a trading day, once nothing goes wrong any more and everything is finished."""

from collections import Counter
from collections.abc import Iterator, Mapping, Set

from sysproduction.domain.fills import positions
from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.simulation.trading_venue import FOREIGN, Venue
from sysproduction.simulation.trading_watch import Key, Watch
from sysproduction.stores.audit import verify
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_controls import LockKind, Locks
from sysproduction.stores.order_stack import OrderStack

Wrong = tuple[str, str]


def last_look(watch: Watch, venue: Venue, told: Set[str], targets: Mapping[Key, int]) -> Iterator[Wrong]:
    """What is not as it must be.

    - Q1 the ledger is what the exchange has executed for us, and its positions are the exchange's;
    - Q2 positions are the fold of all fills, also by snapshot and tail;
    - Q3 nothing is left: no order here or there, no lock of the machine's;
    - Q4 every strategy holds what it wanted last, unless the exchange refused it;
    - Q5 the audit log's chains are whole;
    - Q6 what a human must know was told.
    """
    yield from _agreement(watch, venue)
    yield from _folds(watch)
    yield from _leftovers(watch, venue)
    yield from _wishes(watch, targets)
    for fault in verify(watch.documents):
        yield "Q5", f"audit chain {fault.chain}, {fault.number}: {fault.reason}"
    yield from _told(watch, told)


def unnoticed(watch: Watch, venue: Venue, told: Set[str]) -> Iterator[Wrong]:
    """What a comparison with the broker must have found: trades and orders of others, whatever else went on."""
    locked = {lock.instrument for lock in Locks(watch.documents).all() if lock.kind is LockKind.BREAK}
    for instrument, contract in sorted(key for key, quantity in watch.foreign.items() if quantity):
        if instrument not in locked:
            yield "Q6", f"{instrument} is not locked, although its position in {contract} is not ours"
        if f"break/{instrument}" not in told:
            yield "Q6", f"nobody was told that the position in {contract} of {instrument} is not ours"
    for order in venue.open_orders():
        if order.client_order_id is None and not any(order.broker_id in key for key in told):
            yield "Q6", f"nobody was told of the strange order {order.broker_id}"


def _agreement(watch: Watch, venue: Venue) -> Iterator[Wrong]:
    ours = {
        key: (fill["revision"], fill["quantity"], fill["price"], fill["contract"]) for key, fill in watch.fills.items()
    }
    theirs = {
        key: (one.revision, one.quantity, one.price, one.contract)
        for key, one in watch.executions.items()
        if not (one.client_order_id or "").startswith(FOREIGN)
    }
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            yield "Q1", f"execution {key}: {theirs.get(key)} at the exchange, {ours.get(key)} in the ledger"
    held = {(one.instrument, one.contract): one.quantity for one in venue.broker.exchange.positions()}
    ledger = FillLedger(watch.documents).positions().contracts
    for one in sorted(held.keys() | ledger.keys()):
        if held.get(one, 0) != ledger.get(one, 0) + watch.foreign[one]:
            yield "Q1", f"{one}: {held.get(one, 0):+d} at the exchange, {ledger.get(one, 0):+d} in the ledger"


def _folds(watch: Watch) -> Iterator[Wrong]:
    ledger = FillLedger(watch.documents)
    folded = positions(ledger.since(0))
    if ledger.positions() != folded:
        yield "Q2", f"positions are {ledger.positions()}, and the fills add up to {folded}"
    strategies = {key: quantity for key, quantity in watch.positions()[0].items() if quantity}
    if dict(folded.strategies) != strategies:
        yield "Q2", f"strategies hold {dict(folded.strategies)}, and what they were filled is {strategies}"


def _leftovers(watch: Watch, venue: Venue) -> Iterator[Wrong]:
    stack = OrderStack(watch.documents)
    left = [order.order_id for order in stack.active_instruments()]
    for order_id in (*left, *(order.order_id for order in stack.active_contracts())):
        yield "Q3", f"{order_id} never ends"
    for sent in stack.active_brokers():
        yield "Q3", f"{sent.client_order_id} is {sent.status} for ever"
    for standing in venue.broker.exchange.open_orders():
        yield "Q3", f"{standing.client_order_id} still works at the exchange"
    if not any(watch.foreign.values()):
        for lock in Locks(watch.documents).all():
            yield "Q3", f"{lock.instrument} is still locked ({lock.kind})"
    for key in sorted(watch.instruments.keys() - {one.key for one in watch.documents.find("instrument_orders")}):
        yield "Q3", f"{key} is lost"


def _wishes(watch: Watch, targets: Mapping[Key, int]) -> Iterator[Wrong]:
    strategies = watch.positions()[0]
    for (strategy, instrument), target in sorted(targets.items()):
        if strategies[strategy, instrument] != target:
            held = strategies[strategy, instrument]
            yield "Q4", f"{strategy} holds {held:+d} {instrument}, and wanted {target:+d}"
    for (strategy, instrument), quantity in strategies.items():
        if strategy == ROLL_STRATEGY and quantity:
            yield "Q4", f"of rolls of {instrument} {quantity:+d} is left"


def _told(watch: Watch, told: Set[str]) -> Iterator[Wrong]:
    rejected = Counter(body["parent"] for body in watch.intents.values() if body["status"] == "rejected")
    for parent in sorted(rejected):
        if f"rejected/{parent}" not in told:
            yield "Q6", f"nobody was told that an order of {parent} was rejected"
    for key in sorted(watch.unknown):
        if f"outcome/{key}" not in told:
            yield "Q6", f"nobody was told that the outcome of {key} was unknown"
