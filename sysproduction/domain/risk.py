"""The risk gate: the last thing before the broker. Pure; one answer for an order, the facts and the rules.

No type of order passes it by. Every check answers with a reason or with None, and the first reason counts. Positions
are judged as they would be if every live order in the same direction were filled: the worst case.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from math import isfinite
from typing import Final

from sysproduction.domain.errors import Refused
from sysproduction.domain.gate_facts import GateFacts, GateRules, KillState
from sysproduction.domain.limits import applies, counted
from sysproduction.domain.orders import ROLL_STRATEGY, BrokerOrder, BrokerOrderType, Leg, quantity_of, size_of
from sysproduction.domain.overrides import OverrideKind
from sysproduction.domain.roll_states import RollState

Check = Callable[[BrokerOrder, GateFacts, GateRules], str | None]

_LIMITED: Final = (BrokerOrderType.LIMIT, BrokerOrderType.STOP_LIMIT)
_STOPPED: Final = (BrokerOrderType.STOP, BrokerOrderType.STOP_LIMIT)
_MINUTE: Final = timedelta(minutes=1)


def judge(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> Refused | None:
    """None if the order may be sent now; otherwise why not. `order` is the intent that would be stored next."""
    for check in CHECKS:
        reason = check(order, facts, rules)
        if reason is not None:
            return Refused(f"{order.instrument}: {reason}")
    return None


def reduces(order: BrokerOrder, facts: GateFacts) -> bool:
    """Whether the order only takes away from what is held in its contracts, also if all that works in its direction
    fills; of legs that add up to nothing (a roll), whether at least one does."""
    closing = [_closes(order.instrument, leg, facts) for leg in order.legs]
    return all(closing) if quantity_of(order.legs) else any(closing)


def _well_formed(order: BrokerOrder, _facts: GateFacts, _rules: GateRules) -> str | None:
    quantities = [leg.quantity for leg in order.legs]
    if not quantities or any(type(quantity) is not int or quantity == 0 for quantity in quantities):
        return f"quantities {quantities} are not whole numbers of contracts other than 0"
    if len({leg.contract for leg in order.legs}) < len(quantities):
        return "two legs are in the same contract"
    for name, price, types in (("limit", order.limit_price, _LIMITED), ("stop", order.stop_price, _STOPPED)):
        if (order.order_type in types) is not (price is not None):
            return f"{order.order_type} order {'without' if price is None else 'with'} a {name} price"
        if price is not None and not isfinite(price):
            return f"its {name} price is {price}"
    return None


def _killed(order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    if facts.kill is None:
        return "the kill switch cannot be read, so nothing is sent"
    if facts.kill is KillState.HALT:
        return "the kill switch is at HALT"
    if facts.kill is KillState.REDUCE and not reduces(order, facts):
        return "the kill switch is at REDUCE, and the order does not reduce a position"
    return None


def _locked(_order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    return f"locked: {'; '.join(facts.locks)}" if facts.locks else None


def _closed(_order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    return None if facts.session_open else "its market is closed"


def _tradable(order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    for leg in order.legs:
        if leg.contract not in facts.expiries:
            return f"there is no contract {leg.contract}"
        expiry = facts.expiries[leg.contract]
        if expiry is not None and expiry < facts.now.date():
            return f"contract {leg.contract} expired on {expiry}"
    return None


def _rolled(order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    if facts.roll_state is RollState.ROLL_ADJUSTED:
        return "its prices are being rolled"
    if order.strategy == ROLL_STRATEGY and facts.roll_state.is_forced:
        return None
    if (facts.roll_state.reduces_only or facts.roll_state is RollState.CLOSE) and not _reduces_strategy(order, facts):
        return f"its roll state is {facts.roll_state}, and the order does not reduce a position"
    return None


def _overridden(order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    kind = facts.override.effective
    if kind is OverrideKind.NO_TRADE:
        return f"an override forbids trades of {order.strategy}"
    if kind is not OverrideKind.FACTOR and not _reduces_strategy(order, facts):
        return f"an override ({kind}) lets {order.strategy} only reduce its position"
    return None


def _within_parent(order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    wanted = {leg.contract: leg.quantity for leg in facts.parent_legs}
    for leg in order.legs:
        working = sum(w.quantity for w in facts.working if w.parent == order.parent and w.contract == leg.contract)
        total = facts.parent_filled.get(leg.contract, 0) + working + leg.quantity
        if _exceeds(total, leg.quantity, wanted.get(leg.contract, 0)):
            return f"{leg.contract} would come to {total:+d} of the {wanted.get(leg.contract, 0):+d} of its parent"
    if facts.family_quantity is not None:
        total = facts.family_filled + facts.family_working + quantity_of(order.legs)
        if _exceeds(total, quantity_of(order.legs), facts.family_quantity):
            return f"all children would come to {total:+d} of the {facts.family_quantity:+d} of the instrument order"
    return None


def _single(order: BrokerOrder, facts: GateFacts, _rules: GateRules) -> str | None:
    if any(one.client_order_id == order.client_order_id for one in facts.sent):
        return f"attempt {order.attempt} of {order.parent} was sent already"
    if any(working.parent == order.parent for working in facts.working):
        return f"another broker order of {order.parent} is live"
    return None


def _repeated(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    since = facts.now - timedelta(seconds=rules.repeat_seconds)
    equal = [one for one in facts.sent if one.submitted_at > since and _looks_like(one, order)]
    if len(equal) >= rules.repeats_max:
        return f"the same order was sent {len(equal)} times in {rules.repeat_seconds:g} s (at most {rules.repeats_max})"
    return None


def _slow_enough(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    recent = [one for one in facts.sent if one.submitted_at > facts.now - _MINUTE]
    own = [one for one in recent if one.instrument == order.instrument]
    if len(recent) >= rules.orders_per_minute:
        return f"{len(recent)} orders were sent in the last minute (at most {rules.orders_per_minute})"
    if len(own) >= rules.instrument_orders_per_minute:
        return f"{len(own)} of its orders were sent in the last minute (at most {rules.instrument_orders_per_minute})"
    return None


def _small_enough(order: BrokerOrder, _facts: GateFacts, rules: GateRules) -> str | None:
    size = size_of(order.legs)
    return f"{size} contracts in one order (at most {rules.size_max})" if size > rules.size_max else None


def _quoted(_order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    if facts.quote is None or facts.outright is None or facts.value_per_point is None:
        return "there is no price"
    age = (facts.now - facts.quote.at).total_seconds()
    if abs(age) > rules.quote_age_seconds_max:
        return f"its price is {age:.0f} s old (at most {rules.quote_age_seconds_max:g})"
    if not all(isfinite(value) for value in (facts.quote.bid, facts.quote.ask, facts.outright, facts.value_per_point)):
        return "its price is not a number"
    if facts.quote.bid > facts.quote.ask:
        return f"its bid {facts.quote.bid} is above its ask {facts.quote.ask}"
    return None


def _collared(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    assert facts.quote is not None
    assert facts.outright is not None
    sign = 1 if order.legs[0].quantity > 0 else -1
    side = facts.quote.ask if sign > 0 else facts.quote.bid
    middle = (facts.quote.bid + facts.quote.ask) / 2
    for price in (side if order.limit_price is None else order.limit_price, order.stop_price):
        if price is not None and sign * (price - middle) > rules.collar * abs(facts.outright):
            return f"price {price:g} is beyond the collar of {rules.collar:.2%} around {middle:g}"
    return None


def _affordable(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    notional = _notional(order, facts)
    if not notional <= rules.notional_max:  # so that what is not a number is refused
        return f"its value {notional:,.0f} is above {rules.notional_max:,.0f}"
    return None


def _positioned(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    change = quantity_of(order.legs)
    for limit in rules.position_limits:
        if not applies(limit, order.instrument, order.strategy):
            continue
        held = _held(order, facts, limit.strategy)
        after = held + _working(order, facts, limit.strategy, change) + change
        if change and abs(after) > limit.contracts and not _towards_zero(held, after):
            return f"its position would be {after:+d}, beyond the limit of {limit.contracts}{_of(limit.strategy)}"
    return None


def _rationed(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    for limit in rules.trade_limits:
        if not applies(limit, order.instrument, order.strategy):
            continue
        total = counted(limit, facts.sent, facts.now) + size_of(order.legs)
        if total > limit.contracts:
            return f"{total} contracts sent in {limit.days:g} days, above {limit.contracts}{_of(limit.strategy)}"
    return None


def _margined(order: BrokerOrder, facts: GateFacts, rules: GateRules) -> str | None:
    if reduces(order, facts):
        return None
    if facts.funds is None:
        return "the account's value and margin are not known"
    each = facts.funds.margin_per_contract
    needed = _notional(order, facts) * rules.margin_rate if each is None else each * size_of(order.legs)
    allowed = facts.funds.value * rules.margin_share_max
    if not facts.funds.margin_used + needed <= allowed:
        return f"margin would be {facts.funds.margin_used + needed:,.0f}, above {allowed:,.0f}"
    return None


CHECKS: Final[tuple[Check, ...]] = (
    *(_well_formed, _killed, _locked, _closed, _tradable, _rolled, _overridden),
    *(_within_parent, _single, _repeated, _slow_enough, _small_enough),
    *(_quoted, _collared, _affordable, _positioned, _rationed, _margined),
)
"""In this order: what needs a price comes after the check that there is one."""


def _closes(instrument: str, leg: Leg, facts: GateFacts) -> bool:
    held = facts.positions.contracts.get((instrument, leg.contract), 0)
    mine = [w for w in facts.working if (w.instrument, w.contract) == (instrument, leg.contract)]
    return _takes_away(held, sum(w.quantity for w in mine if w.quantity * leg.quantity > 0), leg.quantity)


def _reduces_strategy(order: BrokerOrder, facts: GateFacts) -> bool:
    """Whether the strategy's own position shrinks. What belongs to no strategy (a roll, a panic) is judged by contract;
    the second of a roll's two orders takes back what the first left open."""
    if order.strategy.startswith("_") and reduces(order, facts):
        return True
    change = quantity_of(order.legs)
    held, working = _held(order, facts, order.strategy), _working(order, facts, order.strategy, change)
    return _takes_away(held, working, change)


