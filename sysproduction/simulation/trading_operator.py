"""The operator of a simulated trading day, whose commands are programs that can be cut off too."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from sysproduction.control import order_controls
from sysproduction.control.order_controls import ControlDesk
from sysproduction.domain.errors import Conflict, Refused, Unavailable
from sysproduction.domain.gate_facts import KillState
from sysproduction.domain.limits import PositionLimit, TradeLimit
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.domain.roll_states import RollState, allowed, change
from sysproduction.simulation.faults import ProgramDied
from sysproduction.simulation.trading_market import CODES, PRICED
from sysproduction.simulation.trading_ports import Context, ProgramStore
from sysproduction.simulation.trading_programs import STRATEGIES
from sysproduction.stores.order_controls import Limits, LockKind, Locks, Overrides
from sysproduction.stores.roll_states import RollChange, RollStates, next_number


@dataclass
class Operator:
    """An operator who restrains orders, and takes everything back in the end."""

    context: Context
    random: Random
    run: Path
    say: Callable[[str], None]

    def halt(self, state: KillState, now: datetime) -> None:
        """Set the kill switch."""
        restraints = self.context.watch.restraints
        if state is not KillState.NORMAL:
            restraints.kill_file = state  # before anything else, and whatever becomes of the rest
        if self._does(f"kill switch {state}", lambda: order_controls.set_kill(self._desk(now), state)):
            restraints.kill_file = state

    def spoil_switch(self) -> None:
        """The file of the switch is damaged."""
        (self.run / "kill_switch").write_text("{", encoding="utf-8")
        self.context.watch.restraints.kill_file = None

    def lock(self, now: datetime) -> None:
        """Lock an instrument."""
        instrument = self._any()
        self._does(f"locks {instrument}", lambda: order_controls.lock(self._desk(now), instrument))

    def unlock(self, now: datetime) -> None:
        """Take all manual locks away."""
        for lock in Locks(self.context.documents).all():
            if lock.kind is LockKind.MANUAL:
                unlock = partial(order_controls.unlock, self._desk(now), lock.instrument, LockKind.MANUAL)
                self._does(f"unlocks {lock.instrument}", unlock)

    def limit(self, now: datetime, *, trades: bool) -> None:
        """Set a limit."""
        instrument, strategy = self._any(), self.random.choice((None, *STRATEGIES))
        contracts = self.random.randrange(4)
        limit: TradeLimit | PositionLimit = PositionLimit(instrument, strategy, contracts)
        if trades:
            limit = TradeLimit(instrument, strategy, 1, contracts)
        self._does(f"sets {limit}", lambda: order_controls.set_limit(self._desk(now), limit))

    def override(self, now: datetime) -> None:
        """Set an override."""
        override, strategy = Override(self.random.choice(tuple(OverrideKind)), 0.5), self.random.choice(STRATEGIES)
        instrument = self._any()
        self._does(
            f"overrides {strategy} {instrument} {override.kind}",
            lambda: order_controls.set_override(self._desk(now), strategy, instrument, override),
        )

    def roll(self, now: datetime) -> None:
        """Move an instrument to another roll state, if one is allowed."""
        instrument = self._any()
        position = self._held(instrument)
        standing = RollStates(self.context.documents).get(instrument)
        possible = [s for s in allowed(standing.state, position) if s not in (RollState.ROLL_ADJUSTED, standing.state)]
        if possible:
            self.roll_to(instrument, self.random.choice(possible), now)

    def calm(self, now: datetime) -> None:
        """Take back every restraint; rolls are over."""
        self.halt(KillState.NORMAL, now)
        self.unlock(now)
        documents = self.context.documents
        for limit in Limits(documents).all():
            order_controls.remove_limit(self._desk(now), limit.limit)
        for one in Overrides(documents).all():
            order_controls.remove_override(self._desk(now), one.strategy, one.instrument)
        for instrument in CODES:
            for state in (RollState.PASSIVE, RollState.NO_ROLL):
                self.roll_to(instrument, state, now)

    def roll_to(self, instrument: str, state: RollState, now: datetime) -> None:
        """Move an instrument to a roll state, if that is allowed."""
        position = self._held(instrument)

        def roll() -> None:
            states = RollStates(ProgramStore(self.context))
            standing = states.get(instrument)
            if isinstance(change(standing.state, state, position=position), Refused):
                return
            number = next_number(standing)
            states.change(
                standing, RollChange(instrument, number, now, "operator", standing.state, state, ("because",))
            )

        self._does(f"{instrument} to {state}", roll)

    def _does(self, what: str, deed: Callable[[], object]) -> bool:
        """Whether it was done to the end."""
        self.say(f"operator: {what}")
        self.context.watch.restraints.in_use = True
        try:
            deed()
        except (Unavailable, ProgramDied, Conflict) as error:
            self.say(f"operator: {what} was cut off ({type(error).__name__})")
            return False
        return True

    def _desk(self, now: datetime) -> ControlDesk:
        return ControlDesk(ProgramStore(self.context), self.run, "operator", now, "because")

    def _held(self, instrument: str) -> int:
        return self.context.watch.positions()[1][instrument, PRICED]

    def _any(self) -> str:
        return self.random.choice(CODES)
