"""A whole paper exchange: the core on a market and a clock, its durable state, and its socket."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sysproduction.adapters.paper_server import PaperServer
from sysproduction.adapters.paper_state import PaperState
from sysproduction.adapters.simulated_broker import Market, SimulatedBroker, Switchboard
from sysproduction.domain.errors import OutcomeUnknown, Unavailable
from sysproduction.domain.instruments import Quote
from sysproduction.domain.paper import PaperRules
from sysproduction.exchange.core import Changes, Exchange
from sysproduction.exchange.values import ExchangeRules


class PaperService:
    """Takes up what `state_file` holds and serves it at `socket`, in a folder that exists; only one service can have
    the file. Raises Unavailable if another has it, or if the disk refuses."""

    def __init__(
        self,
        state_file: Path,
        socket: Path,
        *,
        rules: ExchangeRules,
        market: Market,
        faults: Switchboard,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._lost: Unavailable | None = None
        self._state = PaperState(state_file)
        exchange = Exchange(rules)
        faults.done, faults.struck = self._state.load(exchange)
        self._struck = Counter(faults.struck)
        self._faults, self._now = faults, now
        self.broker = SimulatedBroker(exchange, market, now, faults=faults, save=self._save)
        try:
            self._server = PaperServer(socket, self, monotonic)
        except Unavailable:
            self._state.close()
            raise

    def __getattr__(self, name: str) -> object:
        """Calls of the Broker port go to the broker."""
        return getattr(self.broker, name)

    def quote(self, instrument: str, contract: str) -> Quote | None:
        """What the last recorded price still is worth: the exchange stands by it now."""
        found = self.broker.quote(instrument, contract)
        return None if found is None else replace(found, at=self._now())

    def faults(self) -> dict[str, int]:
        """How often each kind of planned fault has struck."""
        return {kind.value: count for kind, count in sorted(self._faults.struck.items()) if count}

    def serve(self, seconds: float) -> int:
        """Let orders meet the market, then answer for `seconds`; how many requests came. Raises Unavailable once the
        state cannot be stored: then this service knows more than its file, and must not be asked any more."""
        with suppress(OutcomeUnknown):
            if self._lost is None:
                self.broker.step()
                requests = self._server.serve(seconds, stop=lambda: self._lost is not None)
                self._save_faults()
                return requests
        assert self._lost is not None
        raise self._lost

    def close(self) -> None:
        """Hang up, and let go of the file."""
        self._server.close()
        self._state.close()

    def _save_faults(self) -> None:
        """Those that struck since something else was stored."""
        if self._faults.struck != self._struck:
            self._save(self.broker.exchange.changes())

    def _save(self, changes: Changes) -> None:
        if self._lost is None:
            try:
                self._state.save(changes, self._faults.done, self._faults.struck)
                self._struck = Counter(self._faults.struck)
            except Unavailable as error:
                self._lost = error
        if self._lost is not None:
            raise OutcomeUnknown(str(self._lost))


def exchange_rules(rules: PaperRules) -> ExchangeRules:
    """What the core goes by."""
    latency = timedelta(seconds=rules.latency_seconds)
    return ExchangeRules(currency=rules.currency, cash=rules.value, latency=latency)


def switchboard(rules: PaperRules) -> Switchboard:
    """The faults that are planned."""
    at = rules.restart_at
    restart = None if at is None else timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
    return Switchboard(rules.faults, rules.seed, restart_at=restart)
