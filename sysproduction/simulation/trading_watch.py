"""What must hold on a trading day, looked at from outside at every write, every submission and every execution.

The watch sees what the programs store, and what truly happens at the exchange, which no program sees whole. Rules:

- T1 no broker order without a stored intent, and none is submitted twice;
- T2 at most one live broker order for a contract order;
- T3 children sum to their parents, and are what the stored plan says;
- T4 what is filled never exceeds the contract order, nor the instrument order;
- T5 nothing is sent against the kill switch, a lock, a limit, an override, a closed market or a missing price, nor
  after the broker was away without a comparison of positions;
- T6 the stored status of a broker order is what the exchange has shown: nothing ends by time alone, and no order ends
  while one of its broker orders can still be filled;
- T7 fills are the exchange's executions, each once, for the strategy that wanted them;
- T8 no lock is lost, no decision is changed or lost, each audit entry follows the one before it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sysproduction.domain.broker import Execution, OrderTicket, ReportedStatus
from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.exchange.core import Changes
from sysproduction.exchange.values import Order
from sysproduction.ports import Document, Documents
from sysproduction.simulation.trading_restraints import Restraints
from sysproduction.stores.audit import COLLECTION as AUDIT
from sysproduction.stores.fills import COLLECTION as FILLS
from sysproduction.stores.order_controls import LOCKS
from sysproduction.stores.order_stack import BROKER_ORDERS, CONTRACT_ORDERS, INSTRUMENT_ORDERS

if TYPE_CHECKING:
    from sysproduction.simulation.trading_ports import Context

Body = Mapping[str, Any]
Key = tuple[str, str]
FOREIGN: Final = "foreign"
OPERATOR: Final = "operator"
_STARTED: Final = frozenset(ReportedStatus) - {ReportedStatus.REJECTED}
_SHOWS: Final = {
    "working": _STARTED,
    "cancelling": _STARTED,
    "filled": {ReportedStatus.FILLED},
    "cancelled": {ReportedStatus.CANCELLED, ReportedStatus.FILLED},  # filled, and an execution was taken back
    "rejected": {ReportedStatus.REJECTED},
    "expired": {ReportedStatus.EXPIRED},
}
"""By stored status, what the exchange may have it as."""


@dataclass
class Watch:
    """Mirrors of the store (by key) and of the exchange; `violations` grow."""

    documents: Documents
    restraints: Restraints
    under_way: Callable[[], set[str]]
    say: Callable[[str], None]
    violations: list[str] = field(default_factory=list)
    instruments: dict[str, Body] = field(default_factory=dict)
    contracts: dict[str, Body] = field(default_factory=dict)
    intents: dict[str, Body] = field(default_factory=dict)
    fills: dict[str, Body] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    submitted: set[str] = field(default_factory=set)
    foreign: Counter[Key] = field(default_factory=Counter)
    busy: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    _done: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _live: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _chains: dict[str, tuple[int, str]] = field(default_factory=dict)

    def wrong(self, rule: str, text: str) -> None:
        """A rule is broken."""
        self.violations.append(f"{rule}: {text}")
        self.say(f"VIOLATION {rule}: {text}")

    def wrote(self, who: str, collection: str, document: Document) -> None:
        """A program inserted or replaced a document."""
        look = _LOOKS.get(collection)
        if look is not None:
            look(self, who, document.key, document.body)

    def deleted(self, who: str, collection: str, key: str) -> None:
        """A program deleted a document."""
        if collection == LOCKS:
            self._unlocked(who, key)
        elif collection in (INSTRUMENT_ORDERS, CONTRACT_ORDERS, BROKER_ORDERS, FILLS, AUDIT):
            self.wrong("T8", f"{who} deletes {key} of {collection}")

    def submitting(self, context: "Context", ticket: OrderTicket) -> None:
        """A program calls the broker."""
        key = ticket.client_order_id
        stored = self.documents.get(BROKER_ORDERS, key)
        intent = None if stored is None else stored.body
        if intent is None or intent["status"] != "submitting":
            status = "not stored" if intent is None else intent["status"]
            self.wrong("T1", f"{context.name} submits {key}, whose intent is {status}")
        if key in self.submitted:
            self.wrong("T1", f"{context.name} submits {key} a second time")
        self.submitted.add(key)
        legs = ", ".join(f"{leg.quantity:+d} {leg.contract}" for leg in ticket.legs)
        self.say(f"{context.name} submits {key} {ticket.instrument} {legs} {ticket.order_type} {ticket.limit_price}")
        if intent is not None:
            for reason in self.restraints.broken(context, ticket, intent, self):
                self.wrong("T5", f"{context.name} submits {key} {reason}")

    def happened(self, changes: Changes) -> None:
        """Orders and executions changed at the exchange."""
        for order in changes.orders:
            self._order_changed(order)
        for recorded in changes.executions:
            self._executed(recorded.execution)

    def positions(self) -> tuple[Counter[Key], Counter[Key]]:
        """What the recorded fills add up to, by strategy and instrument, and by instrument and contract."""
        strategies: Counter[Key] = Counter()
        contracts: Counter[Key] = Counter()
        for body in self.fills.values():
            strategies[body["strategy"], body["instrument"]] += body["quantity"]
            contracts[body["instrument"], body["contract"]] += body["quantity"]
        return strategies, contracts

    def live_of(self, contract_order: str) -> list[str]:
        """Broker orders of a contract order that may still be filled."""
        return sorted(self._live[contract_order])

    def _order_changed(self, order: Order) -> None:
        key = order.ticket.client_order_id
        known = self.orders.get(key)
        self.orders[key] = order
        if key.startswith(FOREIGN):
            return
        intent = self.intents.get(key)
        if intent is None:
            self.wrong("T1", f"the exchange has {key}, of which nothing is stored")
            return
        live = self._live[intent["parent"]]
        if order.status is ReportedStatus.WORKING:
            live.add(key)
            if len(live) > 1:
                self.wrong("T2", f"{', '.join(sorted(live))} of {intent['parent']} are live")
        else:
            live.discard(key)
        if known is None or order.status is not ReportedStatus.WORKING:
            self.say(f"exchange: {key} is {order.status} {order.why}".rstrip())

    def _executed(self, execution: Execution) -> None:
        before = self.executions.get(execution.execution_id)
        self.executions[execution.execution_id] = execution
        change = execution.quantity - (before.quantity if before else 0)
        self.say(
            f"exchange: {execution.execution_id}#{execution.revision} {execution.quantity:+d} "
            f"{execution.instrument} {execution.contract} at {execution.price:g} of {execution.client_order_id}"
        )
        key = execution.client_order_id or ""
        if key.startswith(FOREIGN):
            self.foreign[execution.instrument, execution.contract] += change
            return
        intent = self.intents.get(key)
        if intent is None:
            return
        done = self._done[intent["parent"]]
        done[execution.contract] += change
        if not execution.revision:
            self._within_limit(intent, execution)
        if change * execution.quantity > 0:
            self._not_too_much(intent, execution.contract, done[execution.contract])

    def _within_limit(self, intent: Body, execution: Execution) -> None:
        parent = self.contracts.get(intent["parent"])
        if parent is None or parent["limit_price"] is None:
            return
        limit, price = parent["limit_price"], execution.price
        if price > limit if execution.quantity > 0 else price < limit:
            self.wrong("T4", f"{intent['parent']} trades at {price:g}, beyond its limit of {limit:g}")

    def _not_too_much(self, intent: Body, contract: str, done: int) -> None:
        parent = self.contracts.get(intent["parent"])
        wanted = 0 if parent is None else sum(leg["quantity"] for leg in parent["legs"] if leg["contract"] == contract)
        if exceeds(done, wanted):
            self.wrong("T4", f"{intent['parent']}: {done:+d} of {wanted:+d} are filled in {contract}")
        family = self.instruments.get(intent["instrument_order"])
        if family is None or family["strategy"] == ROLL_STRATEGY or not family["plan"]:
            return
        numbers = [f"{intent['instrument_order']}/{child['number']}" for child in family["plan"]]
        total = sum(sum(self._done[number].values()) for number in numbers if number in self._done)
        if exceeds(total, family["quantity"]):
            self.wrong("T4", f"{intent['instrument_order']}: {total:+d} of {family['quantity']:+d} are filled")

    def _instrument_order(self, who: str, key: str, body: Body) -> None:
        before = self.instruments.get(key)
        self._not_again(who, key, before, body)
        self.instruments[key] = body
        self._count(key, body)
        if before is None:
            self.say(f"{who}: {key} {body['quantity']:+d} {body['order_type']}")
        elif before["quantity"] != body["quantity"] or (before["plan"] or body["plan"]) != body["plan"]:
            self.wrong("T8", f"{who} changes what {key} wants")
        if body["plan"] and (before is None or not before["plan"]):
            self._planned(key, body)
        if not body["active"]:
            self._ended(who, key, body, [f"{key}/{child['number']}" for child in body["plan"] or ()])

    def _not_again(self, who: str, key: str, before: Body | None, body: Body) -> None:
        if before is not None and body["active"] and not before["active"]:
            self.wrong("T8", f"{who} works on {key} again, which had ended")

    def _planned(self, key: str, body: Body) -> None:
        """A roll nets to nothing, any other order to no more than it wants."""
        net = sum(leg["quantity"] for child in body["plan"] for leg in child["legs"])
        self.say(f"planned {key}: {[(leg['contract'], leg['quantity']) for c in body['plan'] for leg in c['legs']]}")
        if exceeds(net, body["quantity"]) or (body["quantity"] and not net):
            self.wrong("T3", f"the children of {key} sum to {net:+d} of {body['quantity']:+d}")

    def _contract_order(self, who: str, key: str, body: Body) -> None:
        before = self.contracts.get(key)
        is_new = before is None
        self._not_again(who, key, before, body)
        self.contracts[key] = body
        self._count(key, body)
        if is_new:
            parent = self.instruments.get(body["parent"])
            planned = {child["number"]: child["legs"] for child in (parent["plan"] or () if parent else ())}
            if planned.get(body["number"]) != body["legs"]:
                self.wrong("T3", f"{who} makes {key}, which is not what its parent's plan says")
        if not body["active"]:
            self._ended(who, key, body, [key])

    def _ended(self, who: str, key: str, body: Body, children: list[str]) -> None:
        self.say(f"{who}: {key} ends {body['outcome']} {body['why']}".rstrip())
        live = [live for child in children for live in self.live_of(child)]
        live += [one for one in self.under_way() if one in self.intents and self.intents[one]["parent"] in children]
        if live:
            self.wrong("T6", f"{who} ends {key} while {', '.join(live)} can still be filled")
        if body["outcome"] == "filled" and key in self.contracts:
            known = self.known(key)
            if any(abs(known[leg["contract"]]) < abs(leg["quantity"]) for leg in body["legs"]):
                self.wrong("T6", f"{who} ends {key} as filled, and of {body['legs']} the ledger has {dict(known)}")

    def known(self, contract_order: str) -> Counter[str]:
        """What the ledger has of a contract order."""
        known: Counter[str] = Counter()
        for body in self.fills.values():
            if body["contract_order"] == contract_order:
                known[body["contract"]] += body["quantity"]
        return known

    def _broker_order(self, who: str, key: str, body: Body) -> None:
        before = self.intents.get(key)
        self.intents[key] = body
        self._count(key, body)
        if before is None:
            parent = self.contracts.get(body["parent"])
            wanted = {leg["contract"]: leg["quantity"] for leg in (parent["legs"] if parent else ())}
            if any(exceeds(leg["quantity"], wanted.get(leg["contract"], 0)) for leg in body["legs"]):
                self.wrong("T3", f"{who} makes {key} of {body['parent']}, which does not want that")
        if before is None or before["status"] != body["status"]:
            self.say(f"{who}: {key} is {body['status']} {body['why']}".rstrip())
            self._shown(who, key, body["status"])
        if body["status"] == "unknown":
            self.unknown.add(key)

    def _shown(self, who: str, key: str, status: str) -> None:
        """Whether the exchange has shown what is stored."""
        order = self.orders.get(key)
        if status in ("submitting", "unknown"):
            return
        if status == "absent":
            if order is not None or key in self.under_way():
                self.wrong("T6", f"{who} takes {key} for absent, which the exchange has or will have")
        elif order is None:
            self.wrong("T6", f"{who} takes {key} for {status}, and the exchange has never had it")
        elif order.status not in _SHOWS[status]:
            self.wrong("T6", f"{who} takes {key} for {status}, and it is {order.status}")

    def _fill(self, who: str, key: str, body: Body) -> None:
        execution = self.executions.get(body["execution_id"])
        intent = self.intents.get(body["client_order_id"] or "")
        if execution is None or execution.client_order_id != body["client_order_id"] or intent is None:
            self.wrong("T7", f"{who} records the fill {key}, which is no execution of an order of ours")
            return
        if body["revision"] > execution.revision or (
            body["revision"] == execution.revision and body["quantity"] != execution.quantity
        ):
            self.wrong("T7", f"{who} records {body['quantity']:+d} as {key}: it was {execution.quantity:+d}")
        if (body["strategy"], body["contract"]) != (intent["strategy"], execution.contract):
            self.wrong("T7", f"{who} records {key} for {body['strategy']} in {body['contract']}")
        known = self.fills.get(body["execution_id"])
        if known is None or known["revision"] < body["revision"]:
            self.fills[body["execution_id"]] = body

    def _audit(self, who: str, key: str, body: Body) -> None:
        number, digest = self._chains.get(body["chain"], (0, ""))
        if body["number"] != number + 1 or body["previous"] != digest:
            self.wrong("T8", f"{who}: audit entry {key} does not follow the one before it")
        self._chains[body["chain"]] = (body["number"], body["hash"])

    def _unlocked(self, who: str, key: str) -> None:
        instrument, _, kind = key.partition("/")
        self.say(f"{who} unlocks {key}")
        if kind == "manual" and who != OPERATOR:
            self.wrong("T8", f"{who} takes away the manual lock of {instrument}")
        if kind == "break" and any(self.foreign[one] for one in self.foreign if one[0] == instrument):
            self.wrong("T8", f"{who} takes away the break lock of {instrument}, whose break is still there")

    def _count(self, key: str, body: Body) -> None:
        if body["active"]:
            self.busy.add(key)
        else:
            self.busy.discard(key)


def exceeds(part: int, whole: int) -> bool:
    """Whether `part` is not between nothing and `whole`."""
    return abs(part) > abs(whole) or part * whole < 0


_LOOKS: Final[Mapping[str, Callable[[Watch, str, str, Body], None]]] = {
    INSTRUMENT_ORDERS: Watch._instrument_order,
    CONTRACT_ORDERS: Watch._contract_order,
    BROKER_ORDERS: Watch._broker_order,
    FILLS: Watch._fill,
    AUDIT: Watch._audit,
}
