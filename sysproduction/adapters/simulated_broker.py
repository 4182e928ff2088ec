"""A broker in this process: the exchange core on a clock and quotes of the caller's, with a switchboard of faults."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

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
from sysproduction.domain.broker_faults import FaultKind, PlannedFault, occasions
from sysproduction.domain.errors import DataError, OutcomeUnknown, Refused, Unavailable
from sysproduction.domain.instruments import Quote
from sysproduction.domain.orders import size_of
from sysproduction.exchange.core import Changes, Exchange
from sysproduction.exchange.values import Terms


class Market(Protocol):
    """What the exchange trades on: terms and quotes."""

    def terms(self, instrument: str, now: datetime) -> Terms | None:
        """How an instrument trades; None: it is not known."""
        ...

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """Best prices; None without a recent one. Raises DataError for a contract without data."""
        ...


class Faults(Protocol):
    """What decides when something goes wrong."""

    def strikes(self, kind: FaultKind) -> bool:
        """Whether this kind strikes at this occasion."""
        ...

    def away(self, now: datetime) -> bool:
        """Whether this call finds nobody there."""
        ...

    def go_away(self, calls: int) -> None:
        """The next `calls` calls find nobody there."""
        ...


@dataclass
class Switchboard:
    """Which faults strike at which occasions; `done` counts the occasions so far and may be kept over a restart.

    `restart_at` is a time of day (UTC) at which the broker is away for `restart_for`, as a nightly restart is.
    """

    faults: Sequence[PlannedFault] = ()
    seed: int = 0
    restart_at: timedelta | None = None
    restart_for: timedelta = timedelta(minutes=5)
    done: Counter[FaultKind] = field(default_factory=Counter)
    struck: Counter[FaultKind] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._occasions = occasions(self.faults, self.seed)
        self._away_calls = max((f.calls for f in self.faults if f.kind is FaultKind.DISCONNECT), default=1)
        self._away = 0

    def strikes(self, kind: FaultKind) -> bool:
        """Whether it goes wrong this time; counts as one occasion."""
        self.done[kind] += 1
        hit = self.done[kind] in self._occasions.get(kind, frozenset())
        self.struck[kind] += hit
        return hit

    def away(self, now: datetime) -> bool:
        """Whether this call finds nobody there."""
        if self.strikes(FaultKind.DISCONNECT):
            self._away = self._away_calls
        if self._away > 0:
            self._away -= 1
            return True
        if self.restart_at is None:
            return False
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return self.restart_at <= now - midnight < self.restart_at + self.restart_for

    def go_away(self, calls: int) -> None:
        """The next `calls` calls find nobody there."""
        self._away = max(self._away, calls)


class SimulatedBroker:
    """The Broker port on an Exchange. `save` stores what changed, before anybody is told of it."""

    def __init__(
        self,
        exchange: Exchange,
        market: Market,
        now: Callable[[], datetime],
        *,
        faults: Faults | None = None,
        save: Callable[[Changes], None] | None = None,
    ) -> None:
        self.exchange = exchange
        self.faults: Faults = faults or Switchboard()
        self._market, self._now, self._save = market, now, save
        self._thin: set[tuple[str, str]] = set()
        self._last: datetime | None = None
        self._stepped: datetime | None = None

    def submit(self, ticket: OrderTicket) -> Submitted | Refused:
        """See Broker."""
        now = self._reached()
        known = self.exchange.find(ticket.client_order_id) is not None
        if not known and self.faults.strikes(FaultKind.LOST_ORDER):
            raise OutcomeUnknown(f"{ticket.client_order_id}: no answer came to this order")
        veto = "the exchange rejects it" if not known and self.faults.strikes(FaultKind.REJECT) else ""
        self._know(ticket.instrument, now)
        keys = [(ticket.instrument, leg.contract) for leg in ticket.legs]
        if size_of(ticket.legs) > 1 and not known and self.faults.strikes(FaultKind.PARTIAL):
            self._thin.update(keys)
        for instrument, contract in keys:
            self._look(instrument, contract, now)
        answer = self.exchange.submit(ticket, now, veto=veto)
        self._store()
        if not known:
            self._lose_answer(ticket.client_order_id)
        return answer

    def cancel(self, client_order_id: str) -> Refused | None:
        """See Broker."""
        answer = self.exchange.cancel(client_order_id, self._reached())
        self._store()
        return answer

    def modify(self, client_order_id: str, limit_price: float) -> Refused | None:
        """See Broker."""
        answer = self.exchange.modify(client_order_id, limit_price, self._reached())
        self._store()
        return answer

    def find(self, client_order_id: str) -> OrderReport | None:
        """See Broker."""
        self._reached()
        return self.exchange.find(client_order_id)

    def open_orders(self) -> Sequence[OpenOrder]:
        """See Broker."""
        self._reached()
        return self.exchange.open_orders()

    def executions(self, since: datetime) -> Sequence[Execution]:
        """See Broker."""
        now = self._reached()
        self._revise_newest(now)
        found = self.exchange.executions(since)
        if found and self.faults.strikes(FaultKind.LATE):
            found = found[:-1]
        if found and self.faults.strikes(FaultKind.DUPLICATE):
            found = [*found, *found]
        if len(found) > 1 and self.faults.strikes(FaultKind.OUT_OF_ORDER):
            found = found[::-1]
        return found

    def positions(self) -> Sequence[BrokerPosition]:
        """See Broker."""
        self._reached()
        return self.exchange.positions()

    def account(self) -> Account:
        """See Broker."""
        return self.exchange.account(self._reached())

    def contract_details(self, instrument: str, contract: str) -> ContractDetails | None:
        """See Broker."""
        now = self._reached()
        self._know(instrument, now)
        terms = self.exchange.terms(instrument)
        if terms is None or not terms.is_listed(contract, now):
            return None
        expiry = None if terms.expiries is None else terms.expiries[contract]
        quote = self.quote(instrument, contract)
        margin = None if quote is None else abs(quote.bid + quote.ask) / 2 * terms.margin_per_point
        return ContractDetails(
            instrument, contract, terms.tick_size or None, terms.point_size, expiry, terms.sessions, margin
        )

    def quote(self, instrument: str, contract: str) -> Quote | None:
        """See Broker."""
        now = self._reached()
        try:
            return self._market.quote(instrument, contract, now)
        except DataError:
            return None

    def step(self) -> None:
        """Let time pass: what has expired ends, and working orders meet the present quotes; once for each moment."""
        now = self._moment()
        if now == self._stepped:
            self._store()
            return
        self._stepped = now
        for instrument in {instrument for instrument, _ in self.exchange.watched()}:
            self._know(instrument, now)
        self.exchange.advance(now)
        for instrument, contract in self.exchange.watched():
            self._look(instrument, contract, now)
        self._store()

    def _reached(self) -> datetime:
        if self.faults.away(self._moment()):
            raise Unavailable("the broker is not connected")
        self.step()
        return self._moment()

    def _moment(self) -> datetime:
        """Now; the exchange's time never goes back."""
        now = self._now()
        self._last = now if self._last is None else max(self._last, now)
        return self._last

    def _know(self, instrument: str, now: datetime) -> None:
        terms = self._market.terms(instrument, now)
        if terms is not None:
            self.exchange.know(instrument, terms)

    def _look(self, instrument: str, contract: str, now: datetime) -> None:
        try:
            quote = self._market.quote(instrument, contract, now)
        except DataError:
            quote = None
        if quote is None:
            self.exchange.forget_quote(instrument, contract)
            return
        if (instrument, contract) in self._thin:
            self._thin.discard((instrument, contract))
            quote = replace(quote, bid_size=1, ask_size=1)
        self.exchange.tick(instrument, contract, quote, now)

    def _store(self) -> None:
        changes = self.exchange.changes()
        if self._save is not None and (changes.orders or changes.executions):
            self._save(changes)

    def _lose_answer(self, client_order_id: str) -> None:
        late = self.faults.strikes(FaultKind.LATE_ACK)
        if late:
            self.faults.go_away(2)
        if self.faults.strikes(FaultKind.LOST_ACK) or late:
            raise OutcomeUnknown(f"{client_order_id}: no answer came to this order")

    def _revise_newest(self, now: datetime) -> None:
        if not self.exchange.recorded:
            return
        newest = self.exchange.recorded[-1].execution
        if newest.quantity and self.faults.strikes(FaultKind.CORRECTED):
            self.exchange.revise(newest.execution_id, newest.quantity, newest.price * 1.0001, now)
            self._store()
        elif newest.quantity and self.faults.strikes(FaultKind.BUSTED):
            self.exchange.revise(newest.execution_id, 0, newest.price, now)
            self._store()
