"""The command that runs a trading system, on a folder and on the store."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.commands import command, right
from tests.recorded_folder import spoil, write_folder

SYSTEM = """\
instruments: [WHEAT, BUND]
rules:
  fast: {function: ewmac, arguments: {Lfast: 2, Lslow: 8}, scalar: 10}
  carry: {function: carry, arguments: {smooth_days: 5}, scalar: 30}
forecast_weights: {fast: 0.5, carry: 0.5}
instrument_weights: {WHEAT: 0.5, BUND: 0.5}
capital: 1000000
base_currency: USD
percentage_vol_target: 20
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system of the two recorded instruments."""
    path = tmp_path / "system.yaml"
    path.write_text(SYSTEM, encoding="utf-8")
    return path


def test_a_run_on_a_folder_writes_every_table(home: Path, recorded: Path, system: Path, tmp_path: Path) -> None:
    """Tables have the dates first, in every file, and the summary is what --json prints."""
    out = tmp_path / "out"
    done = right(home, "backtest", "system", str(system), "--data", str(recorded), "--out", str(out), "--json")
    assert done.json == json.loads((out / "summary.json").read_text())
    files = {str(path.relative_to(out)) for path in out.rglob("*.parquet")}
    tables = {"portfolio.parquet", "weights.parquet", "rule_accounts.parquet"}
    assert files == tables | {f"{kind}/{code}.parquet" for kind in ("series", "rules") for code in ("WHEAT", "BUND")}
    for file in files:
        assert pd.read_parquet(out / file).columns[0] == "date"
    portfolio = pd.read_parquet(out / "portfolio.parquet")
    assert list(portfolio.columns[1:5]) == ["TOTAL_gross", "TOTAL_net", "TOTAL_costs", "BUND_gross"]
    assert portfolio["TOTAL_net"].abs().sum() > 0
    assert set(done.json["targets"]) == {"BUND", "WHEAT"}
    assert done.json["total"]["n"] == len(portfolio)


def test_the_store_gives_what_the_folder_gave(own: Path, recorded: Path, system: Path) -> None:
    """Imported prices, read back from the store, lead to the same figures as the files up to the same day."""
    system.write_text(SYSTEM + "end: 2023-02-27\n", encoding="utf-8")
    words = ("backtest", "system", str(system), "--json")
    stored, read = right(own, *words).json, right(own, *words, "--data", str(recorded)).json
    assert stored["total"]["sr_gross"] == pytest.approx(read["total"]["sr_gross"], rel=1e-9)
    for code, target in read["targets"].items():
        for name, value in target.items():
            exact = value if isinstance(value, str) else pytest.approx(value, rel=1e-9)
            assert stored["targets"][code][name] == exact, (code, name)


def test_some_instruments_and_a_table_for_people(home: Path, recorded: Path, system: Path) -> None:
    """Only what was asked for is in the table, with the total; nothing is written without --out."""
    done = right(home, "backtest", "system", str(system), "--data", str(recorded), "--instruments", "WHEAT")
    assert "WHEAT" in done.out
    assert "BUND" not in done.out
    assert "TOTAL" in done.out


def test_what_is_excluded_is_said(home: Path, recorded: Path, system: Path) -> None:
    """An instrument without prices is named on standard error; the others run."""
    text = SYSTEM.replace("WHEAT, BUND]", "WHEAT, BUND, OATS]").replace("BUND: 0.5", "BUND: 0.25, OATS: 0.25")
    system.write_text(text, encoding="utf-8")
    done = right(home, "backtest", "system", str(system), "--data", str(recorded))
    assert "excluded: OATS: " in done.err
    assert "OATS" not in done.out


def test_rows_that_are_left_out_are_told(home: Path, system: Path, tmp_path: Path) -> None:
    """A row that is not sound is named by file and line, for people and programs."""
    folder = write_folder(tmp_path / "prices")
    spoil(folder / "multiple_prices_csv" / "WHEAT.csv", 5, "2023-01-03 14:00:00,nonsense")
    words = ("backtest", "system", str(system), "--data", str(folder))
    assert "left out: multiple_prices_csv/WHEAT.csv line 5" in right(home, *words).err
    assert "line 5" in right(home, *words, "--json").json["faults"]["WHEAT"][0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chapter16"], "did you mean chapter15?"),
        (["SYSTEM", "--instruments", "WHEET"], "did you mean WHEAT?"),
        (["SYSTEM", "--data", "/nowhere"], "/nowhere"),
        (["SYSTEM", "--data", "DATA", "--out", "SYSTEM"], "cannot be written"),
    ],
)
def test_wrong_words_are_exit_2(home: Path, recorded: Path, system: Path, words: list[str], said: str) -> None:
    """A wrong name, instrument, folder or place is one message and exit code 2."""
    known = {"SYSTEM": str(system), "DATA": str(recorded)}
    done = command(home, "backtest", "system", *(known.get(word, word) for word in words))
    assert (done.code, said in done.err) == (2, True)


def test_no_usable_instrument_is_exit_1(home: Path, recorded: Path, system: Path) -> None:
    """A run of which nothing is left says why for each instrument."""
    system.write_text(SYSTEM.replace("WHEAT", "OATS").replace("BUND", "RYE"), encoding="utf-8")
    done = command(home, "backtest", "system", str(system), "--data", str(recorded))
    assert done.code == 1
    assert "no instrument can take part" in done.err
