"""What rolling costs in a backtest: half of the position trades at the end of so many equal periods a year."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.systems.costs import ROLL_SHARE, Held, Terms
from sysproduction.systems.prices import DAY_NS, DAYS_A_CALENDAR_YEAR, Prices, numbers_of_days, rate_at
from sysproduction.systems.smoothing import Panel, zero_filled

SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class RollDates:
    """Calendar days (since 1970), the row that each falls into (a weekend into its Friday's), and the first row of the
    period that it ends, which begins with the roll date before."""

    day: NDArray[np.int64]
    row: NDArray[np.int64]
    since: NDArray[np.int64]

    @property
    def after_close(self) -> NDArray[np.bool_]:
        """Whether the row's own price is known before the date: those of weekends."""
        return (self.day + 3) % 7 >= SATURDAY


def roll_dates(prices: Prices, rolls_a_year: int, first: int, end: int) -> RollDates:
    """Roll dates of an instrument between its rows `first` and `end`."""
    origin = prices.days[0].value // DAY_NS
    years = range(prices.days[first].year - 1, prices.days[end - 1].year + 1)
    day = np.array([d for year in years for d in _dates_within(year, rolls_a_year)], dtype=np.int64)
    row = numbers_of_days(day) - numbers_of_days(np.array([origin]))
    weekend = (day + 3) % 7 >= SATURDAY
    since = np.maximum(np.append(first, (row + weekend)[:-1]), first)
    last = prices.days[end - 1].value // DAY_NS
    chosen = (row >= first) & (day <= last)
    return RollDates(day[chosen], row[chosen], since[chosen])


def _dates_within(year: int, count: int) -> Iterator[int]:
    gap = int(DAYS_A_CALENDAR_YEAR / count)
    first = int(np.datetime64(f"{year:04d}-01-01", "D").astype(np.int64)) + gap // 2
    return (first + gap * number for number in range(count))


def roll_costs(
    held: Held, prices: Prices, terms: Terms, rates: dict[str, pd.Series], currencies: list[str]
) -> tuple[Panel, NDArray[np.bool_]]:
    """Costs in the base currency by day and instrument, before the deflator, and where there are any: half of the mean
    size of the position since the roll date before, charged one spread side and two commissions, at the rate in
    force at midnight of the date."""
    costs = np.zeros(held.position.shape, order="F")
    charged = np.zeros(costs.shape, bool, order="F")
    for column, rolls in enumerate(terms.rolls_a_year):
        first, end = int(held.rows.first[column]), int(held.rows.end[column])
        if rolls == 0 or end - first < 1:
            continue
        dates = roll_dates(prices, int(rolls), first, end)
        quantity = ROLL_SHARE * _mean_size(held.position[:, column], dates)
        traded = quantity > 0.0
        rows, size = dates.row[traded], quantity[traded]
        before = np.maximum(rows - np.where(dates.after_close[traded], 0, 1), 0)
        money = _charge(size, held.rolled_price[before, column], terms, column)
        rate = rates.get(currencies[column])
        if rate is not None:
            money = money * rate_at(rate, dates.day[traded] * DAY_NS)
        np.add.at(costs[:, column], rows, money)
        charged[rows, column] = True
    return costs, charged


def _mean_size(position: NDArray[np.float64], dates: RollDates) -> NDArray[np.float64]:
    known = np.append(0, np.cumsum(~np.isnan(position)))
    sums = np.append(0.0, np.cumsum(np.abs(zero_filled(position))))
    counts = known[dates.row + 1] - known[np.minimum(dates.since, dates.row + 1)]
    total = sums[dates.row + 1] - sums[np.minimum(dates.since, dates.row + 1)]
    return np.asarray(total / np.maximum(counts, 1))


def _charge(size: NDArray[np.float64], price: NDArray[np.float64], terms: Terms, column: int) -> NDArray[np.float64]:
    commission = np.maximum(size * terms.per_block[column], terms.per_trade[column])
    value = size * price * terms.point_size[column] * terms.percentage[column]
    return np.asarray(size * terms.spread[column] * terms.point_size[column] + 2.0 * np.fmax(commission, value))
