"""The commands for rolls and for the quality of prices, on a home with a few weeks of prices."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.ops.main import main
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.prices import Prices
from sysproduction.stores.rejections import PriceRejected, Rejections
from tests.commands import served_home

MARCH, JUNE, SEPTEMBER = "20230300", "20230600", "20230900"
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def rolling_home(tmp_path_factory: pytest.TempPathFactory, imported: Path) -> Iterator[Path]:
    """A copy of the imported home whose database stays up."""
    path = tmp_path_factory.mktemp("rolling") / "home"
    copytree(imported, path)
    with served_home(path) as home:
        yield home


@pytest.fixture
def say(rolling_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command in this process: its exit code and what it wrote."""
    monkeypatch.setenv("SYSPRODUCTION_HOME", str(rolling_home))

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def said(answer: tuple[int, str, str]):
    """The JSON of a command that succeeded."""
    code, out, err = answer
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def outside(rolling_home: Path, say: Say) -> Iterator[wiring.Outside]:
    """The home's own ports."""
    with wiring.outside(Home(rolling_home), load(Home(rolling_home), environ={})) as ports:
        yield ports


def test_status_and_suggestions_say_where_things_stand_and_why(say: Say) -> None:
    """One row an instrument, with reasons; for people too."""
    rows = {row["instrument"]: row for row in said(say("roll", "status", "--json"))}
    wheat = rows["WHEAT"]
    assert (wheat["price"], wheat["forward"], wheat["carry"]) == (MARCH, JUNE, JUNE)
    assert (wheat["rule"], wheat["roll_date"], wheat["days_to_roll"]) == ("recorded", "2023-02-28", 0)
    assert wheat["allowed"][0] == "Roll_Adjusted"
    [advice] = said(say("roll", "suggest", "WHEAT", "--json"))
    assert advice["suggested"] == "Roll_Adjusted"
    assert "no volume is known" in advice["reasons"][0]
    assert "WHEAT" in say("roll", "status")[1]
    assert "no volume is known" in say("roll", "suggest", "WHEAT")[1]


def test_a_state_follows_the_table_and_is_remembered(say: Say) -> None:
    """An allowed change is explained in the history; a forbidden one is exit 4 with what is allowed."""
    changed = said(say("roll", "set", "BUND", "passive", "--why", "soon", "--json"))
    assert (changed["before"], changed["after"], changed["reasons"]) == ("No_Roll", "Passive", ["soon"])
    code, _, err = say("roll", "set", "BUND", "Force")
    assert code == 4
    assert "possible: Roll_Adjusted, Passive, No_Roll, No_Open" in err
    assert said(say("roll", "history", "BUND", "--json"))[0]["reasons"] == ["soon"]
    assert "soon" in say("roll", "history")[1]
    assert said(say("roll", "set", "BUND", "No-Roll", "--json"))["after"] == "No_Roll"


@pytest.mark.parametrize(
    "words",
    [
        ("set", "BUND", "Rolling"),
        ("set", "BUND", "Passive", "--dry-run"),
        ("calendar", "BUND", "--out", "x.txt"),
    ],
)
def test_wrong_words_are_exit_2(say: Say, words: tuple[str, ...]) -> None:
    """With what would be right."""
    code, _, err = say("roll", *words)
    assert code == 2
    assert err.startswith("error: ")


@pytest.mark.parametrize(
    "words", [("roll", "status", "WHAET"), ("roll", "set", "WHAET", "Passive"), ("prices", "build", "WHAET")]
)
def test_an_unknown_instrument_is_one_error_with_the_nearest(say: Say, words: tuple[str, ...]) -> None:
    """Not an empty answer."""
    code, _, err = say(*words)
    assert code == 1
    assert "did you mean WHEAT?" in err


