"""Greedy search for whole contracts: the best step of one or of two instruments, until none is better."""

import numpy as np
from numpy.typing import NDArray

from sysproduction.systems.compiling import compiled

Contracts = NDArray[np.int64]
Numbers = NDArray[np.float64]


@compiled
def descend(
    start: Contracts,
    optimum: Numbers,
    risk: Numbers,
    held: Contracts,
    cost: Numbers,
    lower: Contracts,
    upper: Contracts,
) -> Contracts:
    """Contracts of a low sqrt((x - optimum)' risk (x - optimum)) + cost'|x - held| within the bounds: no step of one
    instrument, nor of one contract in each of two, makes it lower. It begins at `start`, which must be within them; far
    from the optimum steps are of many contracts. Each step costs one pass over the instruments, for the gradient is
    kept up to date."""
    x = start.copy()
    pull = ((x - optimum) * risk).sum(axis=1)
    variance = ((x - optimum) * pull).sum()
    stride = _stride(x, optimum, lower, upper)
    while True:
        i, step, gain = _best_single(x, pull, variance, risk, held, cost, lower, upper, stride)
        if gain <= 1e-12 and stride > 1:
            stride //= 2
            continue
        j, second = -1, 0
        if gain <= 1e-12:
            i, step, j, second, gain = _best_pair(x, pull, variance, risk, held, cost, lower, upper)
            if gain <= 1e-12:
                return x
        x[i] += step
        pull += step * risk[:, i]
        if j >= 0:
            x[j] += second
            pull += second * risk[:, j]
        variance = ((x - optimum) * pull).sum()


@compiled
def _stride(x: Contracts, optimum: Numbers, lower: Contracts, upper: Contracts) -> int:
    furthest = 0.0
    for i in range(len(x)):
        near = min(max(optimum[i], lower[i]), upper[i])
        furthest = max(furthest, abs(near - x[i]))
    stride = 1
    while stride * 16 < furthest:
        stride *= 2
    return stride


@compiled
def _best_single(
    x: Contracts,
    pull: Numbers,
    variance: float,
    risk: Numbers,
    held: Contracts,
    cost: Numbers,
    lower: Contracts,
    upper: Contracts,
    stride: int,
) -> tuple[int, int, float]:
    now = np.sqrt(max(variance, 0.0))
    best, best_i, best_step = 0.0, -1, 0
    for i in range(len(x)):
        for step in (stride, -stride):
            if lower[i] <= x[i] + step <= upper[i]:
                then = variance + 2.0 * step * pull[i] + step * step * risk[i, i]
                gain = now - np.sqrt(max(then, 0.0)) + cost[i] * (abs(x[i] - held[i]) - abs(x[i] + step - held[i]))
                if gain > best:
                    best, best_i, best_step = gain, i, step
    return best_i, best_step, best


@compiled
def _best_pair(
    x: Contracts,
    pull: Numbers,
    variance: float,
    risk: Numbers,
    held: Contracts,
    cost: Numbers,
    lower: Contracts,
    upper: Contracts,
) -> tuple[int, int, int, int, float]:
    now = np.sqrt(max(variance, 0.0))
    best, best_i, best_step, best_j, best_second = 0.0, -1, 0, -1, 0
    for i in range(len(x)):
        for step in (1, -1):
            if not lower[i] <= x[i] + step <= upper[i]:
                continue
            saved = cost[i] * (abs(x[i] - held[i]) - abs(x[i] + step - held[i]))
            moved = variance + 2.0 * step * pull[i] + risk[i, i]
            for j in range(i + 1, len(x)):
                for second in (1, -1):
                    if lower[j] <= x[j] + second <= upper[j]:
                        then = moved + 2.0 * second * (pull[j] + step * risk[i, j]) + risk[j, j]
                        gain = now - np.sqrt(max(then, 0.0)) + saved
                        gain += cost[j] * (abs(x[j] - held[j]) - abs(x[j] + second - held[j]))
                        if gain > best:
                            best, best_i, best_step, best_j, best_second = gain, i, step, j, second
    return best_i, best_step, best_j, best_second, best
