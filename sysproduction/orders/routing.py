"""Contract orders become broker orders: the one place from which anything is sent.

Intent, act, confirm: a broker order is stored as SUBMITTING, under an identifier that can exist once, before the broker
is called; what comes of the call is stored after it. Whatever a crash leaves in between is settled by asking the
broker (`orders.evidence`), never by time.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from math import gcd

from sysproduction.domain.alerts import Severity
from sysproduction.domain.broker import OrderTicket, Submitted
from sysproduction.domain.errors import AlreadyExists, Conflict, OutcomeUnknown, Refused, Unavailable
from sysproduction.domain.fills import unfilled
from sysproduction.domain.limits import trade_room
from sysproduction.domain.order_states import BrokerEvent, BrokerStatus
from sysproduction.domain.orders import AlgoState, BrokerOrder, BrokerOrderType, ContractOrder, Leg, OrderType, size_of
from sysproduction.domain.results import MethodResult
from sysproduction.orders.algos import STEPS, Amend, Cancel, Rest, Send, Task
from sysproduction.orders.cancelling import ask_again, ask_cancel
from sysproduction.orders.desk import OrderDesk
from sysproduction.orders.evidence import store_event
from sysproduction.orders.gate import Surroundings, may_send, survey, with_sent
from sysproduction.orders.quotes import Markets
from sysproduction.orders.wishes import cancel_unwanted, forget_fulfilled, wish_for
from sysproduction.stores.order_controls import Word

_ONE_AT_A_TIME = 1
_NUMBER = re.compile(r"[-+]?\d[\d,.]*")


def create_broker_orders_from_contract_orders(desk: OrderDesk, now: datetime, *, base_currency: str) -> MethodResult:
    """One step of the execution algorithm of every contract order; none of them waits for anything.

    Nothing is sent before broker, ledger and stack were compared (Memory.reconciled), once a program and again whenever
    the broker was away. Raises Unavailable, with everything as it was, when the broker cannot be reached.
    """
    with desk.reaching():
        wishes = desk.stores.stack.end_wishes.all()
        if wishes:
            cancel_unwanted(desk, wishes, now)
            forget_fulfilled(desk, wishes)
        if not desk.memory.reconciled:
            return MethodResult()
        return _step_all(desk, wishes, now, base_currency)


@dataclass
class _Turn:
    """What one turn goes by. Surroundings are read when the first order may be sent, and then kept up to date."""

    desk: OrderDesk
    markets: Markets
    now: datetime
    _around: Surroundings | None = None

    @property
    def around(self) -> Surroundings:
        """What holds for all orders of the turn."""
        if self._around is None:
            self._around = survey(self.desk.stores, self.desk.rules, self.desk.usual, self.now)
        return self._around

    def sent(self, order: BrokerOrder) -> None:
        """The intent of this order was stored."""
        self._around = with_sent(self.around, order)


def _step_all(desk: OrderDesk, wishes: Mapping[str, Word], now: datetime, base_currency: str) -> MethodResult:
    children = [child for child in desk.stores.stack.active_contracts() if wish_for(child, wishes) is None]
    if not children:
        return MethodResult()
    live = {order.parent: order for order in desk.stores.stack.active_brokers()}
    turn, sent = _Turn(desk, Markets(desk, now, base_currency), now), 0
    for child in children:
        try:
            working = live.get(child.order_id)
            sent += _begin(turn, child) if working is None else _go_on(turn, child, working)
        except Conflict:
            continue
    return MethodResult(sent, sent)


def _begin(turn: _Turn, child: ContractOrder) -> int:
    """Send the next broker order of a contract order that has none, if one may be sent now; 1 if it was."""
    stores = turn.desk.stores
    attempts = [] if child.order_id in turn.desk.memory.unsent else stores.stack.brokers_of(child.order_id)
    if any(attempt.active for attempt in attempts) or (attempts and attempts[-1].status is BrokerStatus.REJECTED):
        return 0
    around = turn.around
    legs = unfilled(child.legs, stores.ledger.seen_of(child.parent, child.order_id))
    wanted = _sized(child, legs, turn.markets, around, turn.now) if legs else ()
    if not wanted:
        return 0
    task = Task(_units(wanted), child.limit_price, live=False)
    action = STEPS[child.algo](task, child.algo_state, turn.markets.market(child.instrument, legs), turn.now)
    return _send(turn, child, len(attempts) + 1, wanted, action) if isinstance(action, Send) else 0


def _go_on(turn: _Turn, child: ContractOrder, live: BrokerOrder) -> int:
    """What the algorithm wants to be done with the broker order that is live; 1 if anything was."""
    desk, now = turn.desk, turn.now
    if live.status in (BrokerStatus.SUBMITTING, BrokerStatus.UNKNOWN):
        return 0
    if live.status is BrokerStatus.CANCELLING:
        ask_again(desk, live, now)
        return 0
    task = Task(_units(live.legs), child.limit_price, live=True)
    action = STEPS[child.algo](task, child.algo_state, turn.markets.market(child.instrument, live.legs), now)
    match action:
        case Amend():
            _amend(desk, child, live, action)
        case Cancel():
            desk.stores.stack.replace_contract(replace(child, algo_state=action.state))
            ask_cancel(desk, live, action.why, now)
        case Rest() | Send():
            return 0
    return 1


def _units(legs: tuple[Leg, ...]) -> int:
    """Of a spread, how many of it, with the sign of the first leg."""
    return gcd(*(leg.quantity for leg in legs)) * (1 if legs[0].quantity > 0 else -1)


def _sized(
    child: ContractOrder, legs: tuple[Leg, ...], markets: Markets, around: Surroundings, now: datetime
) -> tuple[Leg, ...]:
    """What the next broker order should have: no more than limits on trades leave, than one order may have, and, but
    for limit orders, than stands on the passive side; of `best`, one at a time. Empty: nothing now."""
    units = abs(_units(legs))
    size = size_of(legs) // units
    room = trade_room(
        around.rules.trade_limits, around.sent, instrument=child.instrument, strategy=child.strategy, now=now
    )
    most = min(units, around.rules.size_max // size if size else units)
    if room is not None:
        most = min(most, room // size)
    if child.order_type is not OrderType.LIMIT:
        quote = markets.quote(child.instrument, legs)
        if quote is None:
            return legs if most == units else ()
        most = min(most, quote.bid_size if legs[0].quantity > 0 else quote.ask_size)
        if child.algo == "best":
            most = min(most, _ONE_AT_A_TIME)
    return tuple(Leg(leg.contract, leg.quantity // units * most) for leg in legs) if most > 0 else ()


def _send(turn: _Turn, child: ContractOrder, attempt: int, legs: tuple[Leg, ...], action: Send) -> int:
    """Ask the gate, store the intent, call the broker; 1 if the intent was stored."""
    desk, now = turn.desk, turn.now
    family = desk.stores.stack.decided(child.parent)
    if family is None:
        return 0
    facts = turn.markets.facts(child.instrument, legs)
    order = BrokerOrder(
        parent=child.order_id,
        attempt=attempt,
        instrument_order=child.parent,
        strategy=child.strategy,
        instrument=child.instrument,
        legs=legs,
        order_type=action.order_type,
        submitted_at=now,
        limit_price=action.limit_price,
        bid=facts.quote.bid if facts.quote else None,
        ask=facts.quote.ask if facts.quote else None,
        why=action.why,
    )
    refused = may_send(desk.stores, order, parent=child, family=family, surroundings=turn.around, market=facts, now=now)
    if refused is not None:
        _say_refused(desk, child, refused, now, is_news=facts.session_open)
        return 0
    desk.memory.unsent.discard(child.order_id)
    try:
        stored = desk.stores.stack.insert_broker(order)
    except AlreadyExists:
        return 0
    turn.sent(stored)
    desk.memory.intents.add(stored.client_order_id)
    _remember(desk, child, action.state)
    with suppress(Conflict):  # somebody else learnt first what came of it
        _submit(desk, stored, now)
    return 1


def _remember(desk: OrderDesk, child: ContractOrder, state: AlgoState) -> None:
    desk.stores.stack.replace_contract(replace(child, algo_state=state))
    desk.memory.told.pop(child.order_id, None)


def _submit(desk: OrderDesk, order: BrokerOrder, now: datetime) -> None:
    """Call the broker, once, for an intent that is stored; store what came of it."""
    ticket = OrderTicket(
        client_order_id=order.client_order_id,
        instrument=order.instrument,
        legs=order.legs,
        order_type=order.order_type,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
    )
    try:
        answer = desk.broker.submit(ticket)
    except OutcomeUnknown as error:
        store_event(desk, order, BrokerEvent.OUTCOME_LOST, now, why=str(error))
        return
    except Unavailable as error:
        store_event(desk, order, BrokerEvent.ABSENT, now, why=str(error))
        raise
    if isinstance(answer, Submitted):
        store_event(desk, order, BrokerEvent.ACKNOWLEDGED, now, broker_id=answer.broker_id)
        return
    store_event(desk, order, BrokerEvent.REJECTED, now, why=answer.reason)


def _amend(desk: OrderDesk, child: ContractOrder, live: BrokerOrder, action: Amend) -> None:
    if live.order_type is not BrokerOrderType.LIMIT:
        return
    try:
        answer = desk.broker.modify(live.client_order_id, action.limit_price)
    except OutcomeUnknown:
        return  # the same limit again does no harm
    if answer is None:
        desk.stores.stack.replace_contract(replace(child, algo_state=action.state))


def _say_refused(desk: OrderDesk, child: ContractOrder, refused: Refused, now: datetime, *, is_news: bool) -> None:
    """Once an order and kind of reason: to the log of decisions, and to a human if a market's hours are not all."""
    kind = _NUMBER.sub("", refused.reason)
    if desk.memory.told.get(child.order_id) == kind:
        return
    desk.memory.told[child.order_id] = kind
    desk.note("held back", child.order_id, now, refused.reason)
    if is_news:
        desk.tell(
            f"held/{child.instrument}",
            f"{child.instrument}: the risk gate holds an order back",
            refused.reason,
            Severity.WARNING,
        )
