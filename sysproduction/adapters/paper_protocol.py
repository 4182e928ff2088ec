"""How a paper exchange is spoken to: one JSON object a line, each request with an id that its answer repeats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from sysproduction.domain.broker import (
    Account,
    BrokerPosition,
    ContractDetails,
    Execution,
    OpenOrder,
    OrderReport,
    OrderTicket,
    Submitted,
)
from sysproduction.domain.errors import Refused
from sysproduction.domain.instruments import Quote

LINE_BYTES_MAX: Final = 1 << 24
"""Of an answer; a request may have a hundredth of it."""

REQUEST_BYTES_MAX: Final = LINE_BYTES_MAX // 100


@dataclass(frozen=True, slots=True)
class Call:
    """The types of a method's arguments, and of its answer."""

    arguments: tuple[TypeAdapter[Any], ...]
    answer: TypeAdapter[Any]


def _call(answer: Any, *arguments: Any) -> Call:
    return Call(tuple(TypeAdapter(one) for one in arguments), TypeAdapter(answer))


CALLS: Final[dict[str, Call]] = {
    "submit": _call(Submitted | Refused, OrderTicket),
    "cancel": _call(Refused | None, str),
    "modify": _call(Refused | None, str, float),
    "find": _call(OrderReport | None, str),
    "open_orders": _call(list[OpenOrder]),
    "executions": _call(list[Execution], datetime),
    "positions": _call(list[BrokerPosition]),
    "account": _call(Account),
    "contract_details": _call(ContractDetails | None, str, str),
    "quote": _call(Quote | None, str, str),
    "faults": _call(dict[str, int]),
}
CHANGING: Final = frozenset({"submit", "cancel", "modify"})
"""Calls of which it matters whether they arrived."""


def answered(method: Callable[..., Any], call: Call, arguments: Sequence[Any]) -> Any:
    """The method's answer to arguments as they came over the wire; ValueError if they do not fit."""
    if len(arguments) != len(call.arguments):
        raise ValueError(f"{len(call.arguments)} arguments are needed, {len(arguments)} came")
    values = [one.validate_python(argument) for one, argument in zip(call.arguments, arguments, strict=True)]
    found = method(*values)
    return call.answer.dump_python(list(found) if isinstance(found, list | tuple) else found, mode="json")
