"""What makes two runs the same: one hash over everything that they said, in its order."""

import hashlib
from array import array
from collections.abc import Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_type_hints

from sysproduction.domain.bar_columns import BarColumns
from sysproduction.domain.events import ORDER_EVENTS, OrderEvent

OUTSIDE: Final = "ts_created_ns"
"""The one field that no two runs share."""


class RunHash:
    """SHA-256 over the columns of a run: of each symbol's bars, of each indicator, of each field of the eleven kinds of
    order events. The events' numbers are among them, and so the order across kinds. Sizes of batches do not show."""

    def __init__(self) -> None:
        self._kinds = {kind: [_Column(f"{kind.__name__}.{n}", h) for n, h in _fields(kind)] for kind in ORDER_EVENTS}
        self._bars: list[str] = []
        self._indicators: list[str] = []

    def bars(self, bars: BarColumns) -> None:
        """Take a symbol's bars, in the order of symbols."""
        self._bars.append(f"{bars.symbol} {bars.content_hash}")

    def indicator(self, strategy: str, symbol: str, name: str, values: str) -> None:
        """Take the hash of an indicator over a symbol's bars, in any order."""
        self._indicators.append(f"{strategy} {symbol} {name} {values}")

    def events(self, kind: type[OrderEvent], rows: Sequence[OrderEvent]) -> None:
        """Take events of one kind, in their order."""
        for column, values in zip(self._kinds[kind], zip(*rows, strict=True), strict=True):
            column.update(values)

    def hexdigest(self) -> str:
        """The hash of all that was taken so far."""
        told = [column.told() for columns in self._kinds.values() for column in columns]
        return hashlib.sha256("\n".join([*self._bars, *sorted(self._indicators), *told]).encode()).hexdigest()


class _Column:
    """The hash of one field: of which values there are, and of those that there are."""

    def __init__(self, name: str, hint: Any) -> None:
        kinds = [kind for kind in (get_args(hint) if isinstance(hint, UnionType) else (hint,)) if kind is not NoneType]
        self._name, self._kind = name, kinds[0]
        self._optional = len(kinds) != len(get_args(hint) or (hint,))
        self._skipped = name.endswith(f".{OUTSIDE}")
        self._known, self._values = hashlib.sha256(), hashlib.sha256()

    def update(self, values: tuple[Any, ...]) -> None:
        if self._skipped:
            return
        if self._optional:
            absent = values.count(None)
            if absent == len(values):
                self._known.update(bytes(absent))
                return
            self._known.update(bytes(value is not None for value in values))
            values = tuple(value for value in values if value is not None) if absent else values
        self._values.update(self._encoded(values))

    def _encoded(self, values: tuple[Any, ...]) -> bytes:
        if self._kind is int:
            return array("q", values).tobytes()
        if self._kind is float:
            return array("d", values).tobytes()
        if issubclass(self._kind, Enum):
            values = tuple([value._value_ for value in values])
        return ("\0".join(values) + "\0").encode()

    def told(self) -> str:
        return f"{self._name} {self._known.hexdigest()} {self._values.hexdigest()}"


def _fields(kind: type[OrderEvent]) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind)
    return [(name, hints[name]) for name in kind._fields]
