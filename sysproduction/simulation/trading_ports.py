"""Store and broker as one simulated program sees them: every write and call is an occasion for a fault."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

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
from sysproduction.domain.errors import Refused, Unavailable
from sysproduction.domain.instruments import Quote
from sysproduction.ports import Document, Documents
from sysproduction.simulation.faults import ProgramDied
from sysproduction.simulation.trading_armed import Armed
from sysproduction.simulation.trading_faults import Point, TradingFault
from sysproduction.simulation.trading_venue import Venue
from sysproduction.simulation.trading_watch import Watch
from sysproduction.stores.order_stack import BROKER_ORDERS

_T = TypeVar("_T")
_F: Final = TradingFault


@dataclass
class Context:
    """One program under simulation. `interrupted`: another one worked during its present step; `spared`: the switch
    was set to HALT after it had asked the gate; `lost_broker`: it has not compared positions since it was away."""

    name: str
    documents: Documents
    armed: Armed
    watch: Watch
    interlude: Callable[["Context"], None]
    halt: Callable[[], None]
    interrupted: bool = False
    spared: bool = False
    lost_broker: bool = False

    def strike(self, fault: TradingFault) -> None:
        """Do what is due before or after a write or a call."""
        self.armed.struck(fault, self.name)
        match fault:
            case _F.STORE_REFUSES_WRITE | _F.STORE_LOSES_ANSWER:
                raise Unavailable(f"the store: {fault}")
            case _F.INTERLEAVED_WRITE | _F.INTERLEAVED_CALL | _F.INTERLEAVED_ANSWER:
                self.interrupted = True
                self.interlude(self)
            case _F.HALT_BEFORE_INTENT:
                self.spared = True
                self.halt()
            case _:
                raise ProgramDied


class ProgramStore:
    """The Documents port on the store that all programs share."""

    def __init__(self, context: Context) -> None:
        self._context, self._inner, self._armed = context, context.documents, context.armed

    def declare(self, collection: str, **indexes: Any) -> None:
        """As the port."""
        self._there()
        self._inner.declare(collection, **indexes)

    def get(self, collection: str, key: str) -> Document | None:
        """As the port."""
        self._there()
        return self._inner.get(collection, key)

    def find(self, collection: str, **query: Any) -> list[Document]:
        """As the port."""
        self._there()
        return self._inner.find(collection, **query)

    def count(self, collection: str, **query: Any) -> int:
        """As the port."""
        self._there()
        return self._inner.count(collection, **query)

    def insert(self, collection: str, key: str, body: Mapping[str, Any]) -> Document:
        """As the port."""
        self._before(collection, key, is_new=True)
        document = self._inner.insert(collection, key, body)
        self._context.watch.wrote(self._context.name, collection, document)
        self._after()
        return document

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        """As the port."""
        self._before(collection, key)
        document = self._inner.replace(collection, key, body, version)
        self._context.watch.wrote(self._context.name, collection, document)
        self._after()
        return document

    def delete(self, collection: str, key: str, version: int) -> None:
        """As the port."""
        self._before(collection, key)
        self._inner.delete(collection, key, version)
        self._context.watch.deleted(self._context.name, collection, key)
        self._after()

    def close(self) -> None:
        """As the port."""

    def _there(self) -> None:
        if self._armed.store_is_away:
            raise Unavailable("no answer from the store")

    def _before(self, collection: str, key: str, *, is_new: bool = False) -> None:
        self._there()
        fault = self._armed.due(Point.WRITE)
        if fault is None:
            return
        if (fault is _F.WRITE_CONFLICT and is_new) or (
            fault is _F.HALT_BEFORE_INTENT and (not is_new or collection != BROKER_ORDERS)
        ):
            self._armed.arm(fault, 0)
        elif fault is _F.WRITE_CONFLICT:
            self._touch(collection, key)
        else:
            self._context.strike(fault)

    def _after(self) -> None:
        fault = self._armed.due(Point.WRITTEN)
        if fault is not None:
            self._context.strike(fault)

    def _touch(self, collection: str, key: str) -> None:
        """Somebody else writes the same document first."""
        stored = self._inner.get(collection, key)
        if stored is not None:
            self._armed.struck(_F.WRITE_CONFLICT, f"{self._context.name}: {key}")
            self._inner.replace(collection, key, stored.body, stored.version)


class ProgramBroker:
    """The Broker port on the venue that all programs share."""

    def __init__(self, context: Context, venue: Venue) -> None:
        self._context, self._venue, self._armed = context, venue, context.armed

    def submit(self, ticket: OrderTicket) -> Submitted | Refused:
        """As the port."""
        self._about_to_call()
        context = self._context
        context.watch.submitting(context, ticket)
        fault = self._armed.due(Point.SUBMIT)
        answer = self._told(lambda: self._venue.submit(ticket, fault))
        self._called()
        return answer

    def cancel(self, client_order_id: str) -> Refused | None:
        """As the port."""
        self._about_to_call()
        fault = self._armed.due(Point.CANCEL)
        answer = self._told(lambda: self._venue.cancel(client_order_id, fault))
        self._called()
        return answer

    def modify(self, client_order_id: str, limit_price: float) -> Refused | None:
        """As the port."""
        self._about_to_call()
        fault = self._armed.due(Point.MODIFY)
        answer = self._told(lambda: self._venue.modify(client_order_id, limit_price, fault))
        self._called()
        return answer

    def find(self, client_order_id: str) -> OrderReport | None:
        """As the port."""
        return self._told(lambda: self._venue.find(client_order_id))

    def open_orders(self) -> Sequence[OpenOrder]:
        """As the port."""
        return self._told(self._venue.open_orders)

    def executions(self, since: datetime) -> Sequence[Execution]:
        """As the port."""
        fault = self._armed.due(Point.EXECUTIONS)
        return self._told(lambda: self._venue.executions(since, fault))

    def positions(self) -> Sequence[BrokerPosition]:
        """As the port."""
        held = self._told(self._venue.positions)
        self._context.lost_broker = False
        return held

    def account(self) -> Account:
        """As the port."""
        return self._told(self._venue.broker.account)

    def contract_details(self, instrument: str, contract: str) -> ContractDetails | None:
        """As the port."""
        return self._told(lambda: self._venue.broker.contract_details(instrument, contract))

    def quote(self, instrument: str, contract: str) -> Quote | None:
        """As the port."""
        return self._told(lambda: self._venue.broker.quote(instrument, contract))

    def _told(self, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except Unavailable:
            self._context.lost_broker = True
            raise

    def _about_to_call(self) -> None:
        fault = self._armed.due(Point.CALL)
        if fault is not None:
            self._context.strike(fault)

    def _called(self) -> None:
        fault = self._armed.due(Point.CALLED)
        if fault is not None:
            self._context.strike(fault)
