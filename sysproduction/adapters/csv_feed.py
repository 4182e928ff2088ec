"""The csv feed: recorded prices in pysystemtrade's folder layout, served contract by contract."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd

from sysproduction.adapters.csv_config import Listings, locate, read_listings
from sysproduction.adapters.csv_files import SUFFIXES, Columns, Table, read_table
from sysproduction.adapters.csv_history import (
    MULTIPLE_COLUMNS,
    chain_at,
    contract_bars,
    named_prices,
    recorded_rolls,
)
from sysproduction.adapters.stamped import between, no_bars, suggestion
from sysproduction.domain.bars import BAR_COLUMNS, Frequency
from sysproduction.domain.contracts import ContractListing
from sysproduction.domain.errors import ConfigError, DataError
from sysproduction.domain.instruments import Listing, Quote
from sysproduction.domain.results import Problem, ProblemKind
from sysproduction.domain.rolls import Roll

MULTIPLE_FOLDER: Final = "multiple_prices_csv"
FX_FOLDER: Final = "fx_prices_csv"
CONFIG_FOLDER: Final = "csvconfig"
FX_COLUMNS: Final = Columns(("PRICE",))

QUOTE_AGE_MAX: Final = timedelta(days=4)
"""Older prices give no quote; long enough for a weekend with a holiday."""

QUOTE_DEPTH: Final = 100
"""Contracts on either side of a quote: the files record no sizes."""


class CsvFeed:
    """Feed of the files in one folder, optionally of some instruments only. Files are parsed once, when asked for.

    Beyond the port: what is wrong with a file's rows (`problems`), which instruments cannot be used (`skipped`),
    and whole histories for an import. Raises ConfigError at once if the folder has no prices or an instrument that
    is asked for is not in it.
    """

    def __init__(self, folder: Path, instruments: Sequence[str] | None = None) -> None:
        self._folder = folder
        self._files = _price_files(_existing(folder, MULTIPLE_FOLDER))
        unknown = [code for code in instruments or () if code not in self._files]
        if unknown:
            raise ConfigError(_unknown("instrument", unknown[0], self._files, folder / MULTIPLE_FOLDER))
        self._codes = sorted(self._files if instruments is None else set(instruments))
        self._tables: dict[str, Table] = {}
        self._bars: dict[str, Mapping[str, pd.DataFrame]] = {}
        self._rolls: dict[str, Sequence[Roll]] = {}

    def instruments(self) -> Sequence[Listing]:
        """Those with prices, configuration and roll parameters, sorted; see `skipped` for the others."""
        return tuple(self._listings.by_code.values())

    def skipped(self) -> Sequence[Problem]:
        """Why instruments that have a price file are not among `instruments`."""
        left_out = [code for code in self._codes if code not in self._listings.by_code]
        return tuple(problem for code in left_out for problem in self._listings.problems[code])

    def problems(self, item: str) -> Sequence[Problem]:
        """What is wrong with an instrument's configuration and price rows, or with a currency pair's rows."""
        if item in self._files:
            return (*self._listings.problems.get(item, ()), *_corrupt(item, self._table(item)))
        return _corrupt(item, self._fx_table(item))

    def chain(self, instrument: str, now: datetime) -> Sequence[ContractListing]:
        """Contracts that the file has named within half a year before `now`; it knows no expiries."""
        return [ContractListing(name) for name in chain_at(self._table(instrument).frame, now)]

    def bars(
        self, instrument: str, contract: str, frequency: Frequency, *, after: datetime | None, until: datetime
    ) -> pd.DataFrame:
        """Closes of one contract: daily those stamped 23:00:00, intraday all others."""
        bars = self.all_bars(instrument).get(contract)
        if bars is None:
            return no_bars()
        chosen = bars.loc[bars["daily"] == (frequency is Frequency.DAILY), list(BAR_COLUMNS)]
        return between(chosen, after, until)

    def rolls(self, instrument: str, *, after: datetime | None, until: datetime) -> Sequence[Roll]:
        """Where the file changes contracts, and its first row."""
        if instrument not in self._rolls:
            self._rolls[instrument] = recorded_rolls(self._table(instrument).frame)
        return [r for r in self._rolls[instrument] if (after is None or after < r.stamp) and r.stamp <= until]

    def currency_pairs(self) -> Sequence[str]:
        """Pairs that have a file."""
        return tuple(sorted(self._fx_files))

    def fx(self, pair: str, *, after: datetime | None, until: datetime) -> pd.DataFrame:
        """Recorded rates."""
        rates = self._fx_table(pair).frame.dropna().set_axis(["rate"], axis=1)
        return between(rates, after, until)

    def quote(self, instrument: str, contract: str, now: datetime) -> Quote | None:
        """The contract's last close up to `now`, if less than QUOTE_AGE_MAX old, ± its spread cost, QUOTE_DEPTH deep;
        `at` is that close's stamp."""
        spread_cost = self._listing(instrument).instrument.spread_cost
        bars = self.all_bars(instrument).get(contract, no_bars())
        recent = between(bars, now - QUOTE_AGE_MAX, now)
        if recent.empty:
            return None
        close = float(recent["close"].iloc[-1])
        at = recent.index[-1].to_pydatetime()
        return Quote(at, close - spread_cost, close + spread_cost, QUOTE_DEPTH, QUOTE_DEPTH)

    def sessions(self, instrument: str, now: datetime) -> None:
        """The files do not tell hours."""

    def multiple_prices(self, instrument: str) -> pd.DataFrame:
        """The file's rows that have some price, roll rows too: floats PRICE, CARRY, FORWARD and strings
        PRICE_CONTRACT, CARRY_CONTRACT, FORWARD_CONTRACT by aware UTC stamp."""
        return named_prices(self._table(instrument).frame)

    def all_bars(self, instrument: str) -> Mapping[str, pd.DataFrame]:
        """All bars of every contract: BAR_COLUMNS and the bool column `daily`, sorted; not to be changed."""
        if instrument not in self._bars:
            self._bars[instrument] = contract_bars(self._table(instrument).frame)
        return self._bars[instrument]

    @cached_property
    def _listings(self) -> Listings:
        return read_listings(_existing(self._folder, CONFIG_FOLDER), self._codes)

    @cached_property
    def _fx_files(self) -> dict[str, Path]:
        return _price_files(_existing(self._folder, FX_FOLDER))

    def _listing(self, instrument: str) -> Listing:
        listing = self._listings.by_code.get(instrument)
        if listing is None:
            self._known(instrument)
            raise DataError(f"{instrument}: {self._listings.problems[instrument][0].reason}")
        return listing

    def _known(self, instrument: str) -> Path:
        if instrument not in self._codes:
            raise DataError(_unknown("instrument", instrument, self._codes, self._folder / MULTIPLE_FOLDER))
        return self._files[instrument]

    def _table(self, instrument: str) -> Table:
        path = self._known(instrument)
        if instrument not in self._tables:
            self._tables[instrument] = read_table(path, MULTIPLE_COLUMNS)
        return self._tables[instrument]

    def _fx_table(self, pair: str) -> Table:
        if pair not in self._fx_files:
            raise DataError(_unknown("currency pair", pair, self._fx_files, self._folder / FX_FOLDER))
        key = f"{FX_FOLDER}/{pair}"
        if key not in self._tables:
            self._tables[key] = read_table(self._fx_files[pair], FX_COLUMNS)
        return self._tables[key]


