"""Fills that an operator signs: trades done elsewhere (balance), and fills of our orders that no broker tells of.

A fill is recorded once: its execution id derives from the command, or is the broker's own, under which the broker's
word on it later is the same fact. Positions follow, for they are a fold of the fills.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from sysproduction.control.order_entry import (
    MANUAL_ACCOUNT,
    EntryDesk,
    digest,
    known,
    known_contract,
    real_price,
    whole_contracts,
)
from sysproduction.domain.errors import AlreadyExists, Conflict, DataError, Refused
from sysproduction.domain.fills import Fill, is_complete, unfilled
from sysproduction.domain.order_states import BrokerEvent, BrokerStatus, after
from sysproduction.domain.orders import (
    BrokerOrder,
    ContractOrder,
    InstrumentOrder,
    Leg,
    OrderType,
    Outcome,
    PlannedChild,
)

_AT_THE_BROKER = (BrokerStatus.WORKING, BrokerStatus.CANCELLING)


@dataclass(frozen=True, slots=True)
class Balance:
    """A trade that was done elsewhere, as it was typed."""

    strategy: str
    instrument: str
    contract: str
    quantity: str
    price: float


@dataclass(frozen=True, slots=True)
class HandFill:
    """A fill of a broker order, as it was typed; `contract` where the order has several legs, `execution_id` and
    `account` if the broker's are known."""

    client_order_id: str
    quantity: str
    price: float
    contract: str | None = None
    execution_id: str | None = None
    account: str | None = None


def balance(desk: EntryDesk, wanted: Balance) -> Fill | Refused:
    """Record a family that was filled from birth, and its fill. The same command on the same day is one trade."""
    return desk.told(
        "balance trade", f"{wanted.strategy}/{wanted.instrument}", desk.forbidden or _balance(desk, wanted)
    )


def _balance(desk: EntryDesk, wanted: Balance) -> Fill | Refused:
    quantity = whole_contracts(wanted.quantity)
    if isinstance(quantity, Refused):
        return quantity
    refused = (
        known(desk, wanted.strategy, wanted.instrument)
        or known_contract(desk, wanted.instrument, wanted.contract, quantity)
        or real_price(wanted.price)
    )
    if refused is not None:
        return refused
    said = digest(wanted.contract, quantity, wanted.price, desk.why)
    execution_id = f"{wanted.strategy}/{wanted.instrument}/balance-{desk.now:%Y%m%d}-{said}"
    fill = Fill(
        execution_id=execution_id,
        revision=0,
        account=MANUAL_ACCOUNT,
        strategy=wanted.strategy,
        instrument=wanted.instrument,
        contract=wanted.contract,
        quantity=quantity,
        price=wanted.price,
        at=desk.now,
        by=desk.by,
        recorded_at=desk.now,
    )
    desk.note("balance trade", execution_id, {"contract": wanted.contract, "quantity": quantity})
    recorded = record_balance(desk, fill)
    return recorded or Refused(f"{execution_id} is on record already: give another --why for a further trade")


def record_balance(desk: EntryDesk, fill: Fill) -> Fill | None:
    """Store a family of orders that was filled from birth, then its fill, which now names them; None if the fill is on
    record. The execution's last word is the decision, so that a command that was cut off makes the same family."""
    order, child = _family(desk, fill)
    with suppress(AlreadyExists):
        desk.stack.insert_instrument(order)
    with suppress(AlreadyExists):
        desk.stack.insert_contract(child)
    complete = replace(fill, contract_order=child.order_id, instrument_order=order.order_id)
    return complete if desk.ledger.record(complete) else None


def _family(desk: EntryDesk, fill: Fill) -> tuple[InstrumentOrder, ContractOrder]:
    legs = (Leg(fill.contract, fill.quantity),)
    order = InstrumentOrder(
        strategy=fill.strategy,
        instrument=fill.instrument,
        decision=fill.execution_id.rpartition("/")[2],
        quantity=fill.quantity,
        order_type=OrderType.BALANCE,
        generated_at=desk.now,
        by=desk.by,
        why=desk.why,
        plan=(PlannedChild(1, legs, OrderType.BALANCE, ""),),
        active=False,
        completed_at=desk.now,
        outcome=Outcome.FILLED,
    )
    child = ContractOrder(
        parent=order.order_id,
        number=1,
        strategy=order.strategy,
        instrument=order.instrument,
        legs=legs,
        order_type=OrderType.BALANCE,
        algo="",
        generated_at=desk.now,
        active=False,
        completed_at=desk.now,
        outcome=Outcome.FILLED,
    )
    return order, child


