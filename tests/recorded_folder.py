"""A small folder of recorded prices in pysystemtrade's layout: two instruments, nine weeks, a roll in the last one."""

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

FIRST = datetime(2023, 1, 2, tzinfo=UTC)
LAST = datetime(2023, 3, 3, 23, tzinfo=UTC)
ROLL = datetime(2023, 2, 28, 14, 0, 1, tzinfo=UTC)
ROLL_DAY = datetime(2023, 2, 28, tzinfo=UTC)
CHAIN = ("20230300", "20230600", "20230900")
HOURS = {"WHEAT": (10, 14, 18, 23), "BUND": (16, 23)}
CONFIGURATION = {
    "instrumentconfig": [
        "Instrument,Description,Pointsize,Currency,AssetClass,PerBlock,Percentage,PerTrade,Region",
        "WHEAT,Wheat,50,USD,Ags,2.9,0,0,US",
        "BUND,German bond,1000,EUR,Bond,2,0,0,EMEA",
    ],
    "rollconfig": [
        "Instrument,HoldRollCycle,RollOffsetDays,CarryOffset,PricedRollCycle,ExpiryOffset",
        "WHEAT,HMUZ,-15,1,HMUZ,14",
        "BUND,HMUZ,-10,1,HMUZ,8",
    ],
    "spreadcosts": ["Instrument,SpreadCost", "WHEAT,0.25", "BUND,0.005"],
}
Row = dict[str, object]


def write_folder(folder: Path) -> Path:
    """Make the folder; the same at every call. WHEAT rolls at ROLL from March to June, BUND never."""
    for number, (code, hours) in enumerate(HOURS.items()):
        rows = list(_multiple(random.Random(number), hours, ROLL if code == "WHEAT" else None))
        _write(folder / "multiple_prices_csv" / f"{code}.csv", rows)
    for pair, level in (("EURUSD", 1.07), ("GBPUSD", 1.21)):
        _write(folder / "fx_prices_csv" / f"{pair}.csv", list(_rates(random.Random(level), level)))
    (folder / "csvconfig").mkdir()
    for name, lines in CONFIGURATION.items():
        (folder / "csvconfig" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def spoil(path: Path, line: int, text: str) -> None:
    """Replace one line (from 1) of a file."""
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


def _days() -> Iterator[datetime]:
    day = FIRST
    while day <= LAST:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


def _multiple(chance: random.Random, hours: Sequence[int], roll: datetime | None) -> Iterator[Row]:
    level, first = 500.0, 0
    for stamp in (day + timedelta(hours=hour) for day in _days() for hour in hours):
        level += chance.choice((-0.75, -0.5, -0.25, 0.25, 0.5, 0.75))
        forward = level + 4.0 + chance.choice((0.0, 0.25, 0.5))
        yield _row(stamp, level, forward, CHAIN[first], CHAIN[first + 1])
        if roll is not None and stamp + timedelta(seconds=1) == roll:
            first, level = 1, forward
            yield _row(roll, level, level + 3.0, CHAIN[1], CHAIN[2])


def _row(stamp: datetime, price: float, forward: float, contract: str, next_contract: str) -> Row:
    return {
        "DATETIME": f"{stamp:%Y-%m-%d %H:%M:%S}",
        "CARRY": forward,
        "CARRY_CONTRACT": next_contract,
        "PRICE": price,
        "PRICE_CONTRACT": contract,
        "FORWARD": forward,
        "FORWARD_CONTRACT": next_contract,
    }


def _rates(chance: random.Random, level: float) -> Iterator[Row]:
    for day in _days():
        level += chance.choice((-0.004, -0.002, 0.002, 0.004))
        yield {"DATETIME": f"{day:%Y-%m-%d} 23:00:00", "PRICE": round(level, 5)}


def _write(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
