"""One step of each kind of indicator, on a state of plain numbers, and the loops that take it over a whole column.

A step changes its state; the loop takes it over a column, so both forms of an indicator do the same arithmetic in the
same order and give the same bits. An input of NaN gives NaN and is not counted. Windows are kept
as two blocks, the running one from its start and the one before it from its end: nothing is ever taken out of a sum, so
that no error builds up, and a step takes constant time but for one in each block.
"""

from math import nan, sqrt
from typing import Any

import numpy as np

from sysproduction.domain.bar_columns import Floats
from sysproduction.systems.compiling import compiled

State = Any
"""A column of floats."""


def window_state(length: int, columns: int) -> Floats:
    """Of a window that keeps so many numbers a place: length, place in the block, whether a block is behind."""
    state = np.zeros(5 + columns * length)
    state[0] = length
    return state


@compiled
def mean_step(s: State, x: float) -> float:
    """Mean of the last n inputs. s[3]: the running block's sum; then the sums to the end of the one before, and the
    running one's inputs."""
    if x != x:
        return nan
    n, at = int(s[0]), int(s[1])
    s[5 + n + at] = x
    s[3] += x
    at += 1
    if at < n:
        s[1] = at
        return (s[3] + s[5 + at]) / n if s[2] > 0 else nan
    total = s[3]
    s[1], s[2], s[3] = 0.0, 1.0, 0.0
    tail = 0.0
    for j in range(n - 1, -1, -1):
        tail += s[5 + n + j]
        s[5 + j] = tail
    told: float = total / n
    return told


@compiled
def deviation_step(s: State, x: float) -> float:
    """Population standard deviation of the last n inputs. s[3], s[4]: mean and sum of squared deviations of the running
    block (Welford, 1962); then those from each place to the end of the block before, and the running one's inputs;
    the two are joined as in Chan, Golub and LeVeque (1983)."""
    if x != x:
        return nan
    n, at = int(s[0]), int(s[1])
    s[5 + 2 * n + at] = x
    at += 1
    apart = x - s[3]
    s[3] += apart / at
    s[4] += apart * (x - s[3])
    if at < n:
        s[1] = at
        if s[2] == 0:
            return nan
        between = s[5 + at] - s[3]
        squares = s[4] + s[5 + n + at] + between * between * (at * (n - at)) / n
        return sqrt(squares / n)
    whole = s[4]
    s[1], s[2], s[3], s[4] = 0.0, 1.0, 0.0, 0.0
    mean, squares = 0.0, 0.0
    for j in range(n - 1, -1, -1):
        y = s[5 + 2 * n + j]
        apart = y - mean
        mean += apart / (n - j)
        squares += apart * (y - mean)
        s[5 + j], s[5 + n + j] = mean, squares
    return sqrt(whole / n)


@compiled
def highest_step(s: State, x: float) -> float:
    """Highest of the last n inputs. s[3]: that of the running block; then those to the end of the one before, and the
    running one's inputs."""
    if x != x:
        return nan
    n, at = int(s[0]), int(s[1])
    s[5 + n + at] = x
    s[3] = x if at == 0 else max(s[3], x)
    at += 1
    if at < n:
        s[1] = at
        return max(s[3], s[5 + at]) if s[2] > 0 else nan
    s[1], s[2] = 0.0, 1.0
    top = x
    for j in range(n - 1, -1, -1):
        top = max(top, s[5 + n + j])
        s[5 + j] = top
    return top


@compiled
def change_step(s: State, x: float) -> float:
    """Percentage by which the input exceeds that of n inputs ago; NaN where that was 0. From s[5] on: the last n."""
    if x != x:
        return nan
    n, at = int(s[0]), int(s[1])
    before, known = s[5 + at], s[2] > 0
    s[5 + at] = x
    s[1] = (at + 1) % n
    if s[1] == 0:
        s[2] = 1.0
    return 100.0 * (x - before) / before if known and before != 0 else nan


@compiled
def exponential_step(s: State, x: float) -> float:
    """Exponentially weighted mean that begins with the first input. s: length, inputs so far, mean, weight."""
    if x != x:
        return nan
    s[1] += 1
    s[2] = x if s[1] == 1 else s[2] + s[3] * (x - s[2])
    return s[2] if s[1] >= s[0] else nan


@compiled
def wilder_step(s: State, at: int, x: float) -> float:
    """Wilder's average (1978): the mean of the first n inputs, then a n-th of each next one. s[0]: n; s[at]: inputs so
    far, s[at + 1]: their sum, then the average."""
    n = s[0]
    s[at] += 1
    if s[at] < n:
        s[at + 1] += x
        return nan
    if s[at] == n:
        s[at + 1] = (s[at + 1] + x) / n
    else:
        s[at + 1] = (s[at + 1] * (n - 1) + x) / n
    told: float = s[at + 1]
    return told


