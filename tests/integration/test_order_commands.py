"""The commands for orders, on a home whose database stays up."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.domain.orders import (
    BrokerOrder,
    BrokerOrderType,
    ContractOrder,
    InstrumentOrder,
    Leg,
    OrderType,
)
from sysproduction.ops.main import main
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.order_stack import OrderStack
from tests.commands import served_home
from tests.fill_tapes import fill

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def order_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one order on all levels and one fill."""
    with served_home(tmp_path_factory.mktemp("orders") / "home") as home:
        with wiring.outside(Home(home), load(Home(home), environ={})) as ports:
            stack, now = OrderStack(ports.documents), ports.clock.now()
            wanted = InstrumentOrder("trend", "CORN", "d1", 3, OrderType.BEST, AT, "me")
            legs = (Leg("20241200", 3),)
            child = ContractOrder(wanted.order_id, 1, "trend", "CORN", legs, OrderType.BEST, "best", generated_at=AT)
            sent = BrokerOrder(
                child.order_id, 1, wanted.order_id, "trend", "CORN", legs, BrokerOrderType.LIMIT, AT, 450.0
            )
            stack.insert_instrument(wanted)
            stack.insert_contract(child)
            stack.insert_broker(sent)
            FillLedger(ports.documents).record(fill(quantity=2, at=now))
        yield home


@pytest.fixture
def say(order_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command in this process: its exit code and what it wrote."""
    monkeypatch.setenv("SYSPRODUCTION_HOME", str(order_home))

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def test_orders_fills_and_positions_are_shown(say: Say) -> None:
    """Orders of all levels in their order, fills with their price, positions by strategy and contract."""
    code, out, err = say("orders", "show", "--json")
    assert (code, err) == (0, "")
    assert [(row["level"], row["trade"]) for row in json.loads(out)] == [
        ("instrument", "+3"),
        ("contract", "+3 20241200"),
        ("broker", "+3 20241200"),
    ]
    assert json.loads(say("orders", "show", "--strategy", "carry", "--json")[1]) == []
    [one] = json.loads(say("fills", "show", "--json")[1])
    assert (one["contract"], one["quantity"], one["price"]) == ("20241200", 2, 450.25)
    assert json.loads(say("fills", "show", "--instrument", "GOLD", "--json")[1]) == []
    held = json.loads(say("positions", "show", "--json")[1])
    assert [(row["of"], row["quantity"]) for row in held] == [("strategy", 2), ("contract", 2)]
    assert "trend" in say("positions", "show")[1]
