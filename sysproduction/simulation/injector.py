"""Faults drawn from a seed: what dies, hangs, is away or jumps, and when."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from sysproduction.domain.errors import Unavailable
from sysproduction.simulation.faults import WRITES, ProgramDied
from sysproduction.simulation.programs import SimulatedPrograms

_JUMPS: Final = (-86400.0, -3600.0, -1.0, 1.0, 3600.0, 86400.0)
_HANGS: Final = ("", "update_historical_prices")
_DEADLY: Final = (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGTERM, 1, 2)


@dataclass
class Injector:
    """`strike` may do one thing a turn; `at_store` is the Fault of the store. Both count what they did."""

    random: Random
    programs: SimulatedPrograms
    say: Callable[[str], None]
    shift: Callable[[float], None]
    monotonic: Callable[[], float]
    count: int = 0
    is_away: bool = False
    _away_turns: int = 0
    _die_at: int | None = None
    _lose_at: int | None = None

    def strike(self) -> None:
        """With a chance of a few in a hundred, something goes wrong."""
        self._away_turns -= 1
        if self.is_away and self._away_turns <= 0:
            self.is_away = False
            self.say("the store is back")
        faults: tuple[tuple[float, Callable[[], None]], ...] = (
            (0.012, self._kill),
            (0.010, self._arm_death),
            (0.006, self._lose_answer),
            (0.003, self._hang),
            (0.003, self._deafen),
            (0.002, self._eat_memory),
            (0.002, self._cut_store),
            (0.002, self._no_template),
            (0.0006, self._jump),
        )
        drawn = self.random.random()
        for chance, fault in faults:
            drawn -= chance
            if drawn < 0:
                fault()
                return

    def at_store(self, side: str, operation: str, collection: str) -> None:
        """Called around each operation of the platform."""
        if self.is_away:
            raise Unavailable("no answer from the store")
        if operation not in WRITES:
            return
        if self._die_at is not None:
            self._die_at -= 1
            if self._die_at < 0:
                self._die_at = None
                self.tell(f"dies {side} {operation} in {collection}")
                raise ProgramDied
        if self._lose_at is not None and side == "after":
            self._lose_at -= 1
            if self._lose_at < 0:
                self._lose_at = None
                self.tell(f"the answer to {operation} in {collection} is lost")
                raise Unavailable("the answer was lost")

    def calm(self) -> None:
        """Nothing is wrong any more, and nothing is armed."""
        self.is_away, self._die_at, self._lose_at = False, None, None
        self.programs.startable = True
        self.programs.memory.clear()

    def tell(self, text: str) -> None:
        """Count and log a fault, also one that somebody else did."""
        self.count += 1
        self.say(f"fault: {text}")

    def _kill(self) -> None:
        if living := self.programs.living():
            child = self.random.choice(living)
            child.code = int(self.random.choice(_DEADLY))
            self.tell(f"{child.program.name} (pid {child.identity.pid}) ends with {child.code}")

    def _arm_death(self) -> None:
        self._die_at = self.random.randrange(12)

    def _lose_answer(self) -> None:
        self._lose_at = self.random.randrange(8)

    def _hang(self) -> None:
        if living := [child for child in self.programs.living() if child.runner is not None]:
            child = self.random.choice(living)
            child.hung_since, child.hung_in = self.monotonic(), self.random.choice(_HANGS)
            self.tell(f"{child.program.name} (pid {child.identity.pid}) hangs")

    def _deafen(self) -> None:
        if living := self.programs.living():
            child = self.random.choice(living)
            child.ignores_term = True
            self.tell(f"{child.program.name} (pid {child.identity.pid}) is deaf to TERM")

    def _eat_memory(self) -> None:
        if living := self.programs.living():
            name = self.random.choice(living).program.name
            self.programs.memory[name] = 2000.0
            self.tell(f"{name} eats memory")

    def _cut_store(self) -> None:
        self.is_away, self._away_turns = True, self.random.randrange(1, 40)
        self.tell(f"the store is away for {self._away_turns} turns")

    def _no_template(self) -> None:
        self.programs.startable = not self.programs.startable
        self.tell(f"programs can{'' if self.programs.startable else 'not'} be started")

    def _jump(self) -> None:
        seconds = self.random.choice(_JUMPS)
        self.shift(seconds)
        self.tell(f"the clock jumps by {seconds:+.0f} s")
