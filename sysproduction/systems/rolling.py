"""Extremes, means and moments over a moving window of days, column by column of a panel."""

import numpy as np

from sysproduction.systems.compiling import compiled
from sysproduction.systems.smoothing import Panel, panel


def extremes(values: Panel, window: int, observations_min: int) -> tuple[Panel, Panel]:
    """Highest and lowest value of the last `window` days; NaN with fewer observations among them."""
    high, low = _extremes(panel(values), window, max(observations_min, 1))
    return high, low


def deviation(values: Panel, window: int, observations_min: int) -> Panel:
    """Standard deviation (bias-corrected) of the last `window` days; NaN with fewer observations among them, exactly 0
    where they are all equal."""
    return _deviation(panel(values), window, max(observations_min, 2))


def mean(values: Panel, window: int, observations_min: int) -> Panel:
    """Mean of the last `window` days; NaN with fewer observations among them."""
    return _moment(panel(values), window, max(observations_min, 1), 1)


def skewness(values: Panel, window: int, observations_min: int) -> Panel:
    """Skewness (bias-corrected) of the last `window` days; NaN with fewer observations among them or none that
    differ."""
    return _moment(panel(values), window, max(observations_min, 3), 3)


@compiled
def _moment(values: Panel, window: int, observations_min: int, order: int) -> Panel:
    """The mean (order 1) or the skewness (order 3), each window summed anew so that no error grows."""
    rows, columns = values.shape
    out = np.empty((columns, rows)).T
    for column in range(columns):
        for row in range(rows):
            start = max(0, row - window + 1)
            seen, total = 0, 0.0
            for at in range(start, row + 1):
                value = values[at, column]
                if value == value:
                    seen += 1
                    total += value
            out[row, column] = np.nan
            if seen < observations_min:
                continue
            centre = total / seen
            if order == 1:
                out[row, column] = centre
                continue
            second, third = 0.0, 0.0
            for at in range(start, row + 1):
                value = values[at, column]
                if value == value:
                    off = value - centre
                    second += off * off
                    third += off * off * off
            if second > 0.0:
                bias = np.sqrt(seen * (seen - 1.0)) / (seen - 2.0)
                out[row, column] = bias * (third / seen) / (second / seen) ** 1.5
    return out


@compiled
def _extremes(values: Panel, window: int, observations_min: int) -> tuple[Panel, Panel]:
    """By van Herk's method: with days in blocks of `window`, each window is the end of one block and the beginning of
    the next, whose extremes from there on and until there are known."""
    rows, columns = values.shape
    high, low = np.empty((columns, rows)).T, np.empty((columns, rows)).T
    highest_on, lowest_on = np.empty(rows + 1), np.empty(rows + 1)
    for column in range(columns):
        for row in range(rows - 1, -1, -1):
            value = values[row, column]
            ends = row % window == window - 1 or row == rows - 1
            upper = -np.inf if ends else highest_on[row + 1]
            lower = np.inf if ends else lowest_on[row + 1]
            highest_on[row] = value if value > upper else upper
            lowest_on[row] = value if value < lower else lower
        upper, lower, seen = -np.inf, np.inf, 0
        for row in range(rows):
            value, first = values[row, column], row - window + 1
            if row % window == 0:
                upper, lower = -np.inf, np.inf
            if value == value:
                seen += 1
                upper, lower = max(upper, value), min(lower, value)
            if first > 0 and values[first - 1, column] == values[first - 1, column]:
                seen -= 1
            known = seen >= observations_min
            before = first if first > 0 else rows
            highest_on[rows], lowest_on[rows] = -np.inf, np.inf
            high[row, column] = max(upper, highest_on[before]) if known else np.nan
            low[row, column] = min(lower, lowest_on[before]) if known else np.nan
    return high, low


@compiled
def _deviation(values: Panel, window: int, observations_min: int) -> Panel:
    """By Welford's update, with values entering and leaving; an error that has grown is dropped with equal values."""
    rows, columns = values.shape
    out = np.empty((columns, rows)).T
    for column in range(columns):
        seen, mean, squares = 0, 0.0, 0.0
        run, last = 0, np.nan
        for row in range(rows):
            value = values[row, column]
            if value == value:
                seen += 1
                step = value - mean
                mean += step / seen
                squares += step * (value - mean)
                run = run + 1 if value == last else 1
                last = value
            if row >= window:
                old = values[row - window, column]
                if old == old:
                    seen -= 1
                    if seen == 0:
                        mean, squares = 0.0, 0.0
                    else:
                        step = old - mean
                        mean -= step / seen
                        squares -= step * (old - mean)
            if seen < observations_min:
                out[row, column] = np.nan
            elif run >= seen or squares < 0.0:
                out[row, column] = 0.0
            else:
                out[row, column] = np.sqrt(squares / (seen - 1))
    return out
