"""Exchange rates as stored, one series a pair, and every other pair derived from them."""

from typing import Final

import pandas as pd

from sysproduction.domain.fx import derive
from sysproduction.domain.merging import Merged
from sysproduction.ports import Series

FX: Final = "fx"


class FxRates:
    """Typed access to the library `fx` (symbol EURUSD, column `rate`: USD for one EUR)."""

    def __init__(self, series: Series) -> None:
        self._series = series

    def pairs(self) -> list[str]:
        """Stored pairs, sorted."""
        return self._series.symbols(FX)

    def stored(self, pair: str) -> pd.DataFrame | None:
        """The pair's own series, or None."""
        return self._series.read(FX, pair)

    def rate(self, pair: str) -> pd.Series:
        """Rates of any pair: stored, inverted, or crossed through USD on the union of both legs' stamps.

        Raises DataError, naming the missing leg, if it cannot be derived.
        """
        return derive(pair, self._rates)

    def add(self, pair: str, merged: Merged) -> None:
        """Write what a merge with the stored rates gave: the new rows only, where all are later."""
        if merged.added.empty:
            return
        if merged.later_only:
            self._series.append(FX, pair, merged.added)
        else:
            self._series.replace(FX, pair, merged.whole)

    def replace(self, pair: str, frame: pd.DataFrame) -> None:
        """Make these the pair's stored rates."""
        self._series.replace(FX, pair, frame)

    def _rates(self, pair: str) -> pd.Series | None:
        frame = self.stored(pair)
        return None if frame is None else frame["rate"]
