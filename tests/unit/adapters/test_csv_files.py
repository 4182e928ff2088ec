"""The two parses of a price file: what the fast one takes, it reads as the careful one does."""

from pathlib import Path

import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st

from sysproduction.adapters import csv_files
from sysproduction.adapters.csv_files import Columns

COLUMNS = Columns(("PRICE", "CARRY"), ("PRICE_CONTRACT",))
SOUND = ["2024-01-0{} 23:00:00", "1.5", "", "20240300"]
STAMPS = (
    "|2024-01-02|2024-01-02 23:00|2024-01-02T23:00:00|2024-01-02 23:00:00Z|2024-01-02 23:00:00.5|2024-01-02 24:00:00"
    "|2024-02-30 23:00:00|2024-01-09 23:00:00|2500-01-01 00:00:00| 2024-01-02|7"
)
PRICES = (
    "| |nan|NAN|-nan|NA|null|inf|-Infinity|1e400|1e-400|+1.5| 1.5 |1,5|.5|0x10|1_000|1.|-0|"
    '0.1000000000000000055511151231257827|"1.5"|1\r|true|\x00|½'
)
CONTRACTS = "|nan|20240300.0|202403|202403.0|20241300|20240300.5|0020240300| 20240300|2.02403e7"
CELLS = {0: STAMPS.split("|"), 1: PRICES.split("|"), 3: CONTRACTS.split("|")}


@given(
    column=st.sampled_from(sorted(CELLS)),
    row=st.integers(1, 3),
    cell=st.data(),
    ending=st.sampled_from(["\n", "\r\n"]),
    header=st.sampled_from(["DATETIME,PRICE,CARRY,PRICE_CONTRACT", "DATETIME, PRICE ,CARRY,PRICE_CONTRACT"]),
)
def test_what_the_fast_parse_takes_it_reads_as_the_careful_one(
    column: int, row: int, cell: st.DataObject, ending: str, header: str
) -> None:
    """Whatever one cell holds, the fast parse gives the careful one's table without a fault, or gives up."""
    rows = [[field.format(number) for field in SOUND] for number in (1, 2, 3)]
    rows[row - 1][column] = cell.draw(st.sampled_from(CELLS[column]))
    agree(ending.join([header, *(",".join(fields) for fields in rows), ""]).encode())


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([repr, "{:.20e}".format, "{:f}".format]))
@example(2.2250738585072014e-308, repr)
def test_numbers_are_read_exactly(value: float, spell: object) -> None:
    """However a number is spelt, the fast parse reads the nearest float."""
    text = f"DATETIME,PRICE,CARRY,PRICE_CONTRACT\n2024-01-02 23:00:00,{spell(value)},,20240300\n"  # type: ignore[operator]
    agree(text.encode(), taken=True)


def agree(raw: bytes, *, taken: bool = False) -> None:
    header = [name.strip() for name in raw.split(b"\n")[0].decode().strip().split(",")]
    fast = csv_files._parse_fast(raw, header, COLUMNS)
    if fast is None:
        assert not taken
        return
    careful = csv_files._parse_lines(Path("folder/file.csv"), raw, header, COLUMNS)
    assert careful.faults == ()
    pd.testing.assert_frame_equal(fast, careful.frame, check_exact=True)
