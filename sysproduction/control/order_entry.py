"""What an operator may do with orders: trade and cancel; and what the other commands on orders share.

Each deed is audited before it is done, and each refusal with its reason. A command's orders have identifiers that
derive from the command, so that one that is given twice, or was cut off and is given again, does its deed once.
Nothing here speaks to the broker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import isfinite
from typing import Any, Final, TypeVar

from sysproduction.control.permission import permitted
from sysproduction.domain.contracts import first_day
from sysproduction.domain.errors import AlreadyExists, DataError, Refused
from sysproduction.domain.order_checks import QUANTITY_MAX
from sysproduction.domain.orders import InstrumentOrder, OrderType, Reference
from sysproduction.ports import Documents, Series
from sysproduction.stores.audit import AuditEntry, AuditLog
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.order_controls import Word
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.prices import Prices

MANUAL_TYPES: Final = {str(one): one for one in (OrderType.BEST, OrderType.MARKET, OrderType.LIMIT)}
MANUAL_ACCOUNT: Final = "by hand"
"""The account of fills that no broker has told of."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class EntryDesk:
    """What the commands use; `strategies` are the configured names, `operators` those who may use them (empty: all)."""

    documents: Documents
    series: Series
    strategies: Sequence[str]
    by: str
    now: datetime
    why: str = ""
    operators: Sequence[str] = ()

    @property
    def forbidden(self) -> Refused | None:
        """None if this operator may do what changes orders or the ledger."""
        return permitted(self.by, self.operators)

    @property
    def stack(self) -> OrderStack:
        """The orders of this home."""
        return OrderStack(self.documents)

    @property
    def ledger(self) -> FillLedger:
        """The fills of this home."""
        return FillLedger(self.documents)

    @property
    def word(self) -> Word:
        """Who, when and why."""
        return Word(self.by, self.now, self.why)

    def note(self, what: str, subject: str, details: Mapping[str, Any]) -> None:
        """Audit what is about to be done."""
        entry = AuditEntry(self.by, what, subject, self.now, self.why, details)
        AuditLog(self.documents, f"operator {self.by}").append(entry)

    def told(self, what: str, subject: str, answer: _T | Refused) -> _T | Refused:
        """The answer to a command; a refusal is audited."""
        if isinstance(answer, Refused):
            self.note(f"{what}: refused", subject, {"reason": answer.reason})
        return answer


@dataclass(frozen=True, slots=True)
class Trade:
    """A manual trade as it was typed: `quantity` in contracts, signed; `order_type` best, market or limit."""

    strategy: str
    instrument: str
    quantity: str
    order_type: str = "best"
    limit_price: float | None = None


def whole_contracts(text: str) -> int | Refused:
    """A signed whole number of contracts other than 0."""
    try:
        quantity = int(text)
    except ValueError:
        return Refused(f"{text} contracts: write a whole number, such as 3 or -2 (negative sells)")
    if quantity == 0 or abs(quantity) > QUANTITY_MAX:
        return Refused(f"{quantity} contracts: write a whole number other than 0, such as 3 or -2 (negative sells)")
    return quantity


def known(desk: EntryDesk, strategy: str, instrument: str) -> Refused | None:
    """None if the strategy is configured or holds something, and the instrument exists."""
    holders = {name for name, _ in desk.ledger.positions().strategies}
    strategies = sorted({*desk.strategies, *holders})
    if strategy not in strategies:
        named = ", ".join(strategies) or "none is configured: see `strategies` in private_config.yaml"
        return Refused(f"there is no strategy {strategy} ({named})")
    try:
        Instruments(desk.documents).get(instrument)
    except DataError as error:
        return Refused(str(error))
    return None


def known_contract(desk: EntryDesk, instrument: str, contract: str, quantity: int) -> Refused | None:
    """None if there is such a contract and it lives; in an expired one what is held may still be settled."""
    try:
        first_day(contract)
    except DataError as error:
        return Refused(str(error))
    record = next((one for one in Contracts(desk.documents).of(instrument) if one.contract == contract), None)
    if record is None:
        return Refused(f"{instrument} has no contract {contract}: `sysproduction contracts {instrument}` lists them")
    held = desk.ledger.positions().contracts.get((instrument, contract), 0)
    settles = held * quantity < 0 and abs(quantity) <= abs(held)
    if record.expiry < desk.now.date() and not settles:
        return Refused(f"{instrument} {contract} expired on {record.expiry}, and {held:+d} is held of it")
    return None


