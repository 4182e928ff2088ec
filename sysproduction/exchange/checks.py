"""Why the exchange will not have an order."""

from datetime import datetime
from math import isfinite

from sysproduction.domain.broker import OrderTicket
from sysproduction.domain.orders import BrokerOrderType
from sysproduction.exchange.values import Terms

_LIMITED = {BrokerOrderType.LIMIT, BrokerOrderType.STOP_LIMIT}
_STOPPED = {BrokerOrderType.STOP, BrokerOrderType.STOP_LIMIT}
_AT_ONCE = {BrokerOrderType.MARKET, BrokerOrderType.SNAP}
_TICK_SLACK = 1e-6


def why_not(ticket: OrderTicket, terms: Terms | None, account: str, now: datetime) -> str | None:
    """None if it may stand."""
    if terms is None:
        return f"{ticket.instrument}: this instrument is not traded here"
    if ticket.account not in ("", account):
        return f"{ticket.account}: this account is not held here"
    contracts = [leg.contract for leg in ticket.legs]
    if not contracts or any(leg.quantity == 0 for leg in ticket.legs) or len(set(contracts)) < len(contracts):
        return "an order needs legs in different contracts, none of 0 contracts"
    for contract in contracts:
        if not terms.is_listed(contract, now):
            return f"{ticket.instrument}/{contract}: this contract is not listed here, or has expired"
    if ticket.expires_at is not None and ticket.expires_at <= now:
        return "it had expired when it came"
    if ticket.order_type in _AT_ONCE and not terms.is_open(now):
        return f"{ticket.instrument}: the market is closed"
    return _prices(ticket, terms)


def _prices(ticket: OrderTicket, terms: Terms) -> str | None:
    for name, price, types in (("limit", ticket.limit_price, _LIMITED), ("stop", ticket.stop_price, _STOPPED)):
        if (price is None) == (ticket.order_type in types):
            return f"a {ticket.order_type} order {'needs a' if price is None else 'has no'} {name} price"
        if price is not None and (reason := price_fault(price, terms)):
            return f"{name} price {price}: {reason}"
    return None


def price_fault(price: float, terms: Terms) -> str | None:
    """What is wrong with a price; None if nothing is."""
    if not isfinite(price):
        return "is not a number"
    if terms.tick_size > 0 and abs(price / terms.tick_size - round(price / terms.tick_size)) > _TICK_SLACK:
        return f"is not a multiple of the tick {terms.tick_size}"
    return None
