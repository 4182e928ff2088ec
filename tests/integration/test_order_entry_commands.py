"""The commands by which a human trades, records, cancels and flattens, on a home with the real database."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.merging import merge
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import BrokerOrder, BrokerOrderType, Leg
from sysproduction.domain.rolls import RollParameters
from sysproduction.ops.main import main
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.prices import DAILY, Prices, empty_bars
from tests.commands import configure, served_home

LISTING = Listing(Instrument("CORN", "Corn", 50.0, "USD", "Ags", "US"), RollParameters("Z", "HKNUZ", -60, -1, 14))
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """CORN with prices and one living contract; a strategy called trend."""
    with served_home(tmp_path_factory.mktemp("entry") / "home") as made:
        configure(made, "strategies:\n  trend:\n    system: trend_basic\nbroker: {kind: none}\n")
        with wiring.outside(Home(made), load(Home(made), environ={})) as ports:
            now = ports.clock.now()
            Instruments(ports.documents).put(LISTING)
            for contract, days in (("20301200", 900), ("20200300", -900)):
                expiry = now.date() + timedelta(days=days)
                Contracts(ports.documents).put(ContractRecord("CORN", contract, True, expiry, False, now, now))
            index = pd.DatetimeIndex([now - timedelta(days=1)])
            row = {f"{role}_CONTRACT": ["20301200"] for role in ("PRICE", "CARRY", "FORWARD")}
            multiple = pd.DataFrame({"PRICE": [450.0], "CARRY": [450.0], "FORWARD": [450.0], **row}, index=index)
            bars = pd.DataFrame({"close": [450.0]}, index=index).reindex(columns=list(BAR_COLUMNS))
            prices = Prices(ports.series)
            prices.replace_stitched("CORN", multiple, multiple["PRICE"])
            prices.add_bars("CORN", "20301200", merge(empty_bars(), bars.assign(**{DAILY: True})))
        yield made


@pytest.fixture
def say(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command in this process: its exit code and what it wrote."""
    monkeypatch.setenv("SYSPRODUCTION_HOME", str(home))

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def shown(say: Say, *words: str) -> list[dict[str, object]]:
    """The rows of a command that shows something."""
    code, out, err = say(*words, "--json")
    assert code == 0, err
    rows = json.loads(out)
    assert isinstance(rows, list)
    return rows