def real_price(price: float | None) -> Refused | None:
    """None if it is a number."""
    return None if price is not None and isfinite(price) else Refused(f"price {price}: write a number")


def digest(*parts: object) -> str:
    """Ten characters that stand for these parts."""
    return sha256("|".join(map(str, parts)).encode()).hexdigest()[:10]


def trade(desk: EntryDesk, wanted: Trade) -> InstrumentOrder | Refused:
    """Put an instrument order on the stack. The same command on the same day, with the same reason, is one order."""
    return desk.told("manual trade", f"{wanted.strategy}/{wanted.instrument}", desk.forbidden or _trade(desk, wanted))


def _trade(desk: EntryDesk, wanted: Trade) -> InstrumentOrder | Refused:
    quantity = whole_contracts(wanted.quantity)
    if isinstance(quantity, Refused):
        return quantity
    refused = known(desk, wanted.strategy, wanted.instrument) or _priced_right(wanted)
    if refused is not None:
        return refused
    reference, order_type = _reference(desk, wanted.instrument), MANUAL_TYPES[wanted.order_type]
    if isinstance(reference, Refused):
        return reference
    said = (quantity, order_type, wanted.limit_price, desk.why)
    order = InstrumentOrder(
        strategy=wanted.strategy,
        instrument=wanted.instrument,
        decision=f"manual-{desk.now:%Y%m%d}-{digest(*said)}",
        quantity=quantity,
        order_type=order_type,
        generated_at=desk.now,
        by=desk.by,
        limit_price=wanted.limit_price,
        reference=reference,
        why=desk.why,
    )
    desk.note("manual trade", order.order_id, {"quantity": quantity, "type": str(order_type)})
    try:
        return desk.stack.insert_instrument(order)
    except AlreadyExists:
        return Refused(f"{order.order_id} was ordered today already: give another --why for a further one")


def _priced_right(wanted: Trade) -> Refused | None:
    if wanted.strategy.startswith("_"):
        return Refused(f"{wanted.strategy} is no strategy that trades")
    if wanted.order_type not in MANUAL_TYPES:
        return Refused(f"a manual trade is {', '.join(MANUAL_TYPES)}, not {wanted.order_type}")
    if wanted.order_type != OrderType.LIMIT:
        return (
            None if wanted.limit_price is None else Refused(f"{wanted.order_type} takes no --limit: say --type limit")
        )
    return Refused("limit: give --limit PRICE") if wanted.limit_price is None else real_price(wanted.limit_price)


def _reference(desk: EntryDesk, instrument: str) -> Reference | Refused:
    """The last price of the priced contract, which is also what a limit is of."""
    rows = Prices(desk.series).multiple(instrument).dropna(subset=["PRICE"])
    if rows.empty:
        return Refused(f"{instrument} has no multiple prices: build, import or update them first")
    last = rows.iloc[-1]
    return Reference(float(last["PRICE"]), str(last["PRICE_CONTRACT"]), rows.index[-1].to_pydatetime())


def cancel(desk: EntryDesk, order_id: str) -> str | Refused:
    """Want the end of an order; what ends. A broker order stands for its contract order, whose algorithm would only
    send the next one. The stack handler has it cancelled at its next turn, whatever gate, lock or kill switch say."""
    return desk.told("cancel", order_id, desk.forbidden or _cancel(desk, order_id))


def _cancel(desk: EntryDesk, order_id: str) -> str | Refused:
    found = _order(desk.stack, order_id)
    if found is None:
        return Refused(f"there is no order {order_id}: `sysproduction orders show` lists them")
    subject, active = found
    if not active:
        return Refused(f"{subject} has ended already")
    desk.note("cancel", subject, {"asked": order_id})
    if not desk.stack.end_wishes.ask(subject, desk.word):
        return Refused(f"the end of {subject} was asked for already")
    return subject


def _order(stack: OrderStack, order_id: str) -> tuple[str, bool] | None:
    """The instrument or contract order to end, and whether it is worked on."""
    family = stack.get_instrument(order_id)
    if family is not None:
        return order_id, family.active
    sent = stack.get_broker(order_id)
    child = stack.get_contract(order_id if sent is None else sent.parent)
    return None if child is None else (child.order_id, child.active or (sent is not None and sent.active))
