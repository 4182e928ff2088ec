"""Where operators are named, nobody else trades by hand or loosens what restrains orders; everybody may stop."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.control import hand_fills, order_controls, order_entry
from sysproduction.control.order_controls import ControlDesk
from sysproduction.control.order_entry import EntryDesk
from sysproduction.control.panic import panic
from sysproduction.control.reconciling import Signature, accept
from sysproduction.domain.errors import Refused
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.limits import PositionLimit
from sysproduction.domain.overrides import Override
from sysproduction.stores import audit
from sysproduction.stores.order_controls import LockKind
from tests.rolling_market import NOW, desk_on, put_market

BY_HAND: tuple[Callable[[EntryDesk], object], ...] = (
    lambda desk: order_entry.trade(desk, order_entry.Trade("trend", "CORN", "1")),
    lambda desk: order_entry.cancel(desk, "trend/CORN/d"),
    lambda desk: hand_fills.balance(desk, hand_fills.Balance("trend", "CORN", "20240600", "1", 1.0)),
    lambda desk: hand_fills.fill(desk, hand_fills.HandFill("SP", "1", 1.0)),
    lambda desk: panic(desk, KillState.NORMAL),
    lambda desk: accept(desk, None, "R0", Signature()),
)
LOOSENING: tuple[Callable[[ControlDesk], object], ...] = (
    lambda desk: order_controls.set_limit(desk, PositionLimit("CORN", None, 9)),
    lambda desk: order_controls.remove_limit(desk, PositionLimit("CORN", None, 9)),
    lambda desk: order_controls.set_override(desk, None, "CORN", Override()),
    lambda desk: order_controls.remove_override(desk, None, "CORN"),
    lambda desk: order_controls.unlock(desk, "CORN", LockKind.MANUAL),
    lambda desk: order_controls.set_kill(desk, KillState.NORMAL),
)


@pytest.mark.parametrize("command", BY_HAND)
def test_only_operators_trade_by_hand(command: Callable[[EntryDesk], object]) -> None:
    """The refusal is audited, and nothing else is written; an operator is not refused for who he is."""
    documents, series = MemoryDocuments(), MemorySeries(lambda: NOW)
    put_market(desk_on(documents, series), "CORN")
    answer = command(EntryDesk(documents, series, ["trend"], "eve", NOW, "x", ["ann"]))
    assert isinstance(answer, Refused)
    assert answer.reason == "eve is not among the operators of this home (ann): trading.operators"
    [entry] = audit.read(documents)
    assert (entry.who, entry.what.endswith(": refused")) == ("eve", True)
    allowed = command(EntryDesk(documents, series, ["trend"], "ann", NOW, "x", ["ann"]))
    assert not isinstance(allowed, Refused) or "operators" not in allowed.reason


@pytest.mark.parametrize("command", LOOSENING)
def test_only_operators_loosen_what_restrains_orders(command: Callable[[ControlDesk], object], tmp_path: Path) -> None:
    """Lock and halt are open to all."""
    documents = MemoryDocuments()
    put_market(desk_on(documents, MemorySeries(lambda: NOW)), "CORN")
    eve = ControlDesk(documents, tmp_path, "eve", NOW, "x", ["ann"])
    assert isinstance(command(eve), Refused)
    assert [entry.what for entry in audit.read(documents)] == ["refused"]
    assert order_controls.lock(eve, "CORN") is None
    assert order_controls.set_kill(eve, KillState.HALT) is None
