"""Ports that tests play with: a notifier that remembers, and what the product's own simulation plays with."""

from dataclasses import dataclass, field

from sysproduction.domain.alerts import Alert
from sysproduction.simulation.faults import WRITES, FaultyDocuments, ProgramDied, outage
from sysproduction.simulation.programs import SimulatedPrograms as FakePrograms

__all__ = ["FakePrograms", "FaultyDocuments", "OnWrite", "ProgramDied", "RecordingNotifier", "outage"]


@dataclass
class RecordingNotifier:
    """Keeps the contract (one alert per open key, one recovery) and remembers what a human was told."""

    told: list[tuple[str, str]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    def alert(self, alert: Alert) -> None:
        if alert.key not in self.open:
            self.open.add(alert.key)
            self.alerts.append(alert)
            self.told.append(("alert", alert.key))

    def recover(self, key: str, text: str) -> None:
        if key in self.open:
            self.open.remove(key)
            self.told.append(("recovery", key))

    def flush(self, seconds: float) -> None: ...

    def keys_told(self, kind: str = "alert") -> list[str]:
        return [key for told, key in self.told if told == kind]


class OnWrite:
    """A fault that raises `error` at one write, counted from 0, on one side of it."""

    def __init__(self, number: int, error: BaseException, side: str = "before") -> None:
        self.number, self.error, self.side = number, error, side
        self.seen = 0

    def __call__(self, side: str, operation: str, collection: str) -> None:
        if operation in WRITES and side == self.side:
            self.seen += 1
            if self.seen - 1 == self.number:
                raise self.error
