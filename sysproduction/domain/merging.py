"""Append-only merging: what a series gains from offered rows, whatever the order in which they arrive."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class Merged:
    """What a stored series becomes: `whole` with the rows `added`, all after the last stored one if `later_only`."""

    whole: pd.DataFrame
    added: pd.DataFrame
    later_only: bool


def merge(stored: pd.DataFrame | None, offered: pd.DataFrame) -> Merged:
    """Add the rows of `offered` whose stamps `stored` lacks; a stored row never changes."""
    if stored is None or stored.empty:
        return Merged(offered, offered, True)
    added = offered.loc[~offered.index.isin(stored.index)]
    if added.empty:
        return Merged(stored, added, True)
    return Merged(pd.concat([stored, added]).sort_index(), added, bool(added.index[0] > stored.index[-1]))


def first_offered(*frames: pd.DataFrame) -> pd.DataFrame:
    """All rows, by stamp; of equal stamps the row of the earliest frame in the list."""
    filled = [frame for frame in frames if not frame.empty]
    if not filled:
        return frames[0]
    together = pd.concat(filled)
    return together.loc[~together.index.duplicated(keep="first")].sort_index()


@dataclass(frozen=True, slots=True)
class Sifted:
    """Rows fit for use, and how many were dropped because they lie in the future or are not finite numbers."""

    good: pd.DataFrame
    future: int
    corrupt: int


def sift(offered: pd.DataFrame, column: str, now: datetime) -> Sifted:
    """Drop rows whose stamp is after `now` or whose `column` is not a finite number."""
    future = np.asarray(offered.index > pd.Timestamp(now))
    corrupt = ~np.isfinite(offered[column].to_numpy(dtype=float)) & ~future
    return Sifted(offered.loc[~future & ~corrupt], int(future.sum()), int(corrupt.sum()))
