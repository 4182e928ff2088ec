"""Exponentially weighted means and deviations, filling and shifting, column by column of a panel."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sysproduction.systems.compiling import compiled

Panel = NDArray[np.float64]
"""Days x instruments, column after column in memory; NaN is missing."""


def panel(values: NDArray[np.float64]) -> Panel:
    """The values laid out as a panel."""
    return np.asfortranarray(values, dtype=np.float64)


def empty(rows: int, columns: int) -> Panel:
    """A panel of NaN."""
    return np.full((rows, columns), np.nan, order="F")


def ewma(values: Panel, *, span: float | None = None, com: float | None = None, observations_min: int = 1) -> Panel:
    """Exponentially weighted mean with adjusted weights by span or centre of mass. A missing day lets weights decay and
    shows the mean so far; with fewer observations it is NaN."""
    return _ewma(panel(values), _decay(span, com), observations_min)


def ewm_std(values: Panel, *, span: float, observations_min: int) -> Panel:
    """Exponentially weighted standard deviation, adjusted weights, bias-corrected; NaN with fewer observations."""
    return _ewm_std(panel(values), _decay(span, None), observations_min)


def forward_filled(values: Panel) -> Panel:
    """Each missing value replaced by the last known one above it."""
    return _forward_filled(panel(values))


def zero_filled(values: Panel) -> Panel:
    """Each missing value replaced by 0."""
    return np.where(np.isnan(values), 0.0, values)


def shifted(values: Panel, rows: int) -> Panel:
    """Each value `rows` days later; the first `rows` are NaN."""
    moved = empty(*values.shape)
    if rows < len(values):
        moved[rows:] = values[: len(values) - rows]
    return moved


def differences(values: Panel) -> Panel:
    """Each value less the one a day before; a missing one costs two differences."""
    changes = empty(*values.shape)
    np.subtract(values[1:], values[:-1], out=changes[1:])
    return changes


def _decay(span: float | None, com: float | None) -> float:
    centre = (span - 1.0) / 2.0 if span is not None else com
    if centre is None or centre < 0:
        raise ValueError("a span of at least 1, or a centre of mass of at least 0, is needed")
    return 1.0 - 1.0 / (1.0 + centre)


LANES: Final = 4
"""Columns that are worked on side by side, so that the processor need not wait for one division after the other."""


@compiled
def _ewma(values: Panel, decay: float, observations_min: int) -> Panel:
    rows, columns = values.shape
    out = np.empty((columns, rows)).T
    means, weights, seen = np.empty(LANES), np.empty(LANES), np.empty(LANES, np.int64)
    for first in range(0, columns, LANES):
        lanes = min(LANES, columns - first)
        means[:], weights[:], seen[:] = np.nan, 1.0, 0
        for row in range(rows):
            for lane in range(lanes):
                value, mean = values[row, first + lane], means[lane]
                known = value == value
                if known:
                    seen[lane] += 1
                if mean == mean:
                    weight = weights[lane] * decay
                    if known:
                        if mean != value:
                            mean = (weight * mean + value) / (weight + 1.0)
                        weight += 1.0
                    weights[lane] = weight
                elif known:
                    mean = value
                means[lane] = mean
                out[row, first + lane] = mean if seen[lane] >= observations_min else np.nan
    return out


@compiled
def _ewm_std(values: Panel, decay: float, observations_min: int) -> Panel:
    rows, columns = values.shape
    out = np.empty((columns, rows)).T
    for column in range(columns):
        mean, variance, seen = np.nan, 0.0, 0
        weight = total = squares = 1.0
        for row in range(rows):
            value = values[row, column]
            if value == value:
                seen += 1
            if mean == mean:
                total *= decay
                squares *= decay * decay
                weight *= decay
                if value == value:
                    before = mean
                    if mean != value:
                        mean = (weight * before + value) / (weight + 1.0)
                    moved, off = before - mean, value - mean
                    variance = (weight * (variance + moved * moved) + off * off) / (weight + 1.0)
                    total += 1.0
                    squares += 1.0
                    weight += 1.0
            elif value == value:
                mean = value
            spread = total * total - squares
            known = seen >= observations_min and spread > 0.0
            out[row, column] = np.sqrt(total * total / spread * variance) if known else np.nan
    return out


@compiled
def _forward_filled(values: Panel) -> Panel:
    rows, columns = values.shape
    out = np.empty((columns, rows)).T
    for column in range(columns):
        last = np.nan
        for row in range(rows):
            value = values[row, column]
            if value == value:
                last = value
            out[row, column] = last
    return out
