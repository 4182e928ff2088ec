"""Real days walked by the supervisor's processes equal the import of those days; imports equal the shipped prices."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.commands import configure, private_home, processes_of, right, served_home

SETTINGS = """\
feed:
  kind: csv
  folder: {folder}
  instruments: [{instruments}]
broker: {{kind: none}}
process_configuration:
  run_paper_exchange: {{enabled: false}}
  run_stack_handler: {{enabled: false}}
  run_backups: {{enabled: false}}
  run_cleaners: {{enabled: false}}
  run_reports: {{enabled: false}}
clock:
  speed: 60
  fast_speed: 100000
"""
INSTRUMENTS = ["CORN", "EUROSTX", "EUR_micro", "GOLD_micro", "KR10", "MXP", "SOFR", "SP500_micro", "US10", "V2X"]
MONDAY, FRIDAY = "2023-08-21", "2023-08-25"
ROLLING = ["CORN", "V2X"]
"""Each of these rolls once between MONDAY and FRIDAY."""


def exported(home: Path, instrument: str, kind: str, out: Path) -> pd.DataFrame:
    right(home, "prices", "export", instrument, "--kind", kind, "--out", str(out))
    return pd.read_parquet(out)


@pytest.fixture(scope="module")
def imported(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home into which all of the shared data were imported."""
    with served_home(tmp_path_factory.mktemp("whole") / "home") as home:
        done = right(home, "import", "csv", str(shared / "data"), "--json").json
        assert done["problems"] == []
        yield home


DAILY = (
    "run_daily_fx_and_contract_updates",
    "run_daily_prices_updates",
    "run_daily_update_multiple_adjusted_prices",
)


def test_imported_adjusted_prices_equal_the_shipped_files(shared: Path, imported: Path, tmp_path: Path) -> None:
    """`import csv`, then `prices export`: for every instrument the shipped adjusted prices to 1e-9, at every stamp
    where both have a value, which is nearly everywhere."""
    for instrument in INSTRUMENTS:
        ours = exported(imported, instrument, "adjusted", tmp_path / "ours.parquet")
        path = shared / "data" / "adjusted_prices_csv" / f"{instrument}.csv.gz"
        theirs = pd.read_csv(path, index_col=0, parse_dates=True)
        both = ours.join(theirs.rename(columns={"price": "shipped"}), how="inner").dropna()
        assert len(both) > 0.99 * len(theirs.dropna()), instrument
        np.testing.assert_allclose(both["price"], both["shipped"], rtol=0, atol=1e-9, err_msg=instrument)


@pytest.fixture(scope="module")
def loaded(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home into which the walked days were imported at once."""
    with served_home(tmp_path_factory.mktemp("loaded") / "home") as home:
        right(home, "import", "csv", str(shared / "data"), "--until", FRIDAY, "--instruments", ",".join(ROLLING))
        yield home


@pytest.mark.parametrize("begin", [pytest.param("fresh", marks=pytest.mark.soak), "imported"])
def test_five_replayed_days_equal_their_import(shared: Path, loaded: Path, tmp_path: Path, begin: str) -> None:
    """From a fresh home, or one imported until the evening before, five days through the supervisor's processes give
    the stamps, contracts, prices and adjusted prices of an import; only roll rows may be on one side."""
    with private_home(tmp_path / "home") as home:
        configure(home, SETTINGS.format(folder=shared / "data", instruments=", ".join(ROLLING)))
        if begin == "imported":
            words = ["--until", f"{MONDAY}T00:00", "--instruments", ",".join(ROLLING)]
            right(home, "import", "csv", str(shared / "data"), *words)
        right(home, "up", "--replay-from", MONDAY, "--days", "5")
        assert processes_of(home) == []
    with served_home(home):
        days = right(home, "summary", "--json").json
        assert days["unsuccessful"] == []
        ran = [row["process"] for row in days["days"]]
        assert {ran.count(process) for process in DAILY} == {5}
        start = "1900-01-01" if begin == "imported" else MONDAY
        for instrument in ROLLING:
            assert_equal(home, loaded, instrument, start, tmp_path)


def assert_equal(walked: Path, loaded: Path, instrument: str, start: str, folder: Path) -> None:
    """The exported files agree from `start` on."""
    out = folder / "out.parquet"
    ours, theirs = (exported(home, instrument, "multiple", out).loc[start:] for home in (walked, loaded))
    rolls = rolled(ours) | rolled(theirs)
    assert any(str(stamp) >= MONDAY for stamp in rolls), f"{instrument} does not roll"
    assert set(ours.index) ^ set(theirs.index) <= rolls, instrument
    assert theirs.index[-1] == ours.index[-1] == pd.Timestamp(f"{FRIDAY} 23:00:00"), instrument
    both = ours.index.intersection(theirs.index)
    for column in ("PRICE", "PRICE_CONTRACT", "CARRY_CONTRACT", "FORWARD_CONTRACT"):
        pd.testing.assert_series_equal(ours.loc[both, column], theirs.loc[both, column], check_freq=False)
    plain = theirs.loc[[stamp for stamp in both if stamp not in rolls]]
    for column in ("CARRY", "FORWARD"):
        recorded = plain[column].dropna()
        np.testing.assert_array_equal(ours.loc[recorded.index, column], recorded)
    stitched = [exported(home, instrument, "adjusted", out).loc[start:] for home in (walked, loaded)]
    assert set(stitched[0].index) ^ set(stitched[1].index) <= rolls, instrument
    common = stitched[0].index.intersection(stitched[1].index)
    assert len(common) > 30
    np.testing.assert_allclose(stitched[0].loc[common], stitched[1].loc[common], rtol=0, atol=1e-9, err_msg=instrument)


def rolled(multiple: pd.DataFrame) -> set[pd.Timestamp]:
    """Stamps of the first row of each contract."""
    changed = multiple["PRICE_CONTRACT"] != multiple["PRICE_CONTRACT"].shift()
    return set(multiple.index[changed][1:])