def test_a_roll_is_shown_then_made_then_refused(say: Say, outside: wiring.Outside) -> None:
    """--dry-run shows the rows and writes nothing; the roll is in both series and in the calendar; `auto` has nothing
    more to do."""
    [*_, before] = said(say("roll", "set", "WHEAT", "Roll_Adjusted", "--dry-run", "--json"))
    assert (before["PRICE_CONTRACT"], before["FORWARD_CONTRACT"]) == (JUNE, SEPTEMBER)
    assert "would roll to" in said(say("roll", "auto", "WHEAT", "--dry-run", "--json"))[0]["done"]
    assert said(say("roll", "history", "WHEAT", "--json")) == []
    done = said(say("roll", "set", "WHEAT", "Roll_Adjusted", "--why", "due", "--json"))
    assert (done["previous"], done["rolled_to"], done["roll_stamp"]) == (MARCH, JUNE, "2023-02-27T23:00:01+00:00")
    prices = Prices(outside.series)
    assert prices.multiple("WHEAT")["PRICE"].iloc[-1] == before["PRICE"] == prices.adjusted("WHEAT").iloc[-1]
    calendar = said(say("roll", "calendar", "WHEAT", "--json"))
    assert [row["current_contract"] for row in calendar] == [MARCH, JUNE]
    [advice] = said(say("roll", "auto", "WHEAT", "--json"))
    assert (advice["suggested"], advice["done"]) == ("No_Roll", "nothing to do")
    assert "no instrument has the rule automatic" in say("roll", "auto")[1]


def test_a_calendar_can_be_written_to_a_file(say: Say, tmp_path: Path) -> None:
    """In the layout of the other exports."""
    assert say("roll", "calendar", "BUND", "--out", str(tmp_path / "bund.csv"))[0] == 0
    [header, *rows] = (tmp_path / "bund.csv").read_text().splitlines()
    assert header == "DATETIME,current_contract,next_contract,carry_contract"
    assert len(rows) == 1


def test_roll_parameters_are_edited_safely(say: Say) -> None:
    """Shown; previewed; refused where they contradict the contracts in force; kept once they are an operator's."""
    shown = said(say("roll", "parameters", "BUND", "--json"))
    assert (shown["before"], shown["edited"]) == (shown["after"], None)
    code, out, err = say("roll", "parameters", "BUND", "--hold-cycle", "HU", "--json")
    assert code == 4
    assert "after 20230300 comes 20230900, but 20230600 is the forward contract" in err
    assert json.loads(out)["coming_after"][1]["contract"] == SEPTEMBER
    assert say("roll", "parameters", "BUND", "--carry-offset", "7")[0] == 4
    assert say("roll", "parameters", "BUND", "--hold-cycle", "ABC")[0] == 1
    dry = said(say("roll", "parameters", "BUND", "--roll-offset-days", "-12", "--dry-run", "--json"))
    assert dry["after"]["roll_offset_days"] == -12
    assert said(say("roll", "parameters", "BUND", "--json"))["before"]["roll_offset_days"] == -10
    edited = said(say("roll", "parameters", "BUND", "--roll-offset-days", "-12", "--why", "thin", "--json"))
    assert edited["edited"]["reason"] == "thin"
    assert say("method", "run_daily_prices_updates.update_sampled_contracts")[0] == 0
    kept = said(say("roll", "parameters", "BUND", "--json"))
    assert kept["before"]["roll_offset_days"] == -12
    assert "thin" in say("roll", "parameters", "BUND")[1]
    assert say("roll", "parameters", "BUND", "--hold-cycle", "HU", "--yes")[0] == 0
    assert said(say("roll", "parameters", "BUND", "--hold-cycle", "HMUZ", "--json"))["contradictions"] == []


