"""When a process may run: its daily windows in a named zone, right across midnight and both DST changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sysproduction.domain.processes import ProcessSpec

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """opens <= moment < closes, in UTC; `day` is the trading day: the local date on which it opened."""

    day: date
    opens: datetime
    closes: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies inside."""
        return self.opens <= moment < self.closes


def window_of(spec: ProcessSpec, day: date) -> Window | None:
    """The window that opens on this local date; None on a day of the week that the process does not run.

    A local time that a DST change skips counts as the moment of the change. A window opens at the first minute at or
    past its start and closes after the last minute before its stop, so an hour that happens twice is inside with
    both its occurrences, and a window is never empty.
    """
    if day.weekday() not in spec.days:
        return None
    zone = ZoneInfo(spec.timezone)
    last_day = day if spec.stop_time > spec.start_time else day + _DAY
    opens = _instant(day, spec.start_time, zone, fold=0)
    closes = _instant(last_day, spec.stop_time, zone, fold=_last_fold(last_day, spec.stop_time, zone))
    if closes <= opens:
        closes = opens + (datetime.combine(last_day, spec.stop_time) - datetime.combine(day, spec.start_time))
    return Window(day, opens, closes)


def current_window(spec: ProcessSpec, now: datetime) -> Window | None:
    """The window that holds `now`, the one opened last if two do."""
    today = now.astimezone(ZoneInfo(spec.timezone)).date()
    for day in (today + _DAY, today, today - _DAY):
        window = window_of(spec, day)
        if window is not None and window.holds(now):
            return window
    return None


def last_window(spec: ProcessSpec, now: datetime) -> Window | None:
    """The window that closed last, if one did within the last eight days."""
    today = now.astimezone(ZoneInfo(spec.timezone)).date()
    windows = (window_of(spec, today - days * _DAY) for days in range(9))
    return next((window for window in windows if window is not None and window.closes <= now), None)


def coming_windows(spec: ProcessSpec, now: datetime) -> Iterator[Window]:
    """Windows that open after `now`, in order, without end."""
    day = now.astimezone(ZoneInfo(spec.timezone)).date() - _DAY
    while True:
        window = window_of(spec, day)
        if window is not None and window.opens > now:
            yield window
        day += _DAY


def _last_fold(day: date, at: time, zone: ZoneInfo) -> int:
    """Which occurrence of a repeated local time ends the last minute before it: the first, if it begins the repeat."""
    before = datetime.combine(day, at, tzinfo=zone) - timedelta(microseconds=1)
    return int(before.replace(fold=0).utcoffset() != before.replace(fold=1).utcoffset())


def _instant(day: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    local = datetime.combine(day, at.replace(microsecond=0), tzinfo=zone).replace(fold=fold)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    return _change_within(local, zone)


def _change_within(skipped: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks jumped over the `skipped` local time, to the second."""
    low = skipped.replace(fold=1).astimezone(UTC)
    high = skipped.replace(fold=0).astimezone(UTC)
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high
