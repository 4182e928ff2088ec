"""A trading day from instrument orders to fills, by several programs in one thread, under faults drawn from a seed.

One seed decides everything: prices, decisions, which program works when and for how long nobody does, and what goes
wrong. After the day nothing goes wrong any more; then whatever was begun has to be finished, what every strategy wants
last must be what it holds, and ledger and exchange must agree.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final, Protocol

from sysproduction.domain.alerts import Alert
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.orders import ROLL_STRATEGY, OrderType
from sysproduction.domain.roll_states import RollState
from sysproduction.exchange.core import Changes, Exchange
from sysproduction.ports import Documents, Series
from sysproduction.simulation.supervision import ShiftingClock
from sysproduction.simulation.trading_armed import Armed
from sysproduction.simulation.trading_end import last_look, unnoticed
from sysproduction.simulation.trading_faults import TradingFault
from sysproduction.simulation.trading_injector import Injector, Scene
from sysproduction.simulation.trading_market import BEGIN, CODES, PRICED, SimulatedMarket, put_instruments
from sysproduction.simulation.trading_operator import Operator
from sysproduction.simulation.trading_ports import Context
from sysproduction.simulation.trading_programs import METHODS, STRATEGIES, OrderSource, StackProgram
from sysproduction.simulation.trading_restraints import Restraints
from sysproduction.simulation.trading_venue import SteppedBroker, Venue, VenueFaults, rules_of
from sysproduction.simulation.trading_watch import Watch

HOURS: Final = 4
_PACES: Final = (2.0, 10.0, 30.0, 90.0)
_IDLE: Final = (120.0, 400.0, 900.0)
_CALM_TURNS_MAX: Final = 60
_CALM_PACE: Final = 130.0


class BrokerOn(Protocol):
    """Makes the simulated broker."""

    def __call__(
        self,
        exchange: Exchange,
        market: SimulatedMarket,
        now: Callable[[], datetime],
        *,
        faults: VenueFaults,
        save: Callable[[Changes], None],
    ) -> SteppedBroker:
        """On this exchange and market, by the exchange's time."""
        ...


@dataclass(frozen=True, slots=True)
class TradingGround:
    """What a day stands on: a clock at trading_market.BEGIN, an empty store, prices, a folder for the kill switch."""

    clock: ShiftingClock
    documents: Documents
    series: Series
    run: Path
    broker_on: BrokerOn


@dataclass(frozen=True, slots=True)
class DayReport:
    """What happened. Each line of `log` is a time and an event."""

    seed: int
    steps: int
    faults: Counter[TradingFault]
    violations: tuple[str, ...]
    log: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the log: equal for equal seeds and programs."""
        return sha256("\n".join(self.log).encode()).hexdigest()


class Channel:
    """What a human was told: each incident once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.told: set[str] = set()
        self._open: set[str] = set()

    def alert(self, alert: Alert) -> None:
        """As the port of notifiers."""
        if alert.key not in self._open:
            self._say(f"alert {alert.key}: {alert.text}")
        self._open.add(alert.key)
        self.told.add(alert.key)

    def recover(self, key: str, text: str) -> None:
        """As the port of notifiers."""
        if key in self._open:
            self._say(f"recovery {key}: {text}")
        self._open.discard(key)

    def flush(self, seconds: float) -> None:
        """As the port of notifiers."""


