"""`backtest bars` and `runs` as a user has them: a strategy of his own, one of ours, sweeps, records, and mistakes."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import command, right

OWN = """\
from sysproduction.domain.events import BarPeriod
from sysproduction.engine.indicators import SMA
from sysproduction.engine.parameters import ParamSpec
from sysproduction.engine.strategy import Strategy


class Dips(Strategy):
    parameters = {"length": ParamSpec(5, min=2, max=50), "depth": ParamSpec(0.0), "fails": ParamSpec(False)}

    def setup(self):
        self.mean = self.indicator(SMA(self.length))

    def on_bar(self, bar):
        if self.fails and bar.index == 20:
            raise RuntimeError("as told")
        if bar.close < self.mean.now * (1 - self.depth) and not self.position:
            self.buy(1)
        elif bar.close > self.mean.now and self.position > 0:
            self.flatten()
"""


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    """A user's file with a strategy."""
    file = tmp_path / "dips.py"
    file.write_text(OWN)
    return file


def test_a_run_over_the_store_is_recorded_listed_shown_and_exported(own: Path, strategy: Path, tmp_path: Path) -> None:
    """The same words twice are the same run; another parameter is another one, and compare says so."""
    words = ("backtest", "bars", str(strategy), "--symbols", "WHEAT", "--json")
    first, again = right(own, *words).json, right(own, *words).json
    assert first["status"] == "completed"
    assert first["run_hash"] == again["run_hash"]
    assert first["fills"] >= 2
    other = right(own, *words, "--param", "length=9").json
    listed = right(own, "runs", "list", "--json").json
    assert [row["run_id"] for row in listed] == [other["run_id"], again["run_id"], first["run_id"]]
    shown = right(own, "runs", "show", first["run_id"], "--json").json
    assert shown["events"]["fill_event"] == first["fills"]
    assert shown["config"]["broker"]["multiplier"] == {"WHEAT": 50.0}
    assert shown["config"]["broker"]["fill_at"] == "next_open"
    assert shown["config"]["strategies"]["Dips"]["parameters"] == {"length": 5, "depth": 0.0, "fails": False}
    assert shown["figures"]["profit"] == pytest.approx(first["final_equity"] - first["starting_cash"])
    trips = right(own, "runs", "trips", first["run_id"], "--json").json
    assert len(trips) == shown["figures"]["trips"] + shown["figures"]["open_trips"]
    assert sum(trip["commission"] for trip in trips) == pytest.approx(first["commission"])
    assert command(own, "runs", "trips", first["run_id"]).out.count("WHEAT") == len(trips)
    page = tmp_path / "run.html"
    right(own, "runs", "report", first["run_id"], "--out", str(page))
    text = page.read_text()
    assert 20_000 < len(text) < 2_000_000
    assert all(word in text for word in ("WHEAT", "sma_5", "bought", "Drawdown", "Round trips", "fill at"))
    assert "http://" not in re.sub(r"http://www.w3.org/\S+", "", text)
    assert command(own, "runs", "compare", first["run_id"], again["run_id"]).code == 0
    compared = command(own, "runs", "compare", first["run_id"], other["run_id"])
    assert compared.code == 1
    assert "config.strategies.Dips.parameters.length" in compared.out
    rows = tmp_path / "rows.db"
    right(own, "runs", "export", first["run_id"], "--rows", str(rows))
    with closing(sqlite3.connect(rows)) as database:
        (fills,) = database.execute("SELECT count(*) FROM fill_event").fetchone()
    assert fills == first["fills"]
    assert command(own, "runs", "delete", first["run_id"]).code == 4
    right(own, "runs", "delete", first["run_id"], "--yes")
    assert len(right(own, "runs", "list", "--json").json) == 2


def test_bars_between_two_days_and_settings_of_the_broker(own: Path) -> None:
    """Both days included; what the words set goes before what the instrument costs."""
    words = ("backtest", "bars", "MovingAverageCross", "--symbols", "WHEAT", "--param", "fast=3", "--param", "slow=8")
    done = right(own, *words, "--start", "2023-02-01", "--end", "2023-02-10", "--broker", "cash=5000", "--json").json
    assert (done["starting_cash"], done["bars"]) == (5000.0, 8)