def fill(desk: EntryDesk, wanted: HandFill) -> Fill | Refused:
    """Record a fill of one of our broker orders, no more of it than is left; complete, the order is FILLED."""
    return desk.told("manual fill", wanted.client_order_id, desk.forbidden or _fill(desk, wanted))


def _fill(desk: EntryDesk, wanted: HandFill) -> Fill | Refused:
    quantity = whole_contracts(wanted.quantity)
    if isinstance(quantity, Refused):
        return quantity
    order = desk.stack.get_broker(wanted.client_order_id)
    if order is None:
        return Refused(f"there is no broker order {wanted.client_order_id}: `sysproduction orders show` lists them")
    refused = real_price(wanted.price) or _open_to_hands(order, wanted) or _same_day_twice(desk, wanted)
    if refused is not None:
        return refused
    contract = _contract(order, wanted)
    if isinstance(contract, Refused):
        return contract
    left = {leg.contract: leg.quantity for leg in unfilled(order.legs, desk.ledger.of_client_order(_id(order)))}
    room = left.get(contract, 0)
    if quantity * room <= 0 or abs(quantity) > abs(room):
        return Refused(f"{quantity:+d} {contract}: {room:+d} is left of {wanted.client_order_id}")
    made = _hand_fill(desk, order, wanted, contract, quantity)
    desk.note("manual fill", _id(order), {"contract": contract, "quantity": quantity, "price": wanted.price})
    try:
        desk.ledger.record(made)
    except DataError as error:
        return Refused(str(error))
    _complete(desk, _id(order))
    return made


def _id(order: BrokerOrder) -> str:
    return order.client_order_id


def _open_to_hands(order: BrokerOrder, wanted: HandFill) -> Refused | None:
    if order.status in _AT_THE_BROKER and wanted.execution_id is None:
        return Refused(
            f"{_id(order)} is {order.status} at the broker, which tells of its fills: cancel it first, or give "
            "--execution and --account"
        )
    return None


def _execution(desk: EntryDesk, wanted: HandFill) -> tuple[str, str]:
    """Account and execution id."""
    own = f"{wanted.client_order_id}-{digest(f'{desk.now:%Y%m%d}', wanted.quantity, wanted.price, desk.why)}"
    return wanted.account or MANUAL_ACCOUNT, wanted.execution_id or own


def _same_day_twice(desk: EntryDesk, wanted: HandFill) -> Refused | None:
    if (wanted.execution_id is None) is not (wanted.account is None):
        return Refused("--execution and --account go together: an execution is known by both")
    account, execution_id = _execution(desk, wanted)
    if desk.ledger.of_execution(account, execution_id):
        return Refused(f"execution {execution_id} is on record already")
    return None


def _contract(order: BrokerOrder, wanted: HandFill) -> str | Refused:
    contracts = [leg.contract for leg in order.legs]
    if wanted.contract is None and len(contracts) == 1:
        return contracts[0]
    if wanted.contract in contracts:
        return wanted.contract
    return Refused(f"say which contract of {_id(order)} was filled: --contract {' or '.join(contracts)}")


def _hand_fill(desk: EntryDesk, order: BrokerOrder, wanted: HandFill, contract: str, quantity: int) -> Fill:
    account, execution_id = _execution(desk, wanted)
    return Fill(
        execution_id=execution_id,
        revision=0,
        account=account,
        strategy=order.strategy,
        instrument=order.instrument,
        contract=contract,
        quantity=quantity,
        price=wanted.price,
        at=desk.now,
        client_order_id=_id(order),
        contract_order=order.parent,
        instrument_order=order.instrument_order,
        by=desk.by,
        recorded_at=desk.now,
    )


def _complete(desk: EntryDesk, client_order_id: str) -> None:
    """Say so where the order is complete, whoever else writes it meanwhile."""
    while True:
        order = desk.stack.get_broker(client_order_id)
        if order is None or not is_complete(order.legs, desk.ledger.of_client_order(client_order_id)):
            return
        status = after(order.status, BrokerEvent.FILLED)
        if isinstance(status, Refused) or status is order.status:
            return
        ended = replace(order, status=status, active=False, completed_at=order.completed_at or desk.now, why=desk.why)
        with suppress(Conflict):
            desk.stack.replace_broker(ended)
