"""What an operator, or the state of the market, forbids at the moment of a submission, judged apart from the gate."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sysproduction.domain.broker import OrderTicket
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.limits import TradeLimit
from sysproduction.domain.overrides import OverrideKind
from sysproduction.ports import Documents
from sysproduction.simulation.trading_market import SimulatedMarket
from sysproduction.stores.order_controls import Limits, Locks, Overrides, applying
from sysproduction.stores.roll_states import RollStates

if TYPE_CHECKING:
    from sysproduction.simulation.trading_ports import Context
    from sysproduction.simulation.trading_watch import Watch

Body = Mapping[str, Any]
Key = tuple[str, str]
_OLD_SECONDS: Final = 300.0


@dataclass
class Restraints:
    """`kill_file` is what the file of the switch must say by what the operator did (None: it cannot be read),
    `clock_is_off` whether the programs' clock is not the exchange's, `now` the exchange's time. Only what is `in_use`
    is looked at."""

    documents: Documents
    market: SimulatedMarket
    now: Callable[[], datetime]
    kill_file: KillState | None = KillState.NORMAL
    clock_is_off: bool = False
    in_use: bool = False

    @property
    def kill(self) -> KillState | None:
        """The stricter word of file and store."""
        stored = self.documents.get("kill_switch", "state")
        if self.kill_file is None or stored is None:
            return self.kill_file
        return max(self.kill_file, KillState(stored.body["state"]), key=tuple(KillState).index)

    def broken(self, context: "Context", ticket: OrderTicket, intent: Body, watch: "Watch") -> Iterator[str]:
        """Why this order may not be sent now. What another program changed during the sender's step is not counted
        against it: the sender had read before."""
        if context.lost_broker:
            yield "after it had lost the broker, without a comparison of positions"
        strategies, contracts = watch.positions()
        spared, context.spared = context.spared, False
        kill = self.kill
        if not spared and kill is not KillState.NORMAL:
            yield from _killed(kill, ticket, contracts)
        if context.interrupted:
            return
        yield from self._market_says(ticket)
        if self.in_use:
            yield from self._operator_says(ticket, intent, watch, strategies)

    def _market_says(self, ticket: OrderTicket) -> Iterator[str]:
        if self.clock_is_off:
            return
        now = self.now()
        terms = self.market.terms(ticket.instrument, now)
        if terms is None or not terms.is_open(now):
            yield "while its market is closed"
        for leg in ticket.legs:
            quote = self.market.quote(ticket.instrument, leg.contract, now)
            if quote is None or (now - quote.at).total_seconds() > _OLD_SECONDS or quote.bid > quote.ask:
                yield f"though the price of {leg.contract} is {quote}"

    def _operator_says(
        self, ticket: OrderTicket, intent: Body, watch: "Watch", strategies: Counter[Key]
    ) -> Iterator[str]:
        instrument, strategy = ticket.instrument, intent["strategy"]
        locks = Locks(self.documents).of(instrument)
        if locks:
            yield f"of {instrument}, which is locked: {', '.join(lock.kind for lock in locks)}"
        net = sum(leg.quantity for leg in ticket.legs)
        held = strategies[strategy, instrument]
        override = applying(Overrides(self.documents).all(), strategy, instrument).effective
        if override is OverrideKind.NO_TRADE or (
            override is not OverrideKind.FACTOR and not strategy.startswith("_") and not _reduces(held, net)
        ):
            yield f"against the override {override}"
        state = RollStates(self.documents).get(instrument).state
        if state.reduces_only and not strategy.startswith("_") and not _reduces(held, net):
            yield f"in the roll state {state}, holding {held:+d}"
        yield from self._limited(ticket, strategy, watch, strategies)

    def _limited(self, ticket: OrderTicket, strategy: str, watch: "Watch", strategies: Counter[Key]) -> Iterator[str]:
        net = sum(leg.quantity for leg in ticket.legs)
        for limit in (one.limit for one in Limits(self.documents).all()):
            if limit.instrument != ticket.instrument or limit.strategy not in (None, strategy):
                continue
            mine = [one for one in watch.intents.values() if one["instrument"] == limit.instrument]
            if isinstance(limit, TradeLimit):
                counted = [
                    one for one in mine if limit.strategy in (None, one["strategy"]) and one["status"] != "absent"
                ]
                total = sum(max(abs(leg["quantity"]) for leg in one["legs"]) for one in counted)
                if total > limit.contracts:
                    yield f"as {total} contracts against the limit on trades of {limit.contracts}"
                continue
            held = sum(
                q for (who, code), q in strategies.items() if code == limit.instrument and limit.strategy in (None, who)
            )
            if net and abs(held + net) > limit.contracts and abs(held + net) >= abs(held):
                yield f"for a position of {held + net:+d} against the limit of {limit.contracts}"


def _reduces(held: int, change: int) -> bool:
    return held * change < 0 and abs(change) <= abs(held)


def _killed(kill: KillState | None, ticket: OrderTicket, contracts: Counter[Key]) -> Iterator[str]:
    if kill is not KillState.REDUCE:
        yield f"while the kill switch is {kill or 'unreadable'}"
        return
    held = [contracts[ticket.instrument, leg.contract] for leg in ticket.legs]
    closing = [_reduces(one, leg.quantity) for one, leg in zip(held, ticket.legs, strict=True)]
    net = sum(leg.quantity for leg in ticket.legs)
    if not (all(closing) if net else any(closing)):
        yield f"while the kill switch is at REDUCE and {held} is held"
