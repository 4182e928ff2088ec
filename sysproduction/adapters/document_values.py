"""The values that a document may hold: one check and copy for every document store, so that all of them agree."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Scalar = None | bool | int | float | str | datetime


def plain_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy of `body` in plain types: tuples become lists, datetimes UTC cut to the millisecond.

    Raises TypeError for what is neither a JSON value nor an aware datetime (NaN and integers beyond 64 bits
    included), and ValueError for a field name that is reserved or that a query could not address.
    """
    for name in body:
        _check_field(name)
    return {name: _plain(value, name) for name, value in body.items()}


def plain_query(
    equal: Mapping[str, Any] | None, between: tuple[str, Any, Any] | None
) -> tuple[dict[str, Scalar], tuple[str, Scalar, Scalar] | None]:
    """The conditions of a query in plain types; raises as `plain_body` does, and TypeError for lists and mappings."""
    conditions = {_check_field(name): plain_scalar(value, name) for name, value in (equal or {}).items()}
    if between is None:
        return conditions, None
    name, low, high = between
    return conditions, (_check_field(name), plain_scalar(low, name), plain_scalar(high, name))


def plain_scalar(value: object, where: str) -> Scalar:
    """`value` in its plain type; raises TypeError unless it is a number, text, truth value, aware datetime or None."""
    kind = type(value)
    if value is None or isinstance(value, bool) or (isinstance(value, str) and kind is str and value.isascii()):
        return value
    if isinstance(value, (list, tuple, Mapping)):
        raise TypeError(f"{where}: a query compares single values, not {type(value).__name__}")
    plain: Scalar = _plain(value, where)
    return plain


def directions(order: tuple[str, ...]) -> list[tuple[str, int]]:
    """Field and direction (1 ascends, -1 descends) of each name in `order`; raises ValueError for a bad name."""
    return [(_check_field(name.removeprefix("-")), -1 if name.startswith("-") else 1) for name in order]


def checked_key(key: str) -> str:
    """`key` itself; raises TypeError unless it is text."""
    return _text(key, "a document's key")


def checked_limit(limit: int | None) -> int | None:
    """`limit` itself; raises ValueError if it is negative."""
    if limit is not None and limit < 0:
        raise ValueError(f"limit must not be negative: {limit}")
    return limit


@lru_cache(maxsize=4096)
def _check_field(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a field's name must be text, not {name!r}")
    if name in ("", "_id", "_v") or name.startswith(("$", "-")) or "." in name or "\0" in name:
        raise ValueError(f"a field may not be called {name!r}")
    return name


def _plain(value: Any, where: str) -> Any:
    kind = type(value)
    if kind is bool or value is None or (kind is str and value.isascii()):
        return value
    if kind is dict:
        return {_inner_name(name, where): _plain(item, f"{where}.{name}") for name, item in value.items()}
    if kind is int:
        return _integer(value, where)
    match value:
        case None | bool():
            return value
        case int():
            return _integer(int(value), where)
        case float():
            return _finite(float(value), where)
        case str():
            return _text(value, where)
        case datetime():
            return _moment(value, where)
        case list() | tuple():
            return [_plain(item, f"{where}[{place}]") for place, item in enumerate(value)]
        case Mapping():
            return {_inner_name(name, where): _plain(item, f"{where}.{name}") for name, item in value.items()}
        case _:
            raise TypeError(f"{where}: a document cannot hold a {type(value).__name__}")


def _integer(value: int, where: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise TypeError(f"{where}: {value} does not fit into 64 bits")
    return value


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise TypeError(f"{where}: a document cannot hold {value}; use None for what is absent")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{where} must be text, not {type(value).__name__}")
    try:
        return value.encode().decode()
    except UnicodeEncodeError:
        raise TypeError(f"{where}: not valid text: {value!r}") from None


def _moment(value: datetime, where: str) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise TypeError(f"{where}: the datetime {value} has no zone")
    if value.tzinfo is UTC and type(value) is datetime and not value.microsecond % 1000:
        return value
    moment = value.astimezone(UTC)
    # Built anew rather than replaced: a subclass (pandas has one) would keep its own type and precision.
    kept = moment.microsecond // 1000 * 1000
    day = (moment.year, moment.month, moment.day)
    return datetime(*day, moment.hour, moment.minute, moment.second, kept, tzinfo=UTC)


def _inner_name(name: object, where: str) -> str:
    if type(name) is str and name.isidentifier() and name.isascii():
        return name
    text = _text(name, f"a field's name in {where}")
    if not text or text.startswith("$") or "\0" in text:
        raise ValueError(f"{where}: a field may not be called {text!r}")
    return text
