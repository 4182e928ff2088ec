"""The csvconfig folder: listings of sound rows, reasons for the others."""

from pathlib import Path

import pytest

from sysproduction.adapters.csv_config import read_listings
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.instruments import Instrument
from sysproduction.domain.results import ProblemKind
from sysproduction.domain.rolls import RollParameters


def write(path: Path, *lines: str) -> None:
    """A file of these lines."""
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The three files with one row for WHEAT."""
    write(
        tmp_path / "instrumentconfig.csv",
        "Instrument,Description,Pointsize,Currency,AssetClass,PerBlock,Percentage,PerTrade,Region",
        "WHEAT,Soft wheat,50,USD,Ags,2.9,,0,US",
    )
    write(
        tmp_path / "rollconfig.csv",
        "Instrument,HoldRollCycle,RollOffsetDays,CarryOffset,PricedRollCycle,ExpiryOffset",
        "WHEAT,ZH,-5,-1,HMUZ,14",
    )
    write(tmp_path / "spreadcosts.csv", "Instrument,SpreadCost", "WHEAT,0.25")
    return tmp_path


def test_a_listing_joins_the_three_configuration_files(config: Path) -> None:
    """An instrument has the costs, the spread and the roll parameters of its rows; an empty cost is none."""
    listing = read_listings(config, ["WHEAT", "OATS"]).by_code["WHEAT"]
    assert listing.instrument == Instrument(
        "WHEAT", "Soft wheat", 50.0, "USD", "Ags", "US", per_block=2.9, percentage=0.0, per_trade=0.0, spread_cost=0.25
    )
    assert listing.roll_parameters == RollParameters("HZ", "HMUZ", -5, -1, 14)


@pytest.mark.parametrize("name", ["instrumentconfig", "rollconfig", "spreadcosts"])
def test_a_missing_or_malformed_configuration_file_is_a_config_error(config: Path, name: str) -> None:
    """A configuration file that is missing, has other columns or is not UTF-8 is named."""
    path = config / f"{name}.csv"
    path.write_bytes(path.read_bytes() + b"OATS,\xff\n")
    with pytest.raises(ConfigError, match=f"{name}.csv: line 3 is not UTF-8"):
        read_listings(config, ["WHEAT"])
    path.write_text("Instrument;Wrong\n")
    with pytest.raises(ConfigError, match=f"{name}.csv: no column Instrument, "):
        read_listings(config, ["WHEAT"])
    path.unlink()
    with pytest.raises(ConfigError, match=f"no file {name}.csv; expected with the columns"):
        read_listings(config, ["WHEAT"])


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("rollconfig", "WHEAT", "OATS", "has prices but no row in rollconfig"),
        ("instrumentconfig", "WHEAT", "OATS", "has prices but no row in instrumentconfig"),
        ("instrumentconfig", ",50,", ",many,", "line 2: Pointsize is 'many', expected a number"),
        ("instrumentconfig", ",50,", ",0,", "Pointsize is 0, expected a positive number"),
        ("instrumentconfig", ",USD,", ",,", "Currency is ''"),
        ("instrumentconfig", ",2.9,", ",-1,", "PerBlock is -1, expected 0 or more"),
        ("rollconfig", ",ZH,", ",ZA,", "HoldRollCycle is 'ZA', expected month letters"),
        ("rollconfig", ",-5,", ",-5.5,", "RollOffsetDays is -5.5, expected a whole number"),
        ("rollconfig", ",-1,", ",0,", "CarryOffset is 0, expected -1 or 1"),
        ("rollconfig", ",14", "", "ExpiryOffset is '', expected a number"),
    ],
)
def test_an_instrument_without_sound_configuration_is_skipped(
    config: Path, name: str, old: str, new: str, reason: str
) -> None:
    """It is left out of the listings and reported, with file and line where there is one."""
    path = config / f"{name}.csv"
    first, rest = path.read_text().split("\n", 1)
    path.write_text(first + "\n" + rest.replace(old, new))
    listings = read_listings(config, ["WHEAT"])
    assert not listings.by_code
    (problem,) = listings.problems["WHEAT"]
    assert problem.item == "WHEAT"
    assert problem.kind is (ProblemKind.MISSING if "no row" in reason else ProblemKind.CORRUPT)
    assert reason in problem.reason


def test_an_instrument_without_a_spread_costs_nothing_to_cross_and_is_reported(config: Path) -> None:
    """A missing spread is 0 and a problem, no reason to leave the instrument out."""
    write(config / "spreadcosts.csv", "Instrument,SpreadCost")
    listings = read_listings(config, ["WHEAT"])
    assert listings.by_code["WHEAT"].instrument.spread_cost == 0.0
    (problem,) = listings.problems["WHEAT"]
    assert problem.reason == "no row in spreadcosts; its spread cost is 0"
