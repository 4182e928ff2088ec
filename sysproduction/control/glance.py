"""How things stand, at one glance: what a status line and a full-screen view show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sysproduction.control import orders, processes
from sysproduction.control.processes import ProcessStatus
from sysproduction.domain.alerts import Incident
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.identity import Identity
from sysproduction.domain.processes import ProcessSpec
from sysproduction.ports import Documents
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.incidents import Incidents
from sysproduction.stores.kill_switch import KillSwitch
from sysproduction.stores.order_stack import OrderStack
from sysproduction.stores.process_states import ProcessStates

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Glance:
    """All of it as of one moment."""

    now: datetime
    kill: str
    alerts: tuple[Incident, ...]
    processes: tuple[ProcessStatus, ...]
    orders: tuple[Row, ...]
    positions: tuple[Row, ...]


@dataclass
class Onlooker:
    """Looks again and again; positions are followed from where it looked last."""

    documents: Documents
    switch: KillSwitch
    specs: Sequence[ProcessSpec]
    alive: Callable[[Identity], bool]

    def __post_init__(self) -> None:
        self._ledger: FillLedger | None = None

    def line(self, environment: str) -> str:
        """For a status line: the environment, the kill switch, how many alerts are open."""
        try:
            count = len(Incidents(self.documents).all())
        except Unavailable:
            return f"{environment} | kill switch UNREADABLE: nothing is sent | the store is away"
        return f"{environment} | kill switch {self._kill()} | {count} open alert{'' if count == 1 else 's'}"

    def look(self, now: datetime) -> Glance:
        """Everything, as of now; raises Unavailable."""
        self._ledger = self._ledger or FillLedger(self.documents)
        return Glance(
            now=now,
            kill=self._kill(),
            alerts=tuple(Incidents(self.documents).all()),
            processes=tuple(processes.overview(self.specs, ProcessStates(self.documents), self.alive, now)),
            orders=tuple(orders.order_rows(OrderStack(self.documents))),
            positions=tuple(orders.position_rows(self._ledger.positions())),
        )

    def _kill(self) -> str:
        state = self.switch.state()
        return "UNREADABLE: nothing is sent" if state is None else str(state).upper()
