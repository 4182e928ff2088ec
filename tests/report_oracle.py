"""Figures of reports worked out once more, from stored documents and series alone, by the plainest code."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

Row = Mapping[str, Any]
POINT = {"CORN": 50.0, "EUROSTX": 10.0}
CURRENCY = {"CORN": "USD", "EUROSTX": "EUR"}


def last_fills(documents: Iterable[Any]) -> list[Row]:
    """Bodies of the highest revision of each execution."""
    best: dict[tuple[str, str], Row] = {}
    for document in documents:
        body = document.body
        key = (body["account"], body["execution_id"])
        if key not in best or body["revision"] > best[key]["revision"]:
            best[key] = body
    return sorted((body for body in best.values() if body["quantity"]), key=lambda body: body["at"])


def rate(fx: pd.Series, code: str, until: pd.Timestamp) -> float:
    """Dollars for one of the instrument's currency: the last one up to a moment."""
    return 1.0 if CURRENCY[code] == "USD" else float(fx.loc[:until].iloc[-1])


def close(bars: pd.DataFrame, until: pd.Timestamp) -> float:
    """The last close up to a moment; the first one of all before it."""
    known = bars["close"].dropna()
    upto = known.loc[:until]
    return float(upto.iloc[-1] if len(upto) else known.iloc[0])


def results(
    fills: list[Row], bars: Mapping[tuple[str, str], pd.DataFrame], fx: pd.Series, now: datetime
) -> dict[pd.Timestamp, dict[str, float]]:
    """Dollars by day and instrument: a loop over days, positions and trades."""
    day = pd.Timestamp(fills[0]["at"]).normalize()
    found: dict[pd.Timestamp, dict[str, float]] = {}
    held: dict[tuple[str, str], int] = defaultdict(int)
    while day <= pd.Timestamp(now):
        end = min(day + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1), pd.Timestamp(now))
        earned: dict[str, float] = defaultdict(float)
        for (code, contract), quantity in held.items():
            frame = bars[code, contract]
            before = close(frame, day - pd.Timedelta(microseconds=1))
            earned[code] += quantity * (close(frame, end) - before) * POINT[code]
        for fill in fills:
            if not day <= pd.Timestamp(fill["at"]) <= end:
                continue
            code, contract = fill["instrument"], fill["contract"]
            earned[code] += fill["quantity"] * (close(bars[code, contract], end) - fill["price"]) * POINT[code]
            earned[code] -= fill["commission"]
            held[code, contract] += fill["quantity"]
        found[day] = {code: amount * rate(fx, code, end) for code, amount in earned.items()}
        day += pd.Timedelta(days=1)
    return found


def business_days(amounts: Mapping[pd.Timestamp, float]) -> pd.Series:
    """Sums by business day, a weekend with its Friday."""
    found: dict[pd.Timestamp, float] = defaultdict(float)
    for day, amount in amounts.items():
        found[day.tz_localize(None) - pd.Timedelta(days=max(day.weekday() - 4, 0))] += amount
    return pd.Series(found).sort_index()


def daily(series: pd.Series) -> pd.Series:
    """The last value of each business day, a weekend with its Friday."""
    known = series.dropna()
    days = known.index.tz_localize(None).normalize()
    days = days - pd.to_timedelta(np.maximum(days.weekday - 4, 0), unit="D")
    return known.groupby(days).last()


def volatility(prices: pd.Series) -> pd.Series:
    """0.7 x a deviation with a span of 35 days + 0.3 x its ten-year mean, of changes from business day to day."""
    whole = prices.reindex(pd.bdate_range(prices.index[0], prices.index[-1]))
    fast = whole.diff().ewm(span=35, min_periods=10).std()
    return 0.7 * fast + 0.3 * fast.ewm(span=2560).mean()


def positions(fills: list[Row], until: datetime, *keys: str) -> dict[tuple[str, ...], int]:
    """Contracts held by some of a fill's fields."""
    found: dict[tuple[str, ...], int] = defaultdict(int)
    for fill in fills:
        if fill["at"] <= until:
            found[tuple(fill[key] for key in keys)] += fill["quantity"]
    return {key: quantity for key, quantity in found.items() if quantity}


def mean_volume(bars: pd.DataFrame, now: datetime) -> float:
    """Contracts a business day of the last fourteen days."""
    recent = bars[(bars.index > now - timedelta(days=14)) & (bars.index <= now)]
    return float(recent["volume"].sum()) / 10.0
