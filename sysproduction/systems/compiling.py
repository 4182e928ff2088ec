"""The one way in which loops are compiled: cached on disk where that is possible, so that only the first run waits."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code, compiled at its first call; divisions by zero give inf and NaN as in NumPy."""
    try:
        return cast(F, numba.njit(cache=True, error_model="numpy", nogil=True)(function))
    except RuntimeError:  # no folder that a cache may be written to
        return cast(F, numba.njit(error_model="numpy", nogil=True)(function))
