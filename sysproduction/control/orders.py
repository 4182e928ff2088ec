"""Orders, fills and positions as an operator sees them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sysproduction.domain.fills import Fill, Positions, latest
from sysproduction.domain.orders import BrokerOrder, ContractOrder, InstrumentOrder, Leg
from sysproduction.stores.order_stack import OrderStack

Row = dict[str, Any]


def order_rows(stack: OrderStack, strategy: str | None = None, instrument: str | None = None) -> list[Row]:
    """Orders that are worked on, each followed by those below it."""
    children = stack.active_contracts(strategy, instrument)
    sent = stack.active_brokers(strategy, instrument)
    rows: list[Row] = []
    for order in stack.active_instruments(strategy, instrument):
        rows.append(_instrument_row(order))
        for child in (child for child in children if child.parent == order.order_id):
            rows.append(_contract_row(child))
            rows += [_broker_row(attempt) for attempt in sent if attempt.parent == child.order_id]
    shown = {row["order_id"] for row in rows}
    strays = [_contract_row(child) for child in children] + [_broker_row(order) for order in sent]
    return rows + [row for row in strays if row["order_id"] not in shown]


def ended_rows(
    stack: OrderStack, since: datetime, strategy: str | None = None, instrument: str | None = None
) -> list[Row]:
    """Instrument orders completed at or after `since`, the last one first, each followed by those below it."""
    rows: list[Row] = []
    for order in stack.ended_instruments(since, strategy, instrument):
        rows.append(_instrument_row(order))
        for child in stack.contracts_of(order.order_id):
            rows.append(_contract_row(child))
            rows += [_broker_row(attempt) for attempt in stack.brokers_of(child.order_id)]
    return rows


def position_rows(held: Positions) -> list[Row]:
    """Both position tables: by strategy, then by contract."""
    by_strategy = [
        {"of": "strategy", "instrument": instrument, "strategy": strategy, "contract": None, "quantity": quantity}
        for (strategy, instrument), quantity in held.strategies.items()
    ]
    by_contract = [
        {"of": "contract", "instrument": instrument, "strategy": None, "contract": contract, "quantity": quantity}
        for (instrument, contract), quantity in held.contracts.items()
    ]
    return by_strategy + by_contract


def fill_rows(fills: Sequence[Fill]) -> list[Row]:
    """Fills that count, by time of execution."""
    return [_fill_row(fill) for fill in sorted(latest(fills), key=lambda fill: (fill.at, fill.sequence))]


def _fill_row(fill: Fill) -> Row:
    row = asdict(fill)
    return {name: row[name] for name in ("at", "strategy", "instrument", "contract", "quantity", "price")} | row


def _instrument_row(order: InstrumentOrder) -> Row:
    state = str(order.outcome) if not order.active else "new" if order.plan is None else "spawned"
    trade = f"{order.quantity:+d}"
    return _row("instrument", order.order_id, order, trade, order.limit_price, state, order.generated_at)


def _contract_row(order: ContractOrder) -> Row:
    state = "active" if order.active else str(order.outcome)
    return _row("contract", order.order_id, order, _trade(order.legs), order.limit_price, state, order.generated_at)


def _broker_row(order: BrokerOrder) -> Row:
    identifier, trade = order.client_order_id, _trade(order.legs)
    return _row("broker", identifier, order, trade, order.limit_price, str(order.status), order.submitted_at)


def _row(
    level: str,
    order_id: str,
    order: InstrumentOrder | ContractOrder | BrokerOrder,
    trade: str,
    limit_price: float | None,
    state: str,
    since: datetime | None,
) -> Row:
    kind = {"level": level, "order_id": order_id, "strategy": order.strategy, "instrument": order.instrument}
    how = {"trade": trade, "type": str(order.order_type), "limit_price": limit_price, "state": state}
    return {**kind, **how, "since": since, "why": order.why}


def _trade(legs: Sequence[Leg]) -> str:
    return ", ".join(f"{leg.quantity:+d} {leg.contract}" for leg in legs)