def _takes_away(held: int, working: int, change: int) -> bool:
    return held * change < 0 and abs(working + change) <= abs(held)


def _towards_zero(held: int, after: int) -> bool:
    return held * after >= 0 and abs(after) < abs(held)


def _held(order: BrokerOrder, facts: GateFacts, strategy: str | None) -> int:
    if strategy is None:
        return facts.positions.of_instrument(order.instrument)
    return facts.positions.strategies.get((strategy, order.instrument), 0)


def _working(order: BrokerOrder, facts: GateFacts, strategy: str | None, change: int) -> int:
    mine = [w for w in facts.working if w.instrument == order.instrument and strategy in (None, w.strategy)]
    return sum(w.quantity for w in mine if w.quantity * change > 0)


def _exceeds(total: int, part: int, wanted: int) -> bool:
    """Whether `total` lies outside of what is between 0 and `wanted`, or `part` goes the other way."""
    return part * wanted < 0 or abs(total) > abs(wanted) or total * wanted < 0


def _looks_like(one: BrokerOrder, order: BrokerOrder) -> bool:
    return _looks(one) == _looks(order)


def _looks(order: BrokerOrder) -> tuple[object, ...]:
    return order.strategy, order.instrument, order.legs, order.order_type, order.limit_price, order.stop_price


def _notional(order: BrokerOrder, facts: GateFacts) -> float:
    assert facts.outright is not None
    assert facts.value_per_point is not None
    return size_of(order.legs) * abs(facts.outright) * facts.value_per_point


def _of(strategy: str | None) -> str:
    return " for the instrument" if strategy is None else f" for {strategy}"


def longest_window(rules: GateRules) -> timedelta:
    """How far back `sent` must reach."""
    spans: Iterable[timedelta] = (timedelta(days=limit.days) for limit in rules.trade_limits)
    return max([_MINUTE, timedelta(seconds=rules.repeat_seconds), *spans])
