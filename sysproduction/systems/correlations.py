"""Correlation matrices from samples with gaps, made fit for multipliers and optimisers."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

UNKNOWN: Final = 0.99
"""What pairs are taken for when no correlation at all is known: no diversification."""

EIGENVALUE_MIN: Final = 1e-6


def correlations(sample: Matrix, observations_min: int, importance: NDArray[np.float64] | None = None) -> Matrix:
    """Pairwise correlations of the columns, from the rows in which both are known, each row weighing by its
    `importance` (None: all alike). Pairs with fewer rows than `observations_min`, or without variation, get the mean
    of the others."""
    known = np.isfinite(sample)
    values = np.where(known, sample, 0.0)
    spread = np.abs(values).max(axis=0, initial=0.0)
    values = values / np.where(spread > 0.0, spread, 1.0)
    there = known.astype(float)
    counts = there.T @ there
    weight = np.ones(len(sample)) if importance is None else importance
    heavy = there * weight[:, None]
    totals, sums, squares = there.T @ heavy, values.T @ heavy, (values**2).T @ heavy
    products = values.T @ (values * weight[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / totals
        variances = squares / totals - means**2
        found = (products / totals - means * means.T) / np.sqrt(variances * variances.T)
    found[(counts < max(observations_min, 2)) | ~(variances > 1e-14) | ~(variances.T > 1e-14)] = np.nan
    return _filled(np.clip(found, -1.0, 1.0))


def floored(matrix: Matrix) -> Matrix:
    """Negative correlations as 0."""
    return np.maximum(matrix, 0.0)


def shrunk(matrix: Matrix, shrinkage: float) -> Matrix:
    """Each correlation moved towards the mean of all by the share `shrinkage`.

    Ledoit and Wolf (2004), Honey, I shrunk the sample covariance matrix: the constant correlation target.
    """
    target = np.full_like(matrix, _mean(matrix))
    moved = (1.0 - shrinkage) * matrix + shrinkage * target
    np.fill_diagonal(moved, 1.0)
    return moved


def positive(matrix: Matrix) -> Matrix:
    """The matrix itself if all its eigenvalues are positive; else with those that are not made small and the diagonal
    of ones restored, so that no portfolio has a negative variance."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= EIGENVALUE_MIN:
        return matrix
    mended = (vectors * np.maximum(values, EIGENVALUE_MIN)) @ vectors.T
    scale = np.sqrt(np.diag(mended))
    mended = mended / np.outer(scale, scale)
    return np.asarray((mended + mended.T) / 2.0)


def _filled(matrix: Matrix) -> Matrix:
    filled = np.where(np.isnan(matrix), _mean(matrix), matrix)
    np.fill_diagonal(filled, 1.0)
    return filled


def _mean(matrix: Matrix) -> float:
    """Of the known correlations off the diagonal."""
    pairs = matrix[np.triu_indices(len(matrix), 1)]
    pairs = pairs[~np.isnan(pairs)]
    return float(pairs.mean()) if len(pairs) else UNKNOWN
