"""Collects what the risk gate goes by, once for many orders, and asks it; the kill switch is read for every order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from sysproduction.domain.errors import Refused
from sysproduction.domain.fills import Positions, filled, unfilled
from sysproduction.domain.gate_facts import Funds, GateFacts, GateRules, UsualLimits, WorkingLeg
from sysproduction.domain.instruments import Quote
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.orders import ROLL_STRATEGY, BrokerOrder, ContractOrder, InstrumentOrder, Leg
from sysproduction.domain.risk import judge, longest_window
from sysproduction.domain.roll_states import RollState
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.kill_switch import KillSwitch
from sysproduction.stores.order_controls import Limits, Locks, Overrides, SetOverride, applying
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.roll_states import RollStates

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GateStores:
    """Where the facts are kept."""

    stack: OrderStack
    ledger: FillLedger
    limits: Limits
    overrides: Overrides
    locks: Locks
    rolls: RollStates
    kill_switch: KillSwitch


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """What the broker and the feed say about an order's instrument; see GateFacts."""

    session_open: bool
    expiries: Mapping[str, date | None]
    quote: Quote | None
    outright: float | None
    value_per_point: float | None
    funds: Funds | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for all orders of one turn; `with_sent` keeps it up to date while they are sent one after another."""

    rules: GateRules
    usual: UsualLimits
    positions: Positions
    working: tuple[WorkingLeg, ...]
    families: Mapping[str, str]
    sent: tuple[BrokerOrder, ...]
    overrides: tuple[SetOverride, ...]
    locks: Mapping[str, tuple[str, ...]]
    roll_states: Mapping[str, RollState]


def survey(stores: GateStores, rules: GateRules, usual: UsualLimits, now: datetime) -> Surroundings:
    """Read everything once; `rules` are completed by the stored limits."""
    stored = [one.limit for one in stores.limits.all()]
    own = replace(
        rules,
        trade_limits=(*rules.trade_limits, *(one for one in stored if isinstance(one, TradeLimit))),
        position_limits=(*rules.position_limits, *(one for one in stored if isinstance(one, PositionLimit))),
    )
    live, positions = stores.stack.active_brokers(), stores.ledger.positions()
    locks: dict[str, tuple[str, ...]] = {}
    for lock in stores.locks.all():
        locks[lock.instrument] = (*locks.get(lock.instrument, ()), f"{lock.kind} by {lock.word.by}: {lock.word.why}")
    return Surroundings(
        rules=own,
        usual=usual,
        positions=positions,
        working=tuple(leg for order in live for leg in _working(stores.ledger, order)),
        families={order.parent: order.instrument_order for order in live},
        sent=tuple(stores.stack.sent_since(now - max(longest_window(own), _DAY))),
        overrides=tuple(stores.overrides.all()),
        locks=locks,
        roll_states={code: standing.state for code, standing in stores.rolls.all().items()},
    )


def with_sent(surroundings: Surroundings, order: BrokerOrder) -> Surroundings:
    """The same once this order was stored as an intent."""
    return replace(
        surroundings,
        sent=(*surroundings.sent, order),
        working=(*surroundings.working, *_legs(order, order.legs)),
        families={**surroundings.families, order.parent: order.instrument_order},
    )


def may_send(
    stores: GateStores,
    order: BrokerOrder,
    *,
    parent: ContractOrder,
    family: InstrumentOrder,
    surroundings: Surroundings,
    market: MarketFacts,
    now: datetime,
) -> Refused | None:
    """None if the intent `order`, of `parent` in `family`, may be stored and sent now; otherwise why not."""
    facts = _facts(stores, order, parent, family, surroundings, market, now)
    return judge(order, facts, rules_for(order.instrument, surroundings.rules, surroundings.usual))


def rules_for(instrument: str, rules: GateRules, usual: UsualLimits) -> GateRules:
    """The rules with the usual limits of an instrument that has none of its own for all strategies together."""
    trades, positions = rules.trade_limits, rules.position_limits
    if not any(limit.instrument == instrument and limit.strategy is None for limit in trades):
        trades = (*trades, TradeLimit(instrument, None, 1, usual.trades_per_day_max))
    if not any(limit.instrument == instrument and limit.strategy is None for limit in positions):
        positions = (*positions, PositionLimit(instrument, None, usual.position_max))
    return replace(rules, trade_limits=trades, position_limits=positions)


def _facts(
    stores: GateStores,
    order: BrokerOrder,
    parent: ContractOrder,
    family: InstrumentOrder,
    around: Surroundings,
    market: MarketFacts,
    now: datetime,
) -> GateFacts:
    is_roll = family.strategy == ROLL_STRATEGY
    relatives = [leg for leg in around.working if around.families.get(leg.parent) == family.order_id]
    return GateFacts(
        now=now,
        kill=stores.kill_switch.state(),
        session_open=market.session_open,
        expiries=market.expiries,
        quote=market.quote,
        outright=market.outright,
        value_per_point=market.value_per_point,
        funds=market.funds,
        parent_legs=parent.legs,
        parent_filled=filled(stores.ledger.seen_of(family.order_id, parent.order_id)),
        family_quantity=None if is_roll else family.quantity,
        family_filled=sum(filled(stores.ledger.seen_of(family.order_id)).values()),
        family_working=sum(leg.quantity for leg in relatives),
        positions=around.positions,
        working=tuple(leg for leg in around.working if leg.instrument == order.instrument),
        sent=around.sent,
        override=applying(list(around.overrides), order.strategy, order.instrument),
        locks=around.locks.get(order.instrument, ()),
        roll_state=around.roll_states.get(order.instrument, RollState.NO_ROLL),
    )


def _working(ledger: FillLedger, order: BrokerOrder) -> Iterable[WorkingLeg]:
    seen = ledger.seen_of(order.instrument_order)
    return _legs(order, unfilled(order.legs, [f for f in seen if f.client_order_id == order.client_order_id]))


def _legs(order: BrokerOrder, legs: Iterable[Leg]) -> list[WorkingLeg]:
    return [WorkingLeg(order.parent, order.strategy, order.instrument, leg.contract, leg.quantity) for leg in legs]
