"""Continuous bars: back-adjusted like the prices, with the open, high and low of the contracts under them."""

import numpy as np
import pandas as pd

from sysproduction.markets.continuous_bars import continuous


def stamps(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([pd.Timestamp(text, tz="UTC") for text in texts])


def contract_bars(rows: dict[str, tuple[float, float, float, float, float, bool]]) -> pd.DataFrame:
    columns = ["open", "high", "low", "close", "volume", "daily"]
    return pd.DataFrame(list(rows.values()), columns=columns, index=stamps(*rows))


def test_each_day_has_the_prices_of_its_contract_moved_as_the_close_was() -> None:
    """A roll of 10 points is added to the open, high and low before it; intraday rows of a day make one bar."""
    index = stamps("2024-01-02 12:00", "2024-01-02 23:00", "2024-01-03 23:00")
    multiple = pd.DataFrame({"PRICE": [100.0, 101.0, 112.0], "PRICE_CONTRACT": ["NEAR", "NEAR", "FAR"]}, index=index)
    adjusted = pd.Series([110.0, 111.0, 112.0], index=index)
    near = contract_bars(
        {
            "2024-01-02 12:00": (99.0, 104.0, 98.0, 100.0, 5.0, False),
            "2024-01-02 23:00": (99.0, 103.0, 97.0, 101.0, 50.0, True),
        }
    )
    far = contract_bars({"2024-01-03 23:00": (109.0, 113.0, 108.0, 112.0, 70.0, True)})
    bars = continuous("CORN", adjusted, multiple, {"NEAR": near, "FAR": far})
    assert bars.ts.tolist() == stamps("2024-01-02", "2024-01-03").as_unit("ns").asi8.tolist()
    assert [bars.open.tolist(), bars.high.tolist(), bars.low.tolist(), bars.close.tolist()] == [
        [109.0, 109.0],
        [114.0, 113.0],
        [107.0, 108.0],
        [111.0, 112.0],
    ]
    assert bars.volume is not None
    assert bars.volume.tolist() == [50.0, 70.0]


def test_days_without_a_bar_of_the_contract_have_the_close_alone() -> None:
    """Imported prices without bars: every price of the day is its close, and there is no volume."""
    index = stamps("2024-01-02 23:00", "2024-01-03 23:00")
    multiple = pd.DataFrame({"PRICE": [100.0, np.nan], "PRICE_CONTRACT": ["NEAR", "NEAR"]}, index=index)
    bars = continuous("CORN", pd.Series([100.0, 102.0], index=index), multiple, {})
    assert bars.open.tolist() == bars.high.tolist() == bars.low.tolist() == bars.close.tolist() == [100.0, 102.0]
    assert bars.volume is None
