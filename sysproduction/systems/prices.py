"""Recorded prices, contracts and rates brought onto one calendar: panels of business days x instruments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.domain.histories import MarketData
from sysproduction.domain.instruments import Listing
from sysproduction.systems.smoothing import Panel, empty

DAY_NS: Final = 24 * 3600 * 10**9
DAYS_A_CALENDAR_YEAR: Final = 365.25
CONTRACT_GAP_MIN: Final = 1.0 / DAYS_A_CALENDAR_YEAR
"""Years between two contracts are never taken as less than a day."""

Days = NDArray[np.int64]
"""Business days as consecutive numbers: five a week, Monday 29 December 1969 is 0."""


@dataclass(frozen=True, slots=True)
class Rows:
    """For each instrument the first row and the row after the last one that its data covers."""

    first: NDArray[np.int64]
    end: NDArray[np.int64]

    def mask(self, count: int) -> NDArray[np.bool_]:
        """Days x instruments: whether the row is covered."""
        covered = np.zeros((count, len(self.first)), bool, order="F")
        for column, (first, end) in enumerate(zip(self.first, self.end, strict=True)):
            covered[first:end, column] = True
        return covered

    def part(self, columns: slice) -> "Rows":
        """Of some instruments."""
        return Rows(self.first[columns], self.end[columns])

    def union(self, other: "Rows") -> "Rows":
        """From the earlier start to the later end."""
        return Rows(np.minimum(self.first, other.first), np.maximum(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Prices:
    """Panels (days x instruments) on `days`, midnight stamps without a zone: `adjusted` the day's last back-adjusted
    price, `current` that of the contract in use, `annual_roll` the day's mean of price less carry price a year of
    distance; NaN where a day has none. `rate` is the last known price of the currency at the stamp."""

    days: pd.DatetimeIndex
    instruments: tuple[str, ...]
    adjusted: Panel
    current: Panel
    annual_roll: Panel
    rate: Panel
    adjusted_rows: Rows
    multiple_rows: Rows

    def part(self, columns: slice) -> "Prices":
        """Of some instruments; the panels are views."""
        return Prices(
            self.days,
            self.instruments[columns],
            self.adjusted[:, columns],
            self.current[:, columns],
            self.annual_roll[:, columns],
            self.rate[:, columns],
            self.adjusted_rows.part(columns),
            self.multiple_rows.part(columns),
        )

    @property
    def rows(self) -> Rows:
        """Rows that either kind of price covers."""
        return self.adjusted_rows.union(self.multiple_rows)


def daily_prices(market: MarketData, listings: Sequence[Listing]) -> Prices:
    """Panels of these instruments, which all must have prices; days run from the first to the last of any price."""
    codes = tuple(listing.instrument.code for listing in listings)
    histories = [market.histories[code] for code in codes]
    adjusted = [_by_day(h.adjusted) for h in histories]
    current = [_by_day(h.multiple["PRICE"]) for h in histories]
    rolls = [_annual_roll(h.multiple, days.of_rows) for h, days in zip(histories, current, strict=True)]
    adjusted_ends, multiple_ends = [a.ends for a in adjusted], [c.ends for c in current]
    first = min(start for start, _ in adjusted_ends + multiple_ends)
    count = max(end for _, end in adjusted_ends + multiple_ends) - first
    days = business_days(np.arange(first, first + count))
    return Prices(
        days=days,
        instruments=codes,
        adjusted=_placed([a.last for a in adjusted], first, count),
        current=_placed([c.last for c in current], first, count),
        annual_roll=_placed(rolls, first, count),
        rate=_rates(days, [listing.instrument.currency for listing in listings], market.rates),
        adjusted_rows=_rows(adjusted_ends, first),
        multiple_rows=_rows(multiple_ends, first),
    )


def day_numbers(stamps: pd.DatetimeIndex) -> Days:
    """The business day that each stamp falls into; a weekend belongs to its Friday."""
    return numbers_of_days(nanoseconds(stamps) // DAY_NS)


def numbers_of_days(calendar: NDArray[np.int64]) -> Days:
    """The same for calendar days since 1970-01-01."""
    weeks, weekday = np.divmod(calendar + 3, 7)
    return weeks * 5 + np.minimum(weekday, 4)


def business_days(numbers: Days) -> pd.DatetimeIndex:
    """The dates of these business days."""
    weeks, weekday = np.divmod(numbers, 5)
    return pd.DatetimeIndex((weeks * 7 + weekday - 3).astype("datetime64[D]").astype("datetime64[ns]"))


def nanoseconds(stamps: pd.DatetimeIndex) -> NDArray[np.int64]:
    """UTC nanoseconds since 1970."""
    return stamps.as_unit("ns").asi8


def rate_at(rates: pd.Series, moments: NDArray[np.int64]) -> NDArray[np.float64]:
    """The last rate known at each moment (UTC nanoseconds); NaN before the first one."""
    known = rates.dropna()
    places = np.searchsorted(nanoseconds(pd.DatetimeIndex(known.index)), moments, side="right") - 1
    values = known.to_numpy(dtype=float)
    return (
        np.where(places >= 0, values[np.maximum(places, 0)], np.nan) if len(values) else np.full(len(moments), np.nan)
    )


@dataclass(frozen=True, slots=True)
class _Daily:
    """The last values of days; `of_rows` is the day of each recorded row, `ends` the first day and the day after the
    last."""

    of_rows: Days
    last: tuple[Days, NDArray[np.float64]]
    ends: tuple[int, int]


def _by_day(series: pd.Series) -> _Daily:
    days = day_numbers(pd.DatetimeIndex(series.index))
    values = series.to_numpy(dtype=float)
    there = np.isfinite(values)
    known, values = days[there], values[there]
    closing = np.append(known[1:] != known[:-1], True)[: len(known)]
    return _Daily(days, (known[closing], values[closing]), (int(days[0]), int(days[-1]) + 1))


def _annual_roll(multiple: pd.DataFrame, days: Days) -> tuple[Days, NDArray[np.float64]]:
    """Day by day the mean of PRICE - CARRY over the years between both contracts; rows where both prices are equal say
    nothing."""
    gap = multiple["PRICE"].to_numpy(dtype=float) - multiple["CARRY"].to_numpy(dtype=float)
    said = (gap != 0.0) & np.isfinite(gap)
    days, gap = days[said], gap[said]
    years = _years(multiple["CARRY_CONTRACT"].to_numpy()[said]) - _years(multiple["PRICE_CONTRACT"].to_numpy()[said])
    tiny = np.abs(years) < CONTRACT_GAP_MIN
    annual = gap / np.where(tiny, np.copysign(CONTRACT_GAP_MIN, years), years)
    starts = np.flatnonzero(np.append(True, days[1:] != days[:-1])[: len(days)])
    if not len(starts):
        return days, annual
    return days[starts], np.add.reduceat(annual, starts) / np.diff(np.append(starts, len(days)))


def _years(contracts: NDArray[np.object_]) -> NDArray[np.float64]:
    """Delivery as a year with twelfths."""
    places, names = pd.factorize(contracts)
    known = np.array([int(name[:4]) + int(name[4:6]) / 12.0 for name in names] or [np.nan])
    return known[places]


def _placed(columns: Sequence[tuple[Days, NDArray[np.float64]]], first: int, count: int) -> Panel:
    values = empty(count, len(columns))
    for column, (days, known) in enumerate(columns):
        values[days - first, column] = known
    return values


def _rows(ends: Sequence[tuple[int, int]], first: int) -> Rows:
    bounds = np.array(ends, dtype=np.int64).reshape(-1, 2) - first
    return Rows(bounds[:, 0], bounds[:, 1])


def _rates(days: pd.DatetimeIndex, currencies: Sequence[str], rates: Mapping[str, pd.Series]) -> Panel:
    moments, values = nanoseconds(days), empty(len(days), len(currencies))
    known = {currency: rate_at(rates[currency], moments) for currency in set(currencies) if currency in rates}
    for column, currency in enumerate(currencies):
        values[:, column] = known.get(currency, 1.0)
    return values
