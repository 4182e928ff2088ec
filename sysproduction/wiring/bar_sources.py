"""Where bars for runs are kept beside the store, and what brings them there."""

from pathlib import Path
from typing import TYPE_CHECKING

from sysproduction.config.home import Home
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.events import BarPeriod

if TYPE_CHECKING:
    from sysproduction.adapters.bar_supplies import BarSupply as BarSupply
    from sysproduction.adapters.secmaster import Secmaster
    from sysproduction.domain.bar_columns import BarColumns


def secmaster(home: Home, *, make: bool = False) -> "Secmaster":
    """The home's secmaster.db; raises ConfigError if it is not there and is not to be made."""
    from sysproduction.adapters.secmaster import Secmaster

    if make:
        home.create()
    elif not home.secmaster.exists():
        raise ConfigError(f"{home.secmaster} does not exist: `secmaster ingest` makes it")
    return Secmaster(home.secmaster)


def bar_file(path: Path, *, period: BarPeriod, publisher: str, symbol: str | None) -> "BarSupply":
    """The bars of a file, by its ending; those of a vendor's file say themselves what they are.

    Raises ConfigError for an ending that is not known, DataError for a file that cannot be read.
    """
    from sysproduction.adapters.bar_supplies import Publisher

    if path.name.endswith((".csv", ".csv.gz")):
        from sysproduction.adapters.bar_files import csv_bars

        return csv_bars(path, period, Publisher(publisher), symbol)
    if path.suffix == ".parquet":
        from sysproduction.adapters.bar_files import parquet_bars

        return parquet_bars(path, period, Publisher(publisher), symbol)
    if path.name.endswith((".dbn", ".dbn.zst")):
        from sysproduction.adapters.databento_files import databento_bars

        if symbol is not None:
            raise ConfigError(f"{path} says itself which symbols it has; leave out --symbol {symbol}")
        return databento_bars(path)
    raise ConfigError(f"{path}: bars come in files that end in .csv, .csv.gz, .parquet, .dbn or .dbn.zst")


def stored_bars(histories: "list[BarColumns]") -> "BarSupply":
    """The store's back-adjusted bars: whole series, which change with each roll."""
    from sysproduction.adapters.bar_supplies import Publisher, whole_histories

    return whole_histories("store", Publisher("store"), histories)
