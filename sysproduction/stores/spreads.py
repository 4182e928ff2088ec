"""Sampled spreads as stored: best bid and ask of each instrument's priced contract, time after time."""

from datetime import datetime
from typing import Final

import pandas as pd

from sysproduction.domain.instruments import Quote
from sysproduction.ports import Series

SPREADS: Final = "spreads"


class Spreads:
    """Typed access to the library `spreads` (symbol INSTRUMENT, columns contract, bid, ask)."""

    def __init__(self, series: Series) -> None:
        self._series = series

    def of(self, instrument: str, *, start: datetime | None = None) -> pd.DataFrame:
        """Samples from `start` on; empty if there are none."""
        frame = self._series.read(SPREADS, instrument, start=start)
        return _no_samples() if frame is None else frame

    def add(self, instrument: str, contract: str, quote: Quote) -> bool:
        """Store a quote by its moment; False if that moment, or a later one, is stored already."""
        stored = self.of(instrument)
        if len(stored) and pd.Timestamp(quote.at) <= stored.index[-1]:
            return False
        row = {"contract": contract, "bid": float(quote.bid), "ask": float(quote.ask)}
        self._series.append(SPREADS, instrument, pd.DataFrame([row], index=pd.DatetimeIndex([quote.at])))
        return True


def _no_samples() -> pd.DataFrame:
    types = {"contract": object, "bid": float, "ask": float}
    index = pd.DatetimeIndex([], tz="UTC")
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()}, index=index)