@dataclass
class TradingDay:
    """The day of one seed; `faults` are the kinds that it may know."""

    ground: TradingGround
    seed: int
    faults: Sequence[TradingFault] = tuple(TradingFault)
    log: list[str] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        clock, documents = self.ground.clock, self.ground.documents
        put_instruments(documents)
        self.random = Random(f"{self.seed}/day")
        self.armed = Armed(self._say)
        market = SimulatedMarket(Random(f"{self.seed}/market"), BEGIN)
        switchboard = VenueFaults(self.armed)
        exchange = Exchange(rules_of(self.random))
        restraints = Restraints(documents, market, self._market_now)
        self.watch = Watch(documents, restraints, self._under_way, self._say)
        broker = self.ground.broker_on(exchange, market, self._market_now, faults=switchboard, save=self.watch.happened)
        self.venue = Venue(broker, switchboard, market, Random(f"{self.seed}/venue"), self._market_now)
        self.channel = Channel(self._say)
        self.handler, self.second = self._program("handler"), self._program("second handler")
        self.operator = Operator(self._context("operator"), Random(f"{self.seed}/operator"), self.ground.run, self._say)
        self.source = OrderSource(self._context("source"), Random(f"{self.seed}/source"), market)
        scene = Scene(
            self.handler,
            self.second,
            self.operator,
            self.venue,
            self.armed,
            clock.now,
            clock.monotonic,
            clock.shift,
        )
        self.injector = Injector(Random(f"{self.seed}/faults"), scene, self.faults)

    def run(self) -> DayReport:
        """Play the day and what follows it."""
        clock = self.ground.clock
        while clock.monotonic() < HOURS * 3600.0 and not self.watch.violations:
            self._turn()
        if self.random.random() < 0.5 and not self.watch.violations:
            self._evening(self.handler)
        if not self.watch.violations:
            self._afterwards()
        return DayReport(self.seed, self.steps, self.armed.counts, tuple(self.watch.violations), tuple(self.log))

    def _turn(self) -> None:
        self.steps += 1
        self.injector.strike()
        self.venue.advance()
        clock, random = self.ground.clock, self.random.random
        busy = bool(self.watch.busy)
        if random() < (0.01 if busy else 0.2):
            self.source.decide(clock.now(), self._market_now())
        if clock.monotonic() >= self.injector.hangs_until:
            self._work(self.handler, 1 if busy else METHODS)
        if clock.monotonic() < self.injector.second_until and random() < 0.5:
            self._work(self.second, self.random.randrange(1, METHODS))
        clock.sleep(self.random.choice(_PACES if self.watch.busy else _IDLE))

    def _work(self, program: StackProgram, methods: int) -> None:
        """Some steps of a program, if it lives."""
        clock = self.ground.clock
        if clock.monotonic() < program.back_at:
            return
        for _ in range(methods):
            if not program.step(clock.now()):
                program.die(clock.monotonic() + self.random.randrange(1, 600))
                return

    def _interlude(self, context: Context) -> None:
        """Another stack handler works while a program is in the middle of a step."""
        self.armed.masked = True
        self.second.back_at = 0.0
        other = self.handler if context is self.second.context else self.second
        self._work(other, self.random.randrange(1, METHODS + 1))
        self.armed.masked = False

    def _halt(self) -> None:
        self.armed.masked = True
        self.operator.halt(KillState.HALT, self.ground.clock.now())
        self.armed.masked = False

    def _evening(self, program: StackProgram) -> None:
        """The end of a handler's day: whatever works is taken back."""
        self._say("the evening")
        clock = self.ground.clock
        if not program.remove(clock.now, clock.monotonic, self._sleep):
            program.die(clock.monotonic() + 1.0)

    def _afterwards(self) -> None:
        """Nothing goes wrong any more: everything is finished, then strategies get what they want last."""
        self._say("calm")
        self.injector.calm()
        self.handler.die(0.0)
        self._compare()
        self._mend_breaks()
        self._until_idle()
        self._evening(self.handler)
        self._last_wishes()
        self._until_idle()
        self._roll()
        for text in last_look(self.watch, self.venue, self.channel.told, self.source.targets):
            self.watch.wrong(*text)
        self._evening(self.handler)

    def _compare(self) -> None:
        """Within two rounds every break is locked and told, and every strange order is told."""
        for _ in range(2):
            self._sleep(_CALM_PACE)
            self._work(self.handler, METHODS)
        for wrong in unnoticed(self.watch, self.venue, self.channel.told):
            self.watch.wrong(*wrong)
        self.venue.end_strange_orders()

    def _roll(self) -> None:
        """Some days end with a forced roll of everything that is held in priced contracts."""
        forced = self.random.choice((None, None, RollState.FORCE, RollState.FORCE_OUTRIGHT))
        if forced is None or self.watch.violations:
            return
        wanted = self._held_by_strategies()
        rolling = [code for code in CODES if self.watch.positions()[1][code, PRICED]]
        for code in rolling:
            self.operator.roll_to(code, forced, self.ground.clock.now())
        self._work(self.handler, METHODS)
        self._until_idle()
        contracts, strategies = self.watch.positions()[1], self._held_by_strategies()
        for code in rolling:
            if contracts[code, PRICED]:
                self.watch.wrong("Q4", f"{code} is not rolled: {contracts[code, PRICED]:+d} is left in {PRICED}")
        if strategies != wanted:
            self.watch.wrong("Q4", f"a roll changed what strategies hold from {wanted} to {strategies}")

    def _held_by_strategies(self) -> dict[tuple[str, str], int]:
        held = self.watch.positions()[0].items()
        return {key: quantity for key, quantity in held if quantity and key[0] != ROLL_STRATEGY}

    def _until_idle(self) -> None:
        """Turns until no order is left, or too many."""
        for _ in range(_CALM_TURNS_MAX):
            self.steps += 1
            self.venue.advance()
            self._work(self.handler, METHODS)
            self._sleep(_CALM_PACE)
            if not self.watch.busy:
                self._work(self.handler, METHODS)  # what has ended may be followed by something new
            if self.watch.violations or not (self.watch.busy or self.venue.under_way):
                break

    def _last_wishes(self) -> None:
        self.source.targets.clear()
        for strategy in STRATEGIES:
            for instrument in CODES[:2]:
                kind = self.random.choice((OrderType.MARKET, OrderType.BEST))
                target, now = self.random.choice((-1, 0, 1)), self.ground.clock.now()
                self.source.want(strategy, instrument, target, kind, now, self._market_now())

    def _mend_breaks(self) -> None:
        """Whoever traded in our account takes the trades back."""
        for _ in range(20):
            self.venue.advance()
            held = [(key, quantity) for key, quantity in self.watch.foreign.items() if quantity]
            if not held:
                break
            for (instrument, contract), quantity in held:
                self.venue.stranger(instrument, contract, -quantity)
            self._sleep(600.0)
            self.venue.end_strange_orders()
            self._sleep(60.0)

    def _program(self, name: str) -> StackProgram:
        return StackProgram(
            self._context(name), self.venue, self.ground.series, self.channel, self.ground.run, self._say
        )

    def _context(self, name: str) -> Context:
        return Context(name, self.ground.documents, self.armed, self.watch, self._interlude, self._halt)

    def _sleep(self, seconds: float) -> None:
        self.ground.clock.sleep(seconds)
        self.venue.advance()

    def _market_now(self) -> datetime:
        """The exchange has a clock of its own, which is right."""
        return BEGIN + timedelta(seconds=self.ground.clock.monotonic())

    def _under_way(self) -> set[str]:
        return {ticket.client_order_id for _, ticket in self.venue.under_way}

    def _say(self, text: str) -> None:
        self.log.append(f"{self.ground.clock.monotonic():9.1f} {text}")