def test_a_trade_is_confirmed_ordered_and_cancelled(say: Say) -> None:
    """Without --yes the consequence is named and nothing happens."""
    trade = ("orders", "trade", "trend", "CORN", "-3", "--why", "rebalance")
    code, _, err = say(*trade)
    assert (code, "-3 CORN would be traded for trend: say --yes" in err) == (4, True)
    assert shown(say, "orders", "show") == []
    assert say(*trade, "--yes")[0] == 0
    [row] = shown(say, "orders", "show")
    assert (row["trade"], row["why"]) == ("-3", "rebalance")
    assert "ordered today already" in say(*trade, "--yes")[2]
    assert say("orders", "cancel", str(row["order_id"]), "--why", "no")[0] == 0
    code, _, err = say("orders", "cancel", str(row["order_id"]), "--why", "no")
    assert (code, "asked for already" in err) == (4, True)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("trade", "trend", "CORN", "0"), "whole number other than 0"),
        (("trade", "trend", "CORN", "1.5"), "whole number"),
        (("trade", "trend", "CRON", "1"), "did you mean CORN?"),
        (("trade", "nobody", "CORN", "1"), "no strategy nobody (trend)"),
        (("trade", "trend", "CORN", "1", "--type", "roll"), "is best, market, limit, not roll"),
        (("balance", "trend", "CORN", "20200300", "1", "400"), "expired"),
        (("balance", "trend", "CORN", "20310300", "1", "400"), "no contract 20310300"),
        (("fill", "SP0", "1", "400"), "no broker order SP0"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(say: Say, words: tuple[str, ...], reason: str) -> None:
    """Exit code 4, and the audit log has it."""
    code, _, err = say("orders", *words, "--why", f"test {reason}", "--yes")
    assert (code, reason in err) == (4, True), err
    [refused] = [e for e in shown(say, "audit", "show") if e["why"] == f"test {reason}"]
    assert str(refused["what"]).endswith(": refused")


def test_a_balance_trade_becomes_a_position_and_a_panic_flattens_it(say: Say) -> None:
    """The reason must be one; at HALT a panic says what lets it pass."""
    balance = ("orders", "balance", "trend", "CORN", "20301200", "2", "450.25", "--yes")
    assert "--why is empty" in say(*balance, "--why", " ")[2]
    assert say(*balance, "--why", "done by phone")[0] == 0
    assert [(r["of"], r["quantity"]) for r in shown(say, "positions", "show")] == [("strategy", 2), ("contract", 2)]
    result = json.loads(say("pnl", "show", "--json")[1])
    assert (result["total"], [one["result"] for one in result["trades"]]) == (-25.0, [-25.0])
    assert "by strategy" in say("pnl", "show")[1]
    say("kill", "halt", "--why", "x")
    assert "kill reduce" in say("panic", "--why", "get out", "--yes")[2]
    say("kill", "release", "--why", "x", "--yes")
    assert say("panic", "--why", "get out")[0] == 4
    code, out, _ = say("panic", "--why", "get out", "--yes")
    assert (code, "trend/CORN/panic-1: -2" in out) == (0, True)
    assert [e["who"] != "run_stack_handler" for e in shown(say, "audit", "show") if e["what"] == "panic"] == [True]


def test_only_named_operators_trade_by_hand(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody may look and halt."""
    monkeypatch.setenv("SYSPRODUCTION__TRADING__OPERATORS", "[ann]")
    monkeypatch.setenv("LOGNAME", "eve")
    code, _, err = say("orders", "trade", "trend", "CORN", "1", "--why", "x", "--yes")
    assert (code, "eve is not among the operators" in err) == (4, True)
    assert say("kill", "halt", "--why", "x")[0] == 0
    assert say("kill", "release", "--why", "x", "--yes")[0] == 4
    monkeypatch.setenv("LOGNAME", "ann")
    assert say("kill", "release", "--why", "x", "--yes")[0] == 0


def test_an_unknown_outcome_is_shown_and_signed_while_the_broker_is_away(say: Say, home: Path) -> None:
    """`reconcile` ends with 1 as long as anything is known to differ, then with 3: nobody was asked."""
    with wiring.outside(Home(home), load(Home(home), environ={})) as ports:
        stack = OrderStack(ports.documents)
        legs, at = (Leg("20301200", 1),), ports.clock.now()
        order = BrokerOrder("trend/CORN/d/1", 1, "trend/CORN/d", "trend", "CORN", legs, BrokerOrderType.MARKET, at)
        stack.insert_broker(replace(order, status=BrokerStatus.UNKNOWN))
    code, out, _ = say("reconcile", "--json")
    shown = json.loads(out)
    assert (code, shown["compared"]) == (1, False)
    [row] = shown["findings"]
    assert (row["kind"], order.client_order_id in row["accept_to"]) == ("unknown outcome", True)
    assert "not compared now" in say("reconcile")[1]
    accept = ("reconcile", "accept", row["proposal"], "--why", "their desk says no")
    assert say(*accept)[0] == 4
    assert say(*accept, "--yes")[0] == 0
    assert say("reconcile", "--json")[0] == 3
    assert "is accepted by" in say(*accept, "--yes")[2]
    with wiring.outside(Home(home), load(Home(home), environ={})) as ports:
        ended = OrderStack(ports.documents).get_broker(order.client_order_id)
        assert ended is not None
        assert (ended.active, ended.status) == (False, BrokerStatus.CANCELLED)


def test_the_account_and_its_margin_are_shown(say: Say) -> None:
    """From the account on paper where no broker is; the only strategy has all of it."""
    shown = json.loads(say("margin", "show", "--json")[1])
    assert (shown["source"], shown["margin_used"], shown["free"]) == ("account", 0.0, shown["account_value"])
    assert [(row["strategy"], row["share"]) for row in shown["strategies"]] == [("trend", 1.0)]
    assert "by strategy" in say("margin", "show")[1]
