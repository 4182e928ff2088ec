"""Position breaks: what the ledger says is held in a contract against what the broker says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sysproduction.domain.alerts import Severity
from sysproduction.domain.broker import BrokerPosition
from sysproduction.domain.fills import Key
from sysproduction.domain.results import MethodResult, Problem, ProblemKind
from sysproduction.orders.desk import WHO, OrderDesk
from sysproduction.orders.evidence import process_fills_stack
from sysproduction.stores.order_controls import Lock, LockKind, Word

_STRANGE: Final = "strange-orders"


@dataclass(frozen=True, slots=True)
class PositionBreak:
    """Contracts held by the ledger and by the broker that are not the same number."""

    instrument: str
    contract: str
    ours: int
    theirs: int

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.contract}: {self.ours:+d} by the ledger, {self.theirs:+d} at the broker"


def find_breaks(ours: Mapping[Key, int], theirs: Mapping[Key, int]) -> list[PositionBreak]:
    """Every contract in which the two differ, by instrument and contract."""
    return [
        PositionBreak(*key, ours.get(key, 0), theirs.get(key, 0))
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key, 0) != theirs.get(key, 0)
    ]


def check_external_position_break(desk: OrderDesk, now: datetime) -> MethodResult:
    """Compare ledger and broker; lock each instrument that differs, and take the machine's own lock away where nothing
    does any more. The first comparison of a program is what lets anything be sent.

    Fills that come in while the broker is asked are no breaks: its positions are read before and after the executions,
    and only if nothing moved in between are they compared. Raises Unavailable if the broker is away.
    """
    before = _held(desk.broker.positions())
    process_fills_stack(desk, now)
    after = _held(desk.broker.positions())
    if before != after:
        return MethodResult()
    breaks = find_breaks(desk.stores.ledger.positions().contracts, after)
    _lock(desk, breaks, now)
    _unlock(desk, {one.instrument for one in breaks}, now)
    strangers = _strange_orders(desk)
    desk.memory.reconciled = True
    problems = [Problem(f"{one.instrument}/{one.contract}", ProblemKind.FAILED, one.text) for one in breaks]
    return MethodResult(0, len(after), (*problems, *strangers))


def _held(positions: Sequence[BrokerPosition]) -> dict[Key, int]:
    return {(one.instrument, one.contract): one.quantity for one in positions if one.quantity}


def _lock(desk: OrderDesk, breaks: list[PositionBreak], now: datetime) -> None:
    by_instrument: dict[str, list[str]] = {}
    for one in breaks:
        by_instrument.setdefault(one.instrument, []).append(one.text)
    for instrument, texts in by_instrument.items():
        why = "; ".join(texts)
        if desk.stores.locks.lock(Lock(instrument, LockKind.BREAK, Word(WHO, now, why))):
            desk.note("locked", instrument, now, why)
        desk.tell(f"break/{instrument}", f"{instrument}: positions differ from the broker's", why, Severity.CRITICAL)


def _unlock(desk: OrderDesk, broken: set[str], now: datetime) -> None:
    for lock in desk.stores.locks.all():
        if lock.kind is not LockKind.BREAK or lock.instrument in broken:
            continue
        if desk.stores.locks.unlock(lock.instrument, LockKind.BREAK):
            desk.note("unlocked", lock.instrument, now, "positions agree again")
            desk.notifier.recover(f"break/{lock.instrument}", f"{lock.instrument}: positions agree again")


def _strange_orders(desk: OrderDesk) -> tuple[Problem, ...]:
    """Orders at the broker that we do not know."""
    found = []
    for order in desk.broker.open_orders():
        known = order.client_order_id is not None and desk.stores.stack.get_broker(order.client_order_id) is not None
        if not known:
            legs = ", ".join(f"{leg.quantity:+d} {leg.contract}" for leg in order.legs)
            text = f"{order.broker_id} at the broker ({legs}) is not an order of ours"
            desk.tell(f"{_STRANGE}/{order.broker_id}", f"{order.instrument}: a strange order", text, Severity.CRITICAL)
            found.append(Problem(order.instrument, ProblemKind.UNKNOWN, text))
    return tuple(found)
