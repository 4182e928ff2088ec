"""Terms of orders in the plain kinds that events have, whatever a strategy writes them in: 2.0 is no whole number, but
NumPy's 2 is, and "BUY" is a side."""

from enum import StrEnum
from operator import index
from typing import Any, SupportsFloat, TypeVar

from sysproduction.domain.errors import ConfigError

Word = TypeVar("Word", bound=StrEnum)


def whole(name: str, value: Any) -> int:
    """The value as an int; ConfigError if it is not a whole number."""
    try:
        return index(value)
    except TypeError:
        raise ConfigError(f"an order's {name} is {value!r}: it must be a whole number, such as int(…) gives") from None


def price(name: str, value: Any) -> float:
    """The value as a float; ConfigError if it is not a number."""
    if not isinstance(value, SupportsFloat):
        raise ConfigError(f"an order's {name} is {value!r}: it must be a number")
    return float(value)


def word(kind: type[Word], value: Any) -> Word:
    """The value as a word of that kind; ConfigError if there is none."""
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(f"{value!r} is no {kind.__name__}; there are: {', '.join(kind)}") from None


def text(name: str, value: Any) -> str:
    """The value, which is a text; else ConfigError."""
    if not isinstance(value, str):
        raise ConfigError(f"an order's {name} is {value!r}: it must be a text")
    return str(value)
