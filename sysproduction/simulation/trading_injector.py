"""Faults of a trading day, drawn from a seed: which kinds it knows, how often they strike, and what each one does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from sysproduction.domain.gate_facts import KillState
from sysproduction.simulation.trading_armed import Armed
from sysproduction.simulation.trading_faults import POINT_OF, TradingFault
from sysproduction.simulation.trading_market import CODES, CONTRACTS
from sysproduction.simulation.trading_operator import Operator
from sysproduction.simulation.trading_programs import StackProgram
from sysproduction.simulation.trading_venue import Venue

_F: Final = TradingFault
_CHANCES: Final = (0.03, 0.06, 0.12)
_KINDS_MIN: Final = 4
_KINDS_MAX: Final = 16
_OCCASIONS: Final = (0, 0, 0, 1, 1, 2, 3, 5, 8, 13)
_SHIFTS: Final = (45.0, 600.0, 3_600.0, 86_400.0)
_MARKET: Final = {
    _F.STALE_PRICE: "stale",
    _F.NO_PRICE: "unquoted",
    _F.CROSSED_PRICE: "crossed",
    _F.THIN_MARKET: "thin",
    _F.MARKET_CLOSED: "closed",
    _F.MARGIN_SHORT: "margin",
}


@dataclass
class Scene:
    """What faults strike at. `shift` moves the clock of all programs, `now` reads it, `seconds` is machine time."""

    handler: StackProgram
    second: StackProgram
    operator: Operator
    venue: Venue
    armed: Armed
    now: Callable[[], datetime]
    seconds: Callable[[], float]
    shift: Callable[[float], None]


@dataclass
class Injector:
    """`strike` may do one thing a turn. A seed knows only some kinds, so that rare ones meet each other too."""

    random: Random
    scene: Scene
    allowed: Sequence[TradingFault]
    second_until: float = 0.0
    hangs_until: float = 0.0
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _shifted: float = 0.0

    def __post_init__(self) -> None:
        count = self.random.randrange(_KINDS_MIN, _KINDS_MAX)
        self.kinds = self.random.sample(sorted(self.allowed), min(count, len(self.allowed)))
        self.chance = self.random.choice(_CHANCES) if self.kinds else 0.0

    def strike(self) -> None:
        """What is over ends; with a chance, something goes wrong."""
        seconds = self.scene.seconds()
        if self._later:
            due = [one for one in self._later if one[0] <= seconds]
            self._later = [one for one in self._later if one[0] > seconds]
            for _, deed in due:
                deed()
        if self.random.random() >= self.chance:
            return
        fault = self.random.choice(self.kinds)
        if fault in POINT_OF:
            self.scene.armed.arm(fault, self.random.choice(_OCCASIONS))
        else:
            self._at_once(fault)

    def calm(self) -> None:
        """Nothing is wrong any more."""
        scene = self.scene
        for _, deed in self._later:
            deed()
        self._later.clear()
        scene.armed.calm()
        scene.venue.market.calm()
        scene.venue.faults.away_calls, scene.venue.faults.away_until = 0, None
        self.second_until = self.hangs_until = 0.0
        scene.operator.calm(scene.now())

    def _at_once(self, fault: TradingFault) -> None:
        if fault in _MARKET:
            self._disturb(fault)
        elif fault in _ALONE:
            _ALONE[fault](self, fault)

    def _struck(self, fault: TradingFault, what: str = "") -> None:
        self.scene.armed.struck(fault, what)

    def _after(self, deed: Callable[[], None], low: int = 60, high: int = 2_400) -> None:
        self._later.append((self.scene.seconds() + self.random.randrange(low, high), deed))

    def _disturb(self, fault: TradingFault) -> None:
        instrument = self.random.choice(CODES)
        until = self.scene.venue.now() + timedelta(seconds=self.random.randrange(60, 3_000))
        self.scene.venue.market.disturb(_MARKET[fault], instrument, until)
        self._struck(fault, instrument)

    def _jump(self, fault: TradingFault) -> None:
        instrument = self.random.choice(CODES)
        self.scene.venue.market.jump(instrument, self.random.choice((-1, 1)))
        self._struck(fault, instrument)

    def _kill(self, fault: TradingFault) -> None:
        self._struck(fault)
        self.scene.handler.die(self.scene.seconds() + self.random.randrange(1, 600))

    def _doubles(self, fault: TradingFault) -> None:
        self._struck(fault)
        self.second_until = self.scene.seconds() + self.random.randrange(60, 3_000)

    def _hang(self, fault: TradingFault) -> None:
        self._struck(fault)
        self.hangs_until = self.scene.seconds() + self.random.randrange(60, 1_800)

    def _cut_store(self, fault: TradingFault) -> None:
        self._struck(fault)
        self.scene.armed.store_is_away = True

        def back() -> None:
            self.scene.armed.store_is_away = False

        self._after(back, 5, 900)

    def _disconnect(self, fault: TradingFault) -> None:
        self._struck(fault)
        self.scene.venue.faults.go_away(self.random.choice((1, 2, 3, 5, 10, 30)))

    def _restart(self, fault: TradingFault) -> None:
        self._struck(fault)
        self.scene.venue.faults.away_until = self.scene.venue.now() + timedelta(minutes=5)

    def _cancel_one(self, fault: TradingFault) -> None:
        if self.scene.venue.cancel_one():
            self._struck(fault)

    def _foreign(self, fault: TradingFault) -> None:
        """A trade is a break that somebody mends later; an order only stands far from the market."""
        venue, instrument, contract = self.scene.venue, self.random.choice(CODES), self.random.choice(CONTRACTS)
        quantity = self.random.choice((-2, -1, 1, 2))
        if fault is _F.FOREIGN_ORDER:
            venue.stranger(instrument, contract, quantity, 100.0 if quantity > 0 else 5_000.0)
        else:
            venue.stranger(instrument, contract, quantity)
        self._struck(fault, f"{quantity:+d} {instrument} {contract}")

    def _shift(self, fault: TradingFault) -> None:
        if self._shifted:
            return
        sign = 1 if fault is _F.CLOCK_AHEAD else -1
        self._shifted = sign * self.random.choice(_SHIFTS)
        self._struck(fault, f"{self._shifted:+.0f} s")
        self._move(self._shifted)

        def back() -> None:
            self._move(-self._shifted)
            self._shifted = 0.0

        self._after(back, 30, 1_200)

    def _move(self, seconds: float) -> None:
        restraints = self.scene.operator.context.watch.restraints
        restraints.clock_is_off = not restraints.clock_is_off
        self.scene.shift(seconds)

    def _switch(self, fault: TradingFault) -> None:
        self._struck(fault)
        operator, now = self.scene.operator, self.scene.now
        if fault is _F.SWITCH_UNREADABLE:
            operator.spoil_switch()
        else:
            operator.halt(KillState.HALT if fault is _F.HALT else KillState.REDUCE, now())
        self._after(lambda: operator.halt(KillState.NORMAL, now()))

    def _restrain(self, fault: TradingFault) -> None:
        self._struck(fault)
        operator, now = self.scene.operator, self.scene.now
        if fault is _F.MANUAL_LOCK:
            operator.lock(now())
            self._after(lambda: operator.unlock(now()))
        elif fault is _F.OVERRIDE:
            operator.override(now())
        elif fault is _F.ROLL_STATE:
            operator.roll(now())
        else:
            operator.limit(now(), trades=fault is _F.TRADE_LIMIT)


_ALONE: Final = {
    _F.PRICE_JUMP: Injector._jump,
    _F.CRASH_BETWEEN_STEPS: Injector._kill,
    _F.TWO_STACK_HANDLERS: Injector._doubles,
    _F.HANGING_PROGRAM: Injector._hang,
    _F.STORE_OUTAGE: Injector._cut_store,
    _F.DISCONNECT: Injector._disconnect,
    _F.NIGHTLY_RESTART: Injector._restart,
    _F.EXCHANGE_CANCELS: Injector._cancel_one,
    _F.FOREIGN_ORDER: Injector._foreign,
    _F.FOREIGN_TRADE: Injector._foreign,
    _F.CLOCK_AHEAD: Injector._shift,
    _F.CLOCK_BEHIND: Injector._shift,
    _F.HALT: Injector._switch,
    _F.REDUCE: Injector._switch,
    _F.SWITCH_UNREADABLE: Injector._switch,
    **dict.fromkeys(
        (_F.MANUAL_LOCK, _F.TRADE_LIMIT, _F.POSITION_LIMIT, _F.OVERRIDE, _F.ROLL_STATE), Injector._restrain
    ),
}
"""What strikes at once, but for disturbances of the market."""
