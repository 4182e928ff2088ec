"""Daily back-adjusted bars of an instrument, out of its adjusted prices and the bars of the contracts under them."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.events import BarPeriod
from sysproduction.stores.prices import Prices


class ContinuousBars:
    """A `BarSource` of daily bars by instrument, from the store of a home."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def bars(
        self, symbols: Sequence[str], period: BarPeriod, start_ns: int | None, end_ns: int | None
    ) -> list[BarColumns]:
        """Each instrument's bars between the stamps (included; None: no bound).

        Raises ConfigError for a period other than a day, DataError for an instrument without adjusted prices there.
        """
        if period is not BarPeriod.DAY:
            raise ConfigError(f"the store has continuous bars of a DAY, none of a {period}")
        return [self._of(symbol).between(start_ns, end_ns) for symbol in symbols]

    def _of(self, code: str) -> BarColumns:
        adjusted = self._prices.adjusted(code).dropna()
        if adjusted.empty:
            known = self._prices.instruments()
            near = get_close_matches(code, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
            raise DataError(f"{code} has no adjusted prices in the store; {hint}")
        multiple = self._prices.multiple(code)
        contracts = sorted(set(multiple["PRICE_CONTRACT"]))
        found = self._prices.bars_of([(code, contract) for contract in contracts])
        return continuous(code, adjusted, multiple, {contract: bars for (_, contract), bars in found.items()})


def continuous(
    code: str, adjusted: pd.Series, multiple: pd.DataFrame, contracts: dict[str, pd.DataFrame]
) -> BarColumns:
    """A bar for each UTC day that has an adjusted price, stamped with its start.

    The close is the day's last adjusted price. Open, high and low are those of the contract that the price is of,
    moved by what its price was adjusted by, and volume is that contract's; where it has no bar on the day, the close
    stands for all prices. Volume is None unless each day has one.
    """
    day = _days(adjusted)
    rows = multiple.reindex(adjusted.index)
    daily = pd.DataFrame(
        {"close": adjusted.to_numpy(), "moved": adjusted.to_numpy() - rows["PRICE"].to_numpy(float)}, index=day
    )
    daily["contract"] = rows["PRICE_CONTRACT"].to_numpy()
    daily = daily[~daily.index.duplicated(keep="last")]
    traded = _traded_days(daily["contract"], contracts).reindex(daily.index)
    close = daily["close"].to_numpy(float)
    open_, high, low = (_known(traded[name] + daily["moved"], close) for name in ("open", "high", "low"))
    volume = traded["volume"].to_numpy(float)
    return BarColumns(
        code,
        BarPeriod.DAY,
        ts=pd.DatetimeIndex(daily.index).as_unit("ns").asi8,
        open=open_,
        high=np.maximum.reduce([open_, high, low, close]),
        low=np.minimum.reduce([open_, high, low, close]),
        close=close,
        volume=None if np.isnan(volume).any() else volume,
    )


def _days(series: pd.Series | pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(series.index).floor("D")


def _known(values: pd.Series, otherwise: np.ndarray) -> np.ndarray:
    found = values.to_numpy(float)
    return np.where(np.isnan(found), otherwise, found)


def _traded_days(wanted: pd.Series, contracts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """For each day (index) and contract (value), the contract's open, high, low and volume on that day."""
    columns = ["open", "high", "low", "volume"]
    found = []
    for contract, days in wanted.groupby(wanted):
        bars = contracts.get(str(contract))
        if bars is not None and not bars.empty:
            found.append(_by_day(bars).reindex(days.index.intersection(_days(bars)))[columns])
    return pd.concat(found) if found else pd.DataFrame(columns=columns, index=wanted.index[:0], dtype=float)


def _by_day(bars: pd.DataFrame) -> pd.DataFrame:
    """One row a day; a day's volume is that of its daily bar, else the sum over its intraday bars."""
    days = _days(bars)
    grouped = bars.groupby(days)
    whole = bars["volume"].where(bars["daily"]).groupby(days).last()
    parts = bars["volume"].groupby(days).sum(min_count=1)
    return pd.DataFrame(
        {
            "open": grouped["open"].first(),
            "high": grouped["high"].max(),
            "low": grouped["low"].min(),
            "volume": whole.fillna(parts),
        }
    )
