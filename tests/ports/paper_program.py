"""A paper exchange in a process of its own, on a market that always quotes: paper_program.py FOLDER [FAULT]."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from sysproduction.adapters.paper_service import PaperService
from sysproduction.adapters.simulated_broker import Switchboard
from sysproduction.domain.broker_faults import FaultKind, PlannedFault
from sysproduction.domain.instruments import Quote
from sysproduction.exchange.values import ExchangeRules, Terms


class SteadyMarket:
    """CORN at 100 to 101, two contracts deep; a new quote every time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def terms(self, instrument: str, now: datetime) -> Terms | None:
        return Terms(point_size=50.0, per_contract=2.0, margin_rate=0.0) if instrument == "CORN" else None

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        self.asked += 1
        return Quote(now, 100.0, 101.0, 2, 2 + self.asked % 2)


def switchboard(fault: str | None) -> Switchboard:
    """The first occasion of one kind of fault."""
    return Switchboard([PlannedFault(FaultKind(fault), within=1, calls=1)] if fault else [])


def main() -> None:
    folder = Path(sys.argv[1])
    service = PaperService(
        folder / "state.sqlite",
        folder / "socket",
        rules=ExchangeRules(),
        market=SteadyMarket(),
        faults=switchboard(sys.argv[2] if len(sys.argv) > 2 else None),
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
    )
    print("ready", flush=True)
    while True:
        service.serve(0.2)


if __name__ == "__main__":
    main()