def recorded_codes(folder: Path) -> list[str]:
    """Codes of all instruments that have a price file in the folder, sorted; ConfigError if it has none."""
    return sorted(_price_files(_existing(folder, MULTIPLE_FOLDER)))


def _existing(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_dir():
        missing = path if folder.is_dir() else folder
        raise ConfigError(
            f"{missing}: no such folder; expected is a data folder that holds "
            f"{MULTIPLE_FOLDER}, {FX_FOLDER} and {CONFIG_FOLDER}"
        )
    return path


def _price_files(folder: Path) -> dict[str, Path]:
    """File by code; the plain one where both forms exist."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as fault:
        raise ConfigError(f"{folder}: cannot be read ({fault.strerror})") from fault
    codes = [name.removesuffix(".gz").removesuffix(".csv") for name in names if name.endswith(SUFFIXES)]
    if not codes:
        raise ConfigError(f"{folder}: holds no .csv or .csv.gz file")
    return {code: path for code in codes if code and (path := locate(folder, code)) is not None}


def _unknown(kind: str, name: str, known: Mapping[str, Path] | Sequence[str], folder: Path) -> str:
    return f"{kind} {name!r} has no file in {folder}; {suggestion(name, known)}"


def _corrupt(item: str, table: Table) -> tuple[Problem, ...]:
    return tuple(Problem(item, ProblemKind.CORRUPT, fault) for fault in table.faults)
