"""Scalars as operators write them: times of day, days of the week, zones, moments, stores and secrets."""

import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from sysproduction.config.problems import Unfit, closest
from sysproduction.config.secret import Secret

EMBEDDED: Final = "embedded"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_NEARLY_TIME = re.compile(r"(\d{1,2})(?:[:.h]?(\d{2}))?(?::\d\d)?\s*([ap])?\.?m?\.?", re.ASCII | re.IGNORECASE)
_FLAGS = {"yes": True, "on": True, "no": False, "off": False}
_NOT_A_DAY = "holds {}, which is not a day: write mon, tue, wed, thu, fri, sat or sun"
_EVERY_DAY = ("daily", "all", "every day", "everyday", "always")


def flag(value: Any) -> Any:
    """yes, no, on and off besides true and false."""
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def time_of_day(value: Any) -> time:
    """HH:MM or HH:MM:SS."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit(suggestion=_nearly_time(value))
    hour, minute, second = (int(part or 0) for part in match.groups())
    return time(hour, minute, second)


def time_or_none(value: Any) -> time | None:
    """The same, or nothing."""
    return None if value is None else time_of_day(value)


def _nearly_time(value: Any) -> str | None:
    """What 7pm, 20.00, 2000 or 24:00 is meant to say."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _NEARLY_TIME.fullmatch(f"{value:.2f}" if isinstance(value, float) else str(value).strip())
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    hour = 0 if (hour, minute) == (24, 0) else hour
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def days(value: Any) -> frozenset[int]:
    """A day, a range such as fri-mon, or a list of them: numbers from 0 = Monday."""
    parts = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else None
    if parts is None:
        raise Unfit
    if not parts:
        raise Unfit("is an empty list, so the process would never run; set enabled: false to switch it off")
    return frozenset(day for part in parts for day in _day_range(part))


def _day_range(part: Any) -> list[int]:
    if not isinstance(part, str):
        raise Unfit(_NOT_A_DAY.format(repr(part)))
    if part.strip().lower() in _EVERY_DAY:
        raise Unfit(suggestion="mon-sun")
    first, dash, last = part.partition("-")
    start = _day(first)
    stop = _day(last) if dash else start
    return [(start + step) % 7 for step in range((stop - start) % 7 + 1)]


def _day(word: str) -> int:
    name = word.strip().lower()
    for names in (DAYS, _LONG_DAYS):
        if name in names:
            return names.index(name)
    near = closest(name, DAYS) or closest(name, _LONG_DAYS)
    raise Unfit(_NOT_A_DAY.format(repr(word.strip()[:40])), suggestion=near)


def zone(value: Any) -> str:
    """A name from the time zone database."""
    if not isinstance(value, str):
        raise Unfit
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, KeyError):
        raise Unfit(suggestion=_nearest_zone(value)) from None


def _nearest_zone(name: str) -> str | None:
    zones = [known for known in available_timezones() if not re.search(r"^Etc/|[+-]\d", known)]
    cities = {known.rpartition("/")[2]: known for known in sorted(zones, reverse=True) if "/" in known}
    wanted = name.strip().replace(" ", "_")
    return closest(wanted, zones, cutoff=0.8) or cities.get(closest(wanted, cities, cutoff=0.8) or "")


def moment(value: Any) -> datetime | None:
    """A date (its midnight) or a date and time; without an offset it is UTC."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unfit
    try:
        stamp = datetime.fromisoformat(value)
    except ValueError:
        raise Unfit from None
    stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp
    if not date(1900, 1, 2) <= stamp.date() <= date(2200, 1, 1):
        raise Unfit("must lie between 1900 and 2200")
    return stamp.astimezone(UTC)


def off_site(value: Any) -> str | None:
    """What rsync takes as a target, or the address of a folder behind s3:// or file://."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or value.startswith("-"):
        raise Unfit
    scheme, separator, _ = value.partition("://")
    if separator and scheme not in ("s3", "file"):
        raise Unfit(f"begins with {scheme}://, which is not known")
    return value.strip()


def folder(value: Any) -> Path | None:
    """An absolute path, or one that begins with ~."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise Unfit
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise Unfit("begins with ~, but there is no such user: write the path in full") from None
    if not path.is_absolute():
        raise Unfit("must be an absolute path, or begin with ~/", suggestion=str(path.absolute()))
    return path


def secret(value: Any) -> Secret | None:
    """A text without blanks that is never shown."""
    if value is None:
        return None
    if not isinstance(value, str) or not value or re.search(r"\s", value):
        raise Unfit("must be a text without blanks (its value is not shown)")
    return Secret(value)


def store(value: Any, schemes: tuple[str, ...]) -> Secret | str:
    """EMBEDDED, or an address that may hold a password."""
    if value == EMBEDDED:
        return EMBEDDED
    if isinstance(value, str) and any(re.match(re.escape(s) + r"([^\s]*@)?[^\s@]+\Z", value) for s in schemes):
        if value.startswith("lmdb://") and not value.startswith("lmdb:///"):
            raise Unfit("must name its folder from the root, as in lmdb:///srv/prices")
        return Secret(value)
    near = closest(value, (EMBEDDED,)) if isinstance(value, str) else None
    expected = " or ".join(f"{scheme}…" for scheme in schemes)
    found = "but is empty" if value is None else "and is something else (not shown)"
    raise Unfit(f"must be {EMBEDDED}, or an address {expected}, {found}", suggestion=near)
