"""Whether a market is open: by the broker's hours, or where it does not tell them by a trading calendar."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from sysproduction.domain.broker import Session
from sysproduction.domain.errors import ConfigError

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a market trades now, and until when; None: that is not known, or it is closed."""

    is_open: bool
    closes_at: datetime | None = None


def opening(sessions: Sequence[Session] | None, calendar: str | None, now: datetime) -> Opening:
    """The broker's sessions go before the calendar; without either, hours are no reason not to ask the broker. Raises
    ConfigError for a calendar that `exchange_calendars` does not have."""
    if sessions is not None:
        closes = [session.closes for session in sessions if session.opens <= now < session.closes]
        return Opening(bool(closes), min(closes, default=None))
    if calendar is None:
        return Opening(True)
    known = _calendar(calendar, now.year)
    minute = now.replace(second=0, microsecond=0)
    if not known.is_open_on_minute(minute):
        return Opening(False)
    return Opening(True, known.next_close(minute).to_pydatetime())


def calendar_names() -> list[str]:
    """Every calendar that there is."""
    from exchange_calendars import get_calendar_names

    return sorted(get_calendar_names())


@lru_cache(maxsize=64)
def _calendar(name: str, year: int) -> "ExchangeCalendar":
    """Over a year and the weeks around it."""
    from exchange_calendars import get_calendar
    from exchange_calendars.errors import InvalidCalendarName

    try:
        return get_calendar(name, start=f"{year - 1}-12-01", end=f"{year + 1}-02-01")
    except InvalidCalendarName as error:
        raise ConfigError(f"trading_hours: {error}: see the calendars of exchange_calendars") from error
