"""The csvconfig folder: instruments, their roll parameters and their spread costs, read into listings."""

import csv
import gzip
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sysproduction.adapters.csv_files import SUFFIXES
from sysproduction.domain.contracts import MONTH_LETTERS
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.results import Problem, ProblemKind
from sysproduction.domain.rolls import RollParameters

KEY: Final = "Instrument"
INSTRUMENT_COLUMNS: Final = ("Description", "Pointsize", "Currency", "AssetClass", "PerBlock", "Percentage", "PerTrade")
ROLL_COLUMNS: Final = ("HoldRollCycle", "RollOffsetDays", "CarryOffset", "PricedRollCycle", "ExpiryOffset")
SPREAD_COLUMNS: Final = ("SpreadCost",)


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """One row of a configuration file and where it stands."""

    place: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listings:
    """Instruments that are fit for use, by code; `problems` names the unfit ones and doubtful rows, by code."""

    by_code: Mapping[str, Listing] = field(default_factory=dict)
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)


def locate(folder: Path, name: str) -> Path | None:
    """`name`.csv or `name`.csv.gz in the folder, the plain one first."""
    return next((folder / (name + suffix) for suffix in SUFFIXES if (folder / (name + suffix)).is_file()), None)


def read_listings(folder: Path, codes: list[str]) -> Listings:
    """Listings for these codes; raises ConfigError if a file of the folder is missing or malformed as a whole."""
    instruments = _rows(folder, "instrumentconfig", INSTRUMENT_COLUMNS)
    rolls = _rows(folder, "rollconfig", ROLL_COLUMNS)
    spreads = _rows(folder, "spreadcosts", SPREAD_COLUMNS)
    by_code: dict[str, Listing] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    for code in codes:
        try:
            by_code[code] = Listing(
                _instrument(code, _row(instruments, code, "instrumentconfig"), _spread(spreads, code)),
                _roll_parameters(_row(rolls, code, "rollconfig")),
            )
        except (KeyError, ValueError) as fault:
            kind = ProblemKind.MISSING if isinstance(fault, KeyError) else ProblemKind.CORRUPT
            problems[code] = (Problem(code, kind, f"{fault.args[0]}; instrument left out"),)
        else:
            if code not in spreads:
                problems[code] = (Problem(code, ProblemKind.MISSING, "no row in spreadcosts; its spread cost is 0"),)
    return Listings(by_code, problems)


def _rows(folder: Path, name: str, columns: tuple[str, ...]) -> dict[str, ConfigRow]:
    path = locate(folder, name)
    if path is None:
        raise ConfigError(f"{folder}: no file {name}.csv; expected with the columns {', '.join((KEY, *columns))}")
    reader = csv.DictReader(_text(path).splitlines(), restkey="", restval="")
    missing = [column for column in (KEY, *columns) if column not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(f"{path}: no column {', '.join(missing)}; expected are {', '.join((KEY, *columns))}")
    try:
        rows = [ConfigRow(f"{path.parent.name}/{path.name} line {reader.line_num}", row) for row in reader]
    except csv.Error as fault:
        raise ConfigError(f"{path}: line {reader.line_num} is not CSV ({fault})") from fault
    return {row.fields[KEY].strip(): row for row in reversed(rows)}


def _text(path: Path) -> str:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8 text; save the file as UTF-8") from fault
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise ConfigError(f"{path}: truncated or not gzip ({fault}); fetch it anew") from fault
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be read ({fault.strerror})") from fault


def _row(rows: Mapping[str, ConfigRow], code: str, name: str) -> ConfigRow:
    if code not in rows:
        raise KeyError(f"has prices but no row in {name}")
    return rows[code]


def _instrument(code: str, row: ConfigRow, spread_cost: float) -> Instrument:
    point_size = _read_float(row, "Pointsize")
    if not point_size > 0:
        raise ValueError(f"{row.place}: Pointsize is {point_size:g}, expected a positive number")
    return Instrument(
        code=code,
        description=row.fields["Description"].strip(),
        point_size=point_size,
        currency=_currency(row),
        asset_class=row.fields["AssetClass"].strip(),
        region=row.fields.get("Region", "").strip(),
        per_block=_cost(row, "PerBlock"),
        percentage=_cost(row, "Percentage"),
        per_trade=_cost(row, "PerTrade"),
        spread_cost=spread_cost,
    )


def _currency(row: ConfigRow) -> str:
    currency = row.fields["Currency"].strip()
    if len(currency) != 3 or not currency.isalpha() or not currency.isupper():
        raise ValueError(f"{row.place}: Currency is {currency!r}, expected three capital letters")
    return currency


def _roll_parameters(row: ConfigRow) -> RollParameters:
    return RollParameters(
        hold_cycle=_cycle(row, "HoldRollCycle"),
        priced_cycle=_cycle(row, "PricedRollCycle"),
        roll_offset_days=_read_int(row, "RollOffsetDays"),
        carry_offset=_carry_offset(row),
        expiry_offset=_read_int(row, "ExpiryOffset"),
    )


def _carry_offset(row: ConfigRow) -> int:
    offset = _read_int(row, "CarryOffset")
    if offset not in (-1, 1):
        raise ValueError(f"{row.place}: CarryOffset is {offset}, expected -1 or 1")
    return offset


def _cycle(row: ConfigRow, column: str) -> str:
    """Month letters in calendar order, each once."""
    letters = row.fields[column].strip()
    if not letters or set(letters) - set(MONTH_LETTERS):
        raise ValueError(f"{row.place}: {column} is {letters!r}, expected month letters of {MONTH_LETTERS}")
    return "".join(sorted(set(letters), key=MONTH_LETTERS.index))


def _spread(spreads: Mapping[str, ConfigRow], code: str) -> float:
    return _cost(spreads[code], "SpreadCost") if code in spreads else 0.0


def _cost(row: ConfigRow, column: str) -> float:
    """A cost; an empty field is none."""
    cost = _read_float(row, column) if row.fields[column].strip() else 0.0
    if cost < 0:
        raise ValueError(f"{row.place}: {column} is {cost:g}, expected 0 or more")
    return cost


def _read_float(row: ConfigRow, column: str) -> float:
    value = row.fields[column].strip()
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{row.place}: {column} is {value!r}, expected a number")
    return number


def _read_int(row: ConfigRow, column: str) -> int:
    number = _read_float(row, column)
    if number != int(number):
        raise ValueError(f"{row.place}: {column} is {number:g}, expected a whole number")
    return int(number)
