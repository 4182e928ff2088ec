"""`secmaster` as a user has it: bars out of files and the store, shown, and played by `backtest bars`."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.commands import command, right

CROSS = ("backtest", "bars", "MovingAverageCross", "--param", "fast=3", "--param", "slow=8", "--json")


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    """A file of 500 one-minute bars of ES."""
    close = 100 + np.random.default_rng(3).integers(-4, 5, 500).cumsum() / 4
    open_ = np.r_[100, close[:-1]]
    frame = pd.DataFrame({"open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close)})
    frame = frame.assign(close=close, volume=10, ts_event=pd.date_range("2024-01-02 09:00", periods=500, freq="min"))
    frame.to_csv(tmp_path / "ES.csv", index=False)
    return tmp_path / "ES.csv"


def test_bars_of_a_file_are_taken_in_shown_and_played(home: Path, minutes: Path) -> None:
    """Taken in twice they are there once; a run names its source; another period says what there is."""
    words = ("secmaster", "ingest", str(minutes), "--period", "minute", "--json")
    source = {"source": str(minutes), "differing": 0, "error": ""}
    assert right(home, *words).json == [{**source, "added": 500, "known": 0}]
    assert right(home, *words).json == [{**source, "added": 0, "known": 500}]
    assert right(home, "secmaster", "show", "--json").json == [
        {
            "publisher": "files",
            "dataset": "",
            "symbol": "ES",
            "period": "MINUTE",
            "first": "2024-01-02T09:00:00",
            "last": "2024-01-02T17:19:00",
            "bars": 500,
        }
    ]
    played = (*CROSS, "--symbols", "ES", "--source", "secmaster")
    done = right(home, *played, "--period", "MINUTE", "--start", "2024-01-02T10:00").json
    assert (done["bars"], done["status"]) == (440, "completed")
    assert done["fills"] > 2
    refused = command(home, *played)
    assert refused.code == 1
    assert "ES has no bars of a DAY: there are 500 of a MINUTE from 2024-01-02" in refused.err


def test_bars_of_the_store_are_copied_and_come_to_the_same_run(own: Path) -> None:
    """Its instruments cost something and the copies do not: with the same broker the trades are the same."""
    copied = right(own, "secmaster", "ingest", "--store", "WHEAT", "--json").json
    assert copied[0]["added"] > 20
    assert right(own, "secmaster", "ingest", "--store", "WHEAT", "--json").json == copied
    free = [f"--broker={name}=0" for name in ("commission_per_unit", "commission_minimum", "commission_fraction")]
    words = (*CROSS, "--symbols", "WHEAT", *free, "--broker=slippage=0", "--broker=multiplier=50")
    stored = right(own, *words).json
    taken = right(own, *words, "--source", "secmaster", "--broker=negative_prices=true").json
    same = ("bars", "fills", "positions", "final_equity")
    assert [taken[name] for name in same] == [stored[name] for name in same]


def test_a_refused_file_leaves_the_others_taken(home: Path, minutes: Path) -> None:
    """Exit code 1, with the row of the fault."""
    wrong = minutes.with_name("NQ.csv")
    wrong.write_text("ts,open,high,low,close\n2024-01-02,1,1,1,1\n2024-01-03,1,0,1,1\n")
    done = command(home, "secmaster", "ingest", str(wrong), str(minutes), "--period", "MINUTE", "--json")
    assert done.code == 1
    assert [row["added"] for row in done.json] == [0, 500]
    assert "NQ.csv, row 2, NQ at 2024-01-03" in done.json[0]["error"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("secmaster", "show"), "secmaster.db does not exist: `secmaster ingest` makes it"),
        ((*CROSS, "--symbols", "ES", "--source", "secmaster"), "secmaster.db does not exist"),
        (("secmaster", "ingest"), "nothing to take in: name files, or instruments of the store with --store"),
        (("secmaster", "ingest", "bars.xlsx"), "bars.xlsx: bars come in files that end in .csv"),
        (("secmaster", "ingest", "a.csv", "b.csv", "--symbol", "ES"), "--symbol ES is for one file"),
        (("secmaster", "ingest", "a.dbn", "--symbol", "ES"), "leave out --symbol ES"),
        (("secmaster", "ingest", "a.csv", "--period", "week"), "--period week: there are SECOND, MINUTE"),
    ],
)
def test_wrong_words_are_explained(home: Path, words: tuple[str, ...], message: str) -> None:
    """With exit code 2 and what there is."""
    done = command(home, *words)
    assert done.code == 2
    assert message in done.err