@compiled
def strength_step(s: State, x: float) -> float:
    """Wilder's relative strength index, 50 where nothing moved. s: n, whether there was an input, the last one, and two
    averages."""
    if x != x:
        return nan
    change, known = x - s[2], s[1] > 0
    s[1], s[2] = 1.0, x
    if not known:
        return nan
    up = wilder_step(s, 3, max(change, 0.0))
    down = wilder_step(s, 5, max(-change, 0.0))
    if up != up:
        return nan
    return 100.0 * up / (up + down) if up + down > 0 else 50.0


@compiled
def true_range(s: State, high: float, low: float) -> float:
    """Of a bar after one that closed at s[2]; of the first bar, its range."""
    if s[1] == 0:
        return high - low
    told: float = max(high, s[2]) - min(low, s[2])
    return told


@compiled
def range_step(s: State, high: float, low: float, close: float) -> float:
    """Wilder's average true range. s: n, whether there was a bar, its close, and the average."""
    moved = true_range(s, high, low)
    s[1], s[2] = 1.0, close
    return wilder_step(s, 3, moved)


@compiled
def directional_step(s: State, high: float, low: float, close: float) -> float:
    """Wilder's directional movement. s: n, whether there was a bar, its close; averages of the true range, of movement
    up and down; the bar's high and low; an average of the index; and which is wanted: 1 up, -1 down, 0 the index."""
    known, moved = s[1] > 0, true_range(s, high, low)
    rise, fall = high - s[9], s[10] - low
    s[1], s[2], s[9], s[10] = 1.0, close, high, low
    if not known:
        return nan
    ranged = wilder_step(s, 3, moved)
    up = wilder_step(s, 5, rise if rise > fall and rise > 0 else 0.0)
    down = wilder_step(s, 7, fall if fall > rise and fall > 0 else 0.0)
    if ranged != ranged:
        return nan
    plus = 100.0 * up / ranged if ranged > 0 else 0.0
    minus = 100.0 * down / ranged if ranged > 0 else 0.0
    index = wilder_step(s, 11, 100.0 * abs(plus - minus) / (plus + minus) if plus + minus > 0 else 0.0)
    if s[13] > 0:
        return plus
    return minus if s[13] < 0 else index


@compiled
def parabolic_step(s: State, high: float, low: float, close: float) -> float:
    """Wilder's parabolic stop and reverse. s: first factor, its step, its limit; bars so far; direction; stop; extreme;
    factor; highs and lows of the two bars before; the first close."""
    s[3] += 1
    if s[3] == 1:
        s[8], s[9], s[12] = high, low, close
        return nan
    if s[3] == 2:
        s[10], s[11] = s[8], s[9]
        s[4] = 1.0 if close >= s[12] else -1.0
        s[5] = min(s[9], low) if s[4] > 0 else max(s[8], high)
        s[6] = max(s[8], high) if s[4] > 0 else min(s[9], low)
        s[7] = s[0]
    else:
        stop = s[5] + s[7] * (s[6] - s[5])
        stop = min(stop, s[9], s[11]) if s[4] > 0 else max(stop, s[8], s[10])
        if (low < stop) if s[4] > 0 else (high > stop):
            stop, s[4] = s[6], -s[4]
            stop = max(stop, high) if s[4] < 0 else min(stop, low)
            s[6], s[7] = low if s[4] < 0 else high, s[0]
        elif (high > s[6]) if s[4] > 0 else (low < s[6]):
            s[6] = high if s[4] > 0 else low
            s[7] = min(s[7] + s[1], s[2])
        s[5] = stop
        s[10], s[11] = s[8], s[9]
    s[8], s[9] = high, low
    told: float = s[5]
    return told


@compiled
def mean(s: State, values: Floats) -> Floats:
    """`mean_step` over a column."""
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = mean_step(s, values[i])
    return out


@compiled
def deviation(s: State, values: Floats) -> Floats:
    """`deviation_step` over a column."""
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = deviation_step(s, values[i])
    return out


@compiled
def highest(s: State, values: Floats) -> Floats:
    """`highest_step` over a column."""
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = highest_step(s, values[i])
    return out


@compiled
def change(s: State, values: Floats) -> Floats:
    """`change_step` over a column."""
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = change_step(s, values[i])
    return out


@compiled
def exponential(s: State, values: Floats) -> Floats:
    """`exponential_step` over a column."""
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = exponential_step(s, values[i])
    return out


@compiled
def strength(s: State, values: Floats) -> Floats:
    """`strength_step` over a column."""
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = strength_step(s, values[i])
    return out


@compiled
def ranges(s: State, high: Floats, low: Floats, close: Floats) -> Floats:
    """`range_step` over bars."""
    out = np.empty_like(close)
    for i in range(len(close)):
        out[i] = range_step(s, high[i], low[i], close[i])
    return out


@compiled
def directional(s: State, high: Floats, low: Floats, close: Floats) -> Floats:
    """`directional_step` over bars."""
    out = np.empty_like(close)
    for i in range(len(close)):
        out[i] = directional_step(s, high[i], low[i], close[i])
    return out


@compiled
def parabolic(s: State, high: Floats, low: Floats, close: Floats) -> Floats:
    """`parabolic_step` over bars."""
    out = np.empty_like(close)
    for i in range(len(close)):
        out[i] = parabolic_step(s, high[i], low[i], close[i])
    return out
