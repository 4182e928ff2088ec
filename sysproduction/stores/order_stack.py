"""The order stacks: one collection a level; an order that is done stays where it is, as its own archive.

What each write makes true: inserting an instrument order decides a trade (its key is the decision, so it is decided
once). Storing its plan settles its children, which are inserted under keys derived from the plan: whoever was cut off
in between inserts what is missing and nothing else. Inserting a broker order allows one call to the broker, for its key
is the contract order and the attempt. Every other write compares and sets; nothing spans two documents.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from sysproduction.domain.errors import DataError
from sysproduction.domain.order_checks import malformed
from sysproduction.domain.order_states import BrokerStatus
from sysproduction.domain.orders import BrokerOrder, ContractOrder, InstrumentOrder, Outcome
from sysproduction.ports import Document, Documents
from sysproduction.stores.end_wishes import EndWishes
from sysproduction.stores.order_documents import broker_order, contract_order, instrument_order, order_body

INSTRUMENT_ORDERS: Final = "instrument_orders"
CONTRACT_ORDERS: Final = "contract_orders"
BROKER_ORDERS: Final = "broker_orders"

_O = TypeVar("_O", InstrumentOrder, ContractOrder, BrokerOrder)


@dataclass(frozen=True, slots=True)
class Malformed:
    """An instrument order that nobody can work on, and why not."""

    document: Document
    reason: str


class OrderStack:
    """Typed access to the three collections; `end_wishes` are of their orders.

    Inserts raise AlreadyExists if the order's identifier is taken, replacements raise Conflict if the stored version is
    no longer the given order's; both return the order as stored, with its version. Lists are sorted by identifier,
    broker orders by the moment of submission.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._seen: dict[str, InstrumentOrder | ContractOrder | BrokerOrder] = {}
        self.end_wishes = EndWishes(documents)
        documents.declare(INSTRUMENT_ORDERS, indexes=[("active", "strategy", "instrument"), ("completed_at",)])
        documents.declare(CONTRACT_ORDERS, indexes=[("active", "instrument"), ("parent",), ("completed_at",)])
        documents.declare(
            BROKER_ORDERS,
            indexes=[
                *(("active", "instrument"), ("parent",), ("instrument_order",), ("completed_at",)),
                *(("submitted_at",), ("instrument", "submitted_at")),
            ],
        )

    def insert_instrument(self, order: InstrumentOrder) -> InstrumentOrder:
        """Decide a trade."""
        return self._insert(INSTRUMENT_ORDERS, order.order_id, order, instrument_order)

    def get_instrument(self, order_id: str) -> InstrumentOrder | None:
        """The order, or None."""
        document = self._documents.get(INSTRUMENT_ORDERS, order_id)
        return None if document is None else self._read(document, instrument_order)

    def decided(self, order_id: str) -> InstrumentOrder | None:
        """The order as this object saw it last, else as it is: what was decided never changes."""
        seen = self._seen.get(order_id)
        return seen if isinstance(seen, InstrumentOrder) else self.get_instrument(order_id)

    def replace_instrument(self, order: InstrumentOrder) -> InstrumentOrder:
        """Store what has become of an order."""
        return self._replace(INSTRUMENT_ORDERS, order.order_id, order, instrument_order)

    def active_instruments(self, strategy: str | None = None, instrument: str | None = None) -> list[InstrumentOrder]:
        """Instrument orders that are worked on, of one strategy or instrument or of all; never a malformed one."""
        return self.sorted_out(strategy, instrument)[0]

    def ended_instruments(
        self,
        since: datetime,
        strategy: str | None = None,
        instrument: str | None = None,
        *,
        until: datetime | None = None,
    ) -> list[InstrumentOrder]:
        """Readable instrument orders that were completed at or after a moment (and before another), the last one
        first."""
        equal = _said(strategy=strategy, instrument=instrument)
        found = self._documents.find(INSTRUMENT_ORDERS, equal=equal, between=("completed_at", since, until))
        orders = self._sorted_out(document for document in found if not document.body["active"])[0]
        return sorted(orders, key=lambda order: order.completed_at or since, reverse=True)

    def contracts_since(self, since: datetime, *, until: datetime | None = None) -> list[ContractOrder]:
        """Contract orders that are worked on, or were completed at or after a moment (and before another)."""
        ended = self._documents.find(CONTRACT_ORDERS, between=("completed_at", since, until))
        return self.active_contracts() + [contract_order(one) for one in ended if not one.body["active"]]

    def sorted_out(
        self, strategy: str | None = None, instrument: str | None = None
    ) -> tuple[list[InstrumentOrder], list[Malformed]]:
        """The same, and those that nobody can work on."""
        return self._sorted_out(self._active(INSTRUMENT_ORDERS, strategy=strategy, instrument=instrument))

    def refuse(self, order: Malformed, now: datetime) -> None:
        """End a malformed instrument order as it is, with the reason. Conflict if it was changed meanwhile."""
        ended = {"active": False, "completed_at": now, "outcome": str(Outcome.REFUSED), "why": order.reason}
        body = {**order.document.body, **ended}
        self._documents.replace(INSTRUMENT_ORDERS, order.document.key, body, order.document.version)

    def has_active(self) -> bool:
        """Whether anything is worked on."""
        return self._documents.count(INSTRUMENT_ORDERS, equal={"active": True}) > 0

    def insert_contract(self, order: ContractOrder) -> ContractOrder:
        """Make a planned child."""
        return self._insert(CONTRACT_ORDERS, order.order_id, order, contract_order)

    def get_contract(self, order_id: str) -> ContractOrder | None:
        """The order, or None."""
        document = self._documents.get(CONTRACT_ORDERS, order_id)
        return None if document is None else self._read(document, contract_order)

    def replace_contract(self, order: ContractOrder) -> ContractOrder:
        """Store what has become of an order."""
        return self._replace(CONTRACT_ORDERS, order.order_id, order, contract_order)

    def active_contracts(self, strategy: str | None = None, instrument: str | None = None) -> list[ContractOrder]:
        """Contract orders that are worked on, of one strategy or instrument or of all."""
        found = self._active(CONTRACT_ORDERS, strategy=strategy, instrument=instrument)
        return [self._read(document, contract_order) for document in found]

    def contracts_of(self, instrument_order_id: str) -> list[ContractOrder]:
        """Children of an instrument order, active or not."""
        found = self._documents.find(CONTRACT_ORDERS, equal={"parent": instrument_order_id}, order=["number"])
        return [contract_order(document) for document in found]

    def insert_broker(self, order: BrokerOrder) -> BrokerOrder:
        """Store the intent to send an order: only whoever succeeds may send it."""
        return self._insert(BROKER_ORDERS, order.client_order_id, order, broker_order)

    def get_broker(self, client_order_id: str) -> BrokerOrder | None:
        """The order, or None."""
        document = self._documents.get(BROKER_ORDERS, client_order_id)
        return None if document is None else self._read(document, broker_order)

    def replace_broker(self, order: BrokerOrder) -> BrokerOrder:
        """Store what has become of an order."""
        return self._replace(BROKER_ORDERS, order.client_order_id, order, broker_order)

    def active_brokers(self, strategy: str | None = None, instrument: str | None = None) -> list[BrokerOrder]:
        """Broker orders whose end is not known, of one strategy or instrument or of all."""
        found = self._active(BROKER_ORDERS, strategy=strategy, instrument=instrument)
        return _by_submission([self._read(document, broker_order) for document in found])

    def brokers_of(self, contract_order_id: str) -> list[BrokerOrder]:
        """Attempts of a contract order, active or not, the first one first."""
        found = self._documents.find(BROKER_ORDERS, equal={"parent": contract_order_id}, order=["attempt"])
        return [broker_order(document) for document in found]

    def brokers_of_instrument(self, instrument_order_id: str) -> list[BrokerOrder]:
        """Broker orders below an instrument order, active or not."""
        found = self._documents.find(BROKER_ORDERS, equal={"instrument_order": instrument_order_id})
        return _by_submission([broker_order(document) for document in found])

    def sent_since(
        self,
        moment: datetime,
        instrument: str | None = None,
        strategy: str | None = None,
        *,
        until: datetime | None = None,
    ) -> list[BrokerOrder]:
        """Broker orders submitted at or after `moment` (and before another), whatever became of them, but for those
        that the broker has never had: what limits over a window of time count."""
        equal = _said(instrument=instrument, strategy=strategy)
        found = self._documents.find(
            BROKER_ORDERS, equal=equal, between=("submitted_at", moment, until), order=["submitted_at"]
        )
        orders = [broker_order(document) for document in found]
        return [order for order in orders if order.status is not BrokerStatus.ABSENT]

    def _sorted_out(self, documents: Iterable[Document]) -> tuple[list[InstrumentOrder], list[Malformed]]:
        orders, refused = [], []
        for document in documents:
            try:
                order = self._read(document, instrument_order)
            except DataError as error:
                refused.append(Malformed(document, str(error)))
                continue
            wrong = malformed(order, document.key)
            if wrong is None:
                orders.append(order)
            else:
                refused.append(Malformed(document, wrong.reason))
        return orders, refused

    def _insert(self, collection: str, key: str, order: _O, read: Callable[[Document], _O]) -> _O:
        return self._read(self._documents.insert(collection, key, order_body(order)), read)

    def _replace(self, collection: str, key: str, order: _O, read: Callable[[Document], _O]) -> _O:
        return self._read(self._documents.replace(collection, key, order_body(order), order.version), read)

    def _read(self, document: Document, read: Callable[[Document], _O]) -> _O:
        """The order of a document; one that is worked on is read once a version."""
        seen = self._seen.get(document.key)
        if seen is not None and seen.version == document.version:
            return cast(_O, seen)
        order = read(document)
        if order.active:
            self._seen[document.key] = order
        else:
            self._seen.pop(document.key, None)
        return order

    def _active(self, collection: str, **equal: str | None) -> list[Document]:
        return self._documents.find(collection, equal={"active": True, **_said(**equal)})


def _said(**equal: str | None) -> Mapping[str, Any]:
    return {name: value for name, value in equal.items() if value is not None}


def _by_submission(orders: list[BrokerOrder]) -> list[BrokerOrder]:
    return sorted(orders, key=lambda order: (order.submitted_at, order.parent, order.attempt))
