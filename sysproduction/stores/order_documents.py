"""Orders as documents and back: the body holds every field but the version, which the store keeps."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from sysproduction.domain.errors import DataError
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import (
    AlgoPhase,
    AlgoState,
    BrokerOrder,
    BrokerOrderType,
    ContractOrder,
    InstrumentOrder,
    Leg,
    OrderType,
    Outcome,
    PlannedChild,
    Reference,
)
from sysproduction.ports import Document

Order = InstrumentOrder | ContractOrder | BrokerOrder

_FIELDS: Final = {
    kind: tuple(field.name for field in fields(kind) if field.name != "version")
    for kind in (InstrumentOrder, ContractOrder, BrokerOrder, PlannedChild, Leg, Reference, AlgoState)
}


def order_body(order: Order) -> dict[str, Any]:
    """What is stored of an order."""
    return _body(order)


def instrument_order(document: Document) -> InstrumentOrder:
    """The stored instrument order; DataError if the document is none."""
    body = dict(document.body)
    try:
        plan = body["plan"]
        body["plan"] = None if plan is None else tuple(_planned(child) for child in plan)
        return InstrumentOrder(**_read(body), version=document.version)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"instrument order {document.key} cannot be read: {error!r}") from error


def contract_order(document: Document) -> ContractOrder:
    """The stored contract order."""
    body = dict(document.body)
    state = body["algo_state"]
    body["algo_state"] = None if state is None else AlgoState(**{**state, "phase": AlgoPhase(state["phase"])})
    return ContractOrder(**_read(body), version=document.version)


def broker_order(document: Document) -> BrokerOrder:
    """The stored broker order."""
    body = dict(document.body)
    body["legs"] = _legs(body["legs"])
    body["order_type"] = BrokerOrderType(body["order_type"])
    body["status"] = BrokerStatus(body["status"])
    return BrokerOrder(**body, version=document.version)


def _body(value: Any) -> dict[str, Any]:
    return {name: _stored(getattr(value, name)) for name in _FIELDS[type(value)]}


def _stored(value: Any) -> Any:
    if type(value) in _FIELDS:
        return _body(value)
    return [_body(item) for item in value] if isinstance(value, tuple) else value


def _read(body: dict[str, Any]) -> dict[str, Any]:
    if "legs" in body:
        body["legs"] = _legs(body["legs"])
    if body.get("outcome"):
        body["outcome"] = Outcome(body["outcome"])
    if body["reference"]:
        body["reference"] = Reference(**body["reference"])
    body["order_type"] = OrderType(body["order_type"])
    return body


def _planned(body: Mapping[str, Any]) -> PlannedChild:
    return PlannedChild(**_read(dict(body)))


def _legs(stored: list[Mapping[str, Any]]) -> tuple[Leg, ...]:
    return tuple(Leg(**leg) for leg in stored)