def test_several_values_are_a_sweep(own: Path, strategy: Path) -> None:
    """Every combination in its order; one that fails says why and the others still run."""
    words = ("backtest", "bars", str(strategy), "--symbols", "WHEAT", "--processes", "2")
    done = right(own, *words, "--param", "length=3,6", "--param", "fails=no,yes", "--json").json
    assert [(row["length"], row["fails"], row["status"]) for row in done] == [
        (3, False, "ok"),
        (3, True, "failed"),
        (6, False, "ok"),
        (6, True, "failed"),
    ]
    assert "RuntimeError: as told" in done[1]["error"]
    alone = right(own, *words[:5], "--param", "length=6", "--json").json
    assert done[2]["final_equity"] == alone["final_equity"]


def test_the_shipped_wake_leaves_nothing_out(own: Path) -> None:
    """With and without skipping bars it is the same run."""
    done = right(own, "backtest", "bars", "MovingAverageCross", "--symbols", "WHEAT", "--check-wake")
    assert "the same run" in done.out


def test_a_strategy_that_raises_ends_as_failed(own: Path, strategy: Path) -> None:
    """Exit code 1, one message with run, bar, file and line; the record has the traceback."""
    done = command(own, "backtest", "bars", str(strategy), "--symbols", "WHEAT", "--param", "fails=yes")
    assert done.code == 1
    assert "failed at event" in done.err
    assert "WHEAT at 20" in done.err
    assert "RuntimeError: as told" in done.err
    assert "dips.py, line 15, in on_bar" in done.err
    assert "Traceback" not in done.err
    (row,) = right(own, "runs", "list", "--json").json
    assert row["status"] == "failed"
    assert "Traceback" in right(own, "runs", "show", row["run_id"], "--json").json["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["MovingAverageCros"], "unknown strategy MovingAverageCros; did you mean MovingAverageCross?"),
        (["nowhere.py"], "nowhere.py: there is no such file"),
        (["MovingAverageCross", "--param", "fats=3"], "parameter fats does not exist; did you mean fast?"),
        (["MovingAverageCross", "--param", "fast=0"], "parameter fast: 0 is outside 1 to any number"),
        (["MovingAverageCross", "--param", "fast=3.5"], "parameter fast: 3.5 is not a whole number"),
        (["MovingAverageCross", "--param", "fast"], "--param fast: write --param NAME=VALUE"),
        (
            ["MovingAverageCross", "--broker", "slipage=1"],
            "broker setting slipage does not exist; did you mean slippage?",
        ),
        (["MovingAverageCross", "--broker", "fill_at=open"], "fill_at is 'open': it must be next_open or close"),
        (["MovingAverageCross", "--period", "WEEK"], "--period WEEK: there are SECOND, MINUTE, HOUR, DAY"),
        (["MovingAverageCross", "--start", "yesterday"], "yesterday is neither a day nor a time"),
    ],
)
def test_mistakes_are_named(own: Path, words: list[str], said: str) -> None:
    """What is wrong and what there is instead; exit code 2."""
    done = command(own, "backtest", "bars", *words, "--symbols", "WHEAT")
    assert (done.code, said in " ".join(done.err.split())) == (2, True), done.err


def test_an_instrument_that_the_store_does_not_have_is_named(own: Path) -> None:
    """With the one that is nearly called so."""
    done = command(own, "backtest", "bars", "MovingAverageCross", "--symbols", "WHEATT")
    assert done.code == 1
    assert "WHEATT has no adjusted prices in the store; did you mean WHEAT?" in done.err


def test_a_file_that_cannot_be_loaded_is_named_with_its_line(own: Path, tmp_path: Path) -> None:
    """A mistake of Python's in the user's file is one line."""
    file = tmp_path / "broken.py"
    file.write_text("import json\n\njson.nonsense\n")
    done = command(own, "backtest", "bars", str(file), "--symbols", "WHEAT")
    assert done.code == 2
    assert f"{file} cannot be loaded: AttributeError: module 'json' has no attribute 'nonsense' (line 3)" in " ".join(
        done.err.split()
    )
