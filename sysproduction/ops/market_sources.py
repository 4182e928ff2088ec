"""Where a backtest's prices come from: a folder of recorded ones, or the store of a home."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sysproduction.ops.session import Session

if TYPE_CHECKING:
    from sysproduction.domain.histories import MarketData

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class MarketSource:
    """Prices of these instruments, and rates into the base currency: from the folder, else (None) from the store of the
    home. It can be sent to another process, which reads them itself."""

    session: Session
    data: Path | None
    instruments: tuple[str, ...]
    base_currency: str

    def read(self, progress: Progress) -> "MarketData":
        """Everything that is recorded; what is missing is named in it."""
        from sysproduction import wiring

        if self.data is not None:
            return wiring.csv_market(self.data, self.instruments, self.base_currency, progress)
        from sysproduction.stores.fx import FxRates
        from sysproduction.stores.instruments import Instruments
        from sysproduction.stores.prices import Prices
        from sysproduction.strategies.histories import stored_market

        with self.session.outside() as ports:
            return stored_market(
                self.instruments,
                self.base_currency,
                prices=Prices(ports.series),
                instruments=Instruments(ports.documents),
                rates=FxRates(ports.series),
                progress=progress,
            )

    def fingerprint(self) -> list[list[str | int]]:
        """Name, size and time of every file of a folder that is read: what is run again after they have changed. Of the
        store only which home it is in."""
        if self.data is None:
            return [["store", str(self.session.home)]]
        files = [file for file in sorted(self.data.rglob("*.csv")) if self._concerns(file)]
        return [[str(file), (found := os.stat(file)).st_size, found.st_mtime_ns] for file in files]

    def _concerns(self, file: Path) -> bool:
        """Not the prices of other instruments."""
        return "prices" not in file.parent.name or "fx" in file.parent.name or file.stem in self.instruments
