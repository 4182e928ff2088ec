"""Working on some instruments at a time: what is only passed on stays in the processor's cache and costs no memory."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final, TypeVar

import numpy as np

T = TypeVar("T")

COLUMNS_AT_ONCE: Final = 16


def parts(columns: int) -> Iterator[slice]:
    """Slices of so many columns that together are all of them."""
    for first in range(0, columns, COLUMNS_AT_ONCE):
        yield slice(first, min(first + COLUMNS_AT_ONCE, columns))


def by_parts(columns: int, make: Callable[[slice], T]) -> T:
    """What `make` gives for all columns, put together from what it gives for some at a time: a panel, or a dictionary
    or dataclass of panels; anything else in it is taken from the first part."""
    whole: T | None = None
    for some in parts(columns):
        part = make(some)
        if whole is None:
            if some.stop == columns:
                return part
            whole = _like(part, columns)
        _put(whole, part, some)
    assert whole is not None
    return whole


def _like(part: Any, columns: int) -> Any:
    if isinstance(part, np.ndarray) and part.ndim == 2:
        return np.empty((len(part), columns), part.dtype, order="F")
    if isinstance(part, dict):
        return {name: _like(value, columns) for name, value in part.items()}
    if is_dataclass(part) and not isinstance(part, type):
        return type(part)(**{field.name: _like(getattr(part, field.name), columns) for field in fields(part)})
    return part


def _put(whole: Any, part: Any, columns: slice) -> None:
    if isinstance(part, np.ndarray) and part.ndim == 2:
        whole[:, columns] = part
    elif isinstance(part, dict):
        for name, value in part.items():
            _put(whole[name], value, columns)
    elif is_dataclass(part):
        for field in fields(part):
            _put(getattr(whole, field.name), getattr(part, field.name), columns)
