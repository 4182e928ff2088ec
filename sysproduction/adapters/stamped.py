"""What every feed does with frames by stamp and with names it does not know."""

from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final

import pandas as pd

from sysproduction.domain.bars import BAR_COLUMNS

NAMES_MAX: Final = 10


def between(frame: pd.DataFrame, after: datetime | None, until: datetime) -> pd.DataFrame:
    """A copy of the rows with after < stamp <= until."""
    first = 0 if after is None else frame.index.searchsorted(pd.Timestamp(after), side="right")
    return frame.iloc[first : frame.index.searchsorted(pd.Timestamp(until), side="right")].copy()


def no_bars() -> pd.DataFrame:
    """A bar frame without rows."""
    return pd.DataFrame(columns=list(BAR_COLUMNS), index=pd.DatetimeIndex([], tz=UTC), dtype=float)


def suggestion(name: str, known: Iterable[str]) -> str:
    """The name that was probably meant, or the first of those there are."""
    names = sorted(known)
    by_lower = {candidate.lower(): candidate for candidate in names}
    near = get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]}?" if near else f"known are {', '.join(names[:NAMES_MAX]) or 'none'}"