def test_prices_are_built_from_contracts_and_not_overwritten_unasked(say: Say, outside: wiring.Outside) -> None:
    """Refused over stored prices; a dry run says what it would give; with --yes the series are the contracts'."""
    code, _, err = say("prices", "build", "BUND")
    assert code == 4
    assert "--yes" in err
    dry = said(say("prices", "build", "BUND", "--dry-run", "--json"))
    built = said(say("prices", "build", "BUND", "--yes", "--json"))
    assert (dry["stored"], built["stored"], dry["rows"]) == (False, True, built["rows"])
    assert built["rows"] >= 82
    assert len(Prices(outside.series).bars("BUND", MARCH)) >= 82, "the bars stay"
    assert "built" in said(say("roll", "history", "BUND", "--json"))[0]["reasons"][0]
    [status] = said(say("roll", "status", "BUND", "--json"))
    assert status["price"] in (MARCH, JUNE)


def rejected(stamp: datetime, price: float) -> PriceRejected:
    return PriceRejected(
        f"BUND/{MARCH}", "BUND", MARCH, stamp, price, 500.0, 12.5, stamp, "update_historical_prices", daily=True
    )


def test_rejected_prices_are_settled_by_an_operator(say: Say, outside: wiring.Outside) -> None:
    """Listed with a plot; one accepted into the bars, one kept out; each once, with who and why."""
    good, bad = datetime(2023, 2, 24, 21, tzinfo=UTC), datetime(2023, 2, 24, 22, tzinfo=UTC)
    rejections, prices = Rejections(outside.documents), Prices(outside.series)
    for record in (rejected(good, 600.0), rejected(bad, 4.0)):
        rejections.record(record)
    first, second = said(say("prices", "review", "--json"))
    assert "12.5 typical daily changes" in first["reason"]
    assert "↑" in first["plot"]
    assert "↓" in second["plot"]
    before = len(prices.bars("BUND", MARCH))
    [done] = said(say("prices", "review", "--accept", first["name"], "--why", "it was real", "--json"))
    assert (done["reason"], done["accepted_at"] is not None, bool(done["by"])) == ("it was real", True, True)
    bars = prices.bars("BUND", MARCH)
    assert (len(bars), bars.at[good, "close"], bool(bars.at[good, "daily"])) == (before + 1, 600.0, True)
    assert say("prices", "review", "--accept", first["name"])[0] == 4
    assert say("prices", "review", "--reject", second["name"])[0] == 0
    assert "waits for a word" in say("prices", "review")[1]
    assert [record.price for record in rejections.refused()[f"BUND/{MARCH}"]] == [4.0]
    assert say("prices", "review", "--accept", "BUND@2023-02-24T21:00")[0] == 1
    assert say("prices", "review", "--accept", "nonsense")[0] == 1


def test_quality_tells_no_data_from_failure(say: Say, outside: wiring.Outside) -> None:
    """A sampled contract without bars is no failure; an instrument without recent prices is stale."""
    now = outside.clock.now()
    for code, contract in (("BUND", MARCH), ("BUND", "20231200")):
        Contracts(outside.documents).put(ContractRecord(code, contract, True, now.date(), True, now, now))
    found = said(say("prices", "quality", "--json"))
    assert {"item": "BUND/20231200", "fault": "no data"}.items() <= found[0].items()
    assert "no failure" in found[0]["text"]
    assert all(row["fault"] != "failure" for row in found)


def test_sampled_spreads_stand_beside_configured_costs(say: Say, outside: wiring.Outside) -> None:
    """What update_sampled_spreads stored, once a moment; without samples the configured cost stands alone."""
    from sysproduction.processes.run_daily_prices_updates import update_sampled_spreads

    assert said(say("instruments", "spreads", "--json"))[0]["samples"] == 0
    now = outside.clock.now()
    Contracts(outside.documents).put(ContractRecord("WHEAT", MARCH, True, now.date(), True, now, now))
    counts = [update_sampled_spreads(outside.world(), instruments=["WHEAT"]).rows_written for _twice in range(2)]
    assert counts == [1, 0]
    [wheat] = said(say("instruments", "spreads", "WHEAT", "--json"))
    assert (wheat["samples"], wheat["configured"]) == (1, 0.25)
    assert wheat["sampled"] == pytest.approx(0.25)
    assert wheat["ratio"] == pytest.approx(1.0)
