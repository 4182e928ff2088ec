"""The commands for orders, on a home whose database stays up."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.orders import (
    BrokerOrder,
    BrokerOrderType,
    ContractOrder,
    InstrumentOrder,
    Leg,
    OrderType,
    Outcome,
)
from sysproduction.domain.rolls import RollParameters
from sysproduction.ops.main import main
from sysproduction.stores.audit import COLLECTION
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.order_stack import OrderStack
from tests.commands import served_home
from tests.fill_tapes import fill

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
LISTING = Listing(Instrument("CORN", "Corn", 50.0, "USD", "Ags", "US"), RollParameters("Z", "HKNUZ", -60, -1, 14))
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


def test_ended_orders_are_shown_with_all_below_them(order_home: Path, say: Say) -> None:
    """The last one first, with what became of each; what is still worked on, or ended long ago, is not among them."""
    with wiring.outside(Home(order_home), load(Home(order_home), environ={})) as ports:
        stack, now = OrderStack(ports.documents), ports.clock.now()
        for days, outcome in ((1, Outcome.FILLED), (0, Outcome.UNFILLED), (30, Outcome.FILLED)):
            at = now - timedelta(days=days, hours=1)
            fields = {"active": False, "completed_at": at, "outcome": outcome}
            wanted = InstrumentOrder("old", "GOLD", f"d{days}", 2, OrderType.MARKET, at, "me", **fields)
            legs = (Leg("20241200", 2),)
            child = ContractOrder(wanted.order_id, 1, "old", "GOLD", legs, OrderType.MARKET, "market", generated_at=at)
            stack.insert_instrument(wanted)
            stack.insert_contract(replace(child, active=False, outcome=outcome))
    rows = json.loads(say("orders", "history", "--json")[1])
    assert [(row["level"], row["state"]) for row in rows] == [
        ("instrument", "unfilled"),
        ("contract", "unfilled"),
        ("instrument", "filled"),
        ("contract", "filled"),
    ]
    assert "no order has ended in the last 3 days" in say("orders", "history", "--strategy", "trend", "--days", "3")[1]


@pytest.fixture
def corn(order_home: Path, say: Say) -> Iterator[None]:
    """CORN is a known instrument."""
    with wiring.outside(Home(order_home), load(Home(order_home), environ={})) as ports:
        Instruments(ports.documents).put(LISTING)
        yield


def said(answer: tuple[int, str, str]):
    """The JSON of a command that succeeded."""
    code, out, err = answer
    assert code == 0, err
    return json.loads(out)


@pytest.mark.usefixtures("corn")
def test_limits_are_set_shown_and_removed(say: Say) -> None:
    """Beside what the configuration says; an unknown instrument, a negative number and no reason are errors."""
    assert say("limits", "set", "position", "CORN", "7", "--strategy", "trend", "--why", "small")[0] == 0
    assert say("limits", "set", "trade", "CORN", "9", "--days", "2", "--why", "slow")[0] == 0
    rows = said(say("limits", "show", "--json"))
    assert [(row["limit"], row["contracts"]) for row in rows[:3]] == [("position", 7), ("trade", 9), ("size_max", 100)]
    assert say("limits", "remove", "trade", "CORN", "--why", "x")[0] == 4
    assert say("limits", "remove", "trade", "CORN", "--days", "2", "--why", "x")[0] == 0
    assert len(said(say("limits", "show", "--json"))) == len(rows) - 1
    assert say("limits", "set", "trade", "CORN", "9", "--days", "0", "--why", "x")[0] == 4
    assert "WHEAT" in say("limits", "set", "position", "WHEAT", "7", "--why", "x")[2]
    assert say("limits", "set", "position", "CORN", "-1", "--why", "x")[0] == 2
    assert say("limits", "set", "position", "CORN", "7")[0] == 2


@pytest.mark.usefixtures("corn")
def test_overrides_are_set_shown_and_removed(say: Say) -> None:
    """A factor or a word; what is neither, or out of range, is an error."""
    assert say("overrides", "set", "0.5", "--strategy", "trend", "--why", "x")[0] == 0
    assert say("overrides", "set", "no-trade", "--instrument", "CORN", "--why", "x")[0] == 0
    rows = said(say("overrides", "show", "--json"))
    assert [(row["kind"], row["factor"]) for row in rows] == [("no_trade", None), ("factor", 0.5)]
    assert say("overrides", "set", "1.5", "--why", "x")[0] == 4
    assert say("overrides", "set", "nan", "--why", "x")[0] == 4
    assert say("overrides", "set", "half", "--why", "x")[0] == 2
    assert say("overrides", "remove", "--strategy", "trend", "--why", "x")[0] == 0
    assert say("overrides", "remove", "--strategy", "trend", "--why", "x")[0] == 4


@pytest.mark.usefixtures("corn")
def test_instruments_are_locked_and_unlocked(say: Say) -> None:
    """Once; the reason is shown."""
    assert say("locks", "lock", "CORN", "--why", "looks odd")[0] == 0
    assert say("locks", "lock", "CORN", "--why", "again")[0] == 4
    assert [row["why"] for row in said(say("locks", "show", "--json"))] == ["looks odd"]
    assert say("locks", "unlock", "CORN", "--kind", "break", "--why", "x")[0] == 4
    assert say("locks", "unlock", "CORN", "--why", "x")[0] == 0
    assert said(say("locks", "show", "--json")) == []


def test_the_kill_switch_stops_at_once_and_is_released_with_a_confirmation(say: Say, order_home: Path) -> None:
    """The file says so too; a switch that cannot be read is an error, and setting it anew mends it."""
    assert said(say("kill", "show", "--json"))[0]["state"] == "normal"
    assert say("kill", "halt", "--why", "runaway")[0] == 0
    [word] = said(say("kill", "show", "--json"))
    assert (word["state"], word["why"]) == ("halt", "runaway")
    assert "halt" in (order_home / "run" / "kill_switch").read_text()
    assert say("kill", "release", "--why", "mended")[0] == 4
    assert said(say("kill", "show", "--json"))[0]["state"] == "halt"
    assert say("kill", "release", "--why", "mended", "--yes")[0] == 0
    assert say("kill", "reduce", "--why", "careful")[0] == 0
    (order_home / "run" / "kill_switch").write_text("?")
    code, _, err = say("kill", "show")
    assert code == 1
    assert "no order is sent" in err
    assert say("kill", "release", "--why", "mended", "--yes")[0] == 0
    assert said(say("kill", "show", "--json"))[0]["state"] == "normal"


def test_every_word_is_in_the_audit_log(say: Say, order_home: Path) -> None:
    """Who, what and why; the chains are whole until somebody touches them."""
    say("kill", "halt", "--why", "for the audit")
    say("kill", "release", "--why", "for the audit", "--yes")
    told = [row["what"] for row in said(say("audit", "show", "--json")) if row["why"] == "for the audit"]
    assert told == ["set the kill switch", "release the kill switch"]
    assert said(say("audit", "verify", "--json")) == []
    with wiring.outside(Home(order_home), load(Home(order_home), environ={})) as ports:
        [first, *_] = ports.documents.find(COLLECTION)
        ports.documents.replace(COLLECTION, first.key, {**first.body, "at": "2000"}, first.version)
    code, out, _ = say("audit", "verify")
    assert code == 1
    assert "not what they were" in " ".join(out.split())
