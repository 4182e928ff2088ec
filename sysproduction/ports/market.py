"""Market time and market data."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sysproduction.domain.bars import Frequency

if TYPE_CHECKING:
    import pandas as pd

    from sysproduction.domain.broker import Session
    from sysproduction.domain.contracts import ContractListing
    from sysproduction.domain.instruments import Listing, Quote
    from sysproduction.domain.rolls import Roll


class Clock(Protocol):
    """Two kinds of time, never mixed: market time (what the calendar says) and machine time (what elapses)."""

    def now(self) -> datetime:
        """Market time, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Machine seconds since an arbitrary origin; never steps."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` of machine time pass."""
        ...

    def seconds_until(self, moment: datetime) -> float:
        """Machine seconds until market time reaches `moment` at the present pace; 0 if it has."""
        ...


class PacedClock(Clock, Protocol):
    """A market clock that somebody keeps going, for demos and replays."""

    def run_at(self, rate: float, ceiling: datetime) -> None:
        """From now on let `rate` market seconds pass in a machine second, and stand still at `ceiling`."""
        ...


class Feed(Protocol):
    """A source of market data. Bars and rolls are facts of the past: asked twice, it answers the same.

    Every method raises Unavailable if the source cannot be reached and DataError if it has no usable data for
    that one item; a file that the user must supply or mend raises ConfigError.
    """

    def instruments(self) -> "Sequence[Listing]":
        """All instruments it knows, with costs, point size and roll parameters, sorted by code."""
        ...

    def chain(self, instrument: str, now: datetime) -> "Sequence[ContractListing]":
        """Contracts that can be sampled at `now`, by date; may be empty."""
        ...

    def bars(
        self, instrument: str, contract: str, frequency: Frequency, *, after: datetime | None, until: datetime
    ) -> "pd.DataFrame":
        """Bars of one contract with after < stamp <= until (columns BAR_COLUMNS); empty if there are none."""
        ...

    def rolls(self, instrument: str, *, after: datetime | None, until: datetime) -> "Sequence[Roll]":
        """Rolls that the source records with after < stamp <= until; the first of all sets the first contracts."""
        ...

    def currency_pairs(self) -> Sequence[str]:
        """Pairs such as EURUSD (USD for one EUR), sorted."""
        ...

    def fx(self, pair: str, *, after: datetime | None, until: datetime) -> "pd.DataFrame":
        """Rates with after < stamp <= until in one column `rate`."""
        ...

    def quote(self, instrument: str, contract: str, now: datetime) -> "Quote | None":
        """Best bid and ask with sizes; None when there is no recent price."""
        ...

    def sessions(self, instrument: str, now: datetime) -> "Sequence[Session] | None":
        """The market's hours around `now`, a day back and three ahead; None: it does not know them."""
        ...
