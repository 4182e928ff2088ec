"""Bars of one contract: the columns that every feed serves and every price series stores."""

from enum import StrEnum
from typing import Final

BAR_COLUMNS: Final = ("open", "high", "low", "close", "volume")
"""Float columns of a bar frame, indexed by the bar's closing stamp (aware UTC, unique, increasing). A field
that the source does not have is NaN, never invented; `close` is always present."""


class Frequency(StrEnum):
    """How often a bar closes."""

    INTRADAY = "intraday"
    DAILY = "daily"
