"""Extremes, means and moments over a moving window of days, column by column of a panel."""

import numpy as np

from sysproduction.systems.compiling import compiled
from sysproduction.systems.smoothing import Panel, panel


def extremes(values: Panel, window: int, observations_min: int) -> tuple[Panel, Panel]:
    """Highest and lowest value of the last `window` days; NaN with fewer observations among them."""
    return _extreme(panel(values), window, observations_min, 1.0), _extreme(
        panel(values), window, observations_min, -1.0
    )


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
def _extreme(values: Panel, window: int, observations_min: int, sign: float) -> Panel:
    """With sign -1 the lowest. The queue holds rows whose values may yet become the highest, falling from its head."""
    rows, columns = values.shape
    out = np.empty((columns, rows)).T
    queue = np.empty(rows, np.int64)
    for column in range(columns):
        head = tail = seen = 0
        for row in range(rows):
            value = sign * values[row, column]
            if value == value:
                seen += 1
                while tail > head and sign * values[queue[tail - 1], column] <= value:
                    tail -= 1
                queue[tail] = row
                tail += 1
            left = row - window
            if left >= 0 and values[left, column] == values[left, column]:
                seen -= 1
            while head < tail and queue[head] <= left:
                head += 1
            known = seen >= observations_min and head < tail
            out[row, column] = values[queue[head], column] if known else np.nan
    return out


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
