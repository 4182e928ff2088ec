"""Windows against a model that looks at every minute of the local wall clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysproduction.domain.processes import ProcessSpec
from sysproduction.supervisor.preview import openings
from sysproduction.supervisor.windows import coming_windows, current_window, last_window, window_of

MINUTE = timedelta(minutes=1)
EVERY_DAY = frozenset(range(7))
ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")
CHANGES = {  # zone -> days around a change of its clocks
    "Europe/London": (date(2024, 3, 31), date(2024, 10, 27)),
    "America/New_York": (date(2024, 3, 10), date(2024, 11, 3)),
    "Australia/Lord_Howe": (date(2024, 4, 7), date(2024, 10, 6)),
    "America/St_Johns": (date(2024, 3, 10), date(2024, 11, 3)),
}


def spec(start: str, stop: str, zone: str = "UTC", days: frozenset[int] = EVERY_DAY) -> ProcessSpec:
    return ProcessSpec("run", time.fromisoformat(start), time.fromisoformat(stop), zone, (), days=days)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bounds(start: str, stop: str, zone: str, day: str) -> tuple[datetime, datetime]:
    window = window_of(spec(start, stop, zone), date.fromisoformat(day))
    assert window is not None
    return window.opens, window.closes


@pytest.mark.parametrize(
    ("start", "stop", "zone", "day", "opens", "closes"),
    [
        ("09:00", "17:00", "UTC", "2024-01-15", "2024-01-15 09:00", "2024-01-15 17:00"),
        ("22:00", "03:00", "UTC", "2024-01-15", "2024-01-15 22:00", "2024-01-16 03:00"),
        ("22:00", "00:00", "UTC", "2024-12-31", "2024-12-31 22:00", "2025-01-01 00:00"),
        ("00:00", "00:00", "UTC", "2024-01-15", "2024-01-15 00:00", "2024-01-16 00:00"),
        ("22:00", "03:00", "UTC", "2024-02-28", "2024-02-28 22:00", "2024-02-29 03:00"),
        ("22:00", "03:00", "UTC", "2024-02-29", "2024-02-29 22:00", "2024-03-01 03:00"),
        ("20:00", "23:00", "America/New_York", "2024-07-01", "2024-07-02 00:00", "2024-07-02 03:00"),
        ("08:00", "09:00", "Asia/Kathmandu", "2024-01-15", "2024-01-15 02:15", "2024-01-15 03:15"),
        # spring: London skips 01:00-02:00, which is the moment 01:00 UTC
        ("01:30", "05:00", "Europe/London", "2024-03-31", "2024-03-31 01:00", "2024-03-31 04:00"),
        ("00:30", "01:30", "Europe/London", "2024-03-31", "2024-03-31 00:30", "2024-03-31 01:00"),
        ("01:15", "01:45", "Europe/London", "2024-03-31", "2024-03-31 01:00", "2024-03-31 01:30"),
        ("01:30", "02:00", "Europe/London", "2024-03-31", "2024-03-31 01:00", "2024-03-31 01:30"),
        ("22:00", "01:30", "Europe/London", "2024-03-30", "2024-03-30 22:00", "2024-03-31 01:00"),
        # autumn: London has 01:00-02:00 twice, 00:00-01:00 UTC and 01:00-02:00 UTC
        ("01:30", "05:00", "Europe/London", "2024-10-27", "2024-10-27 00:30", "2024-10-27 05:00"),
        ("00:30", "01:30", "Europe/London", "2024-10-27", "2024-10-26 23:30", "2024-10-27 01:30"),
        ("01:15", "01:45", "Europe/London", "2024-10-27", "2024-10-27 00:15", "2024-10-27 01:45"),
        ("02:00", "03:00", "Europe/London", "2024-10-27", "2024-10-27 02:00", "2024-10-27 03:00"),
        # Lord Howe moves by half an hour; Apia left out the whole 30th of December 2011
        ("02:15", "04:00", "Australia/Lord_Howe", "2024-10-06", "2024-10-05 15:30", "2024-10-05 17:00"),
        ("10:00", "12:00", "Pacific/Apia", "2011-12-30", "2011-12-30 10:00", "2011-12-30 12:00"),
    ],
)
def test_windows_to_the_minute(start: str, stop: str, zone: str, day: str, opens: str, closes: str) -> None:
    """Opens at the first, closes at the last occurrence; a skipped time is the moment of the change."""
    assert bounds(start, stop, zone, day) == (utc(opens), utc(closes))


def test_a_skipped_start_with_a_fraction_of_a_second_is_found() -> None:
    """The search for the change ends for any time of the day."""
    window = window_of(spec("01:59:59.700000", "05:00", "Europe/London"), date(2024, 3, 31))
    assert window is not None
    assert window.opens == utc("2024-03-31 01:00")


def test_only_the_named_weekdays_open() -> None:
    """A Friday window runs into Saturday; the next one is Monday's."""
    weekdays = spec("22:00", "03:00", days=frozenset(range(5)))
    assert window_of(weekdays, date(2024, 1, 20)) is None
    friday = current_window(weekdays, utc("2024-01-20 02:59"))
    assert friday is not None
    assert friday.day == date(2024, 1, 19)
    assert current_window(weekdays, utc("2024-01-20 03:00")) is None
    assert next(coming_windows(weekdays, utc("2024-01-20 03:00"))).day == date(2024, 1, 22)


def test_a_window_that_has_just_opened_is_not_coming() -> None:
    """At its opening a window is current; coming ones are strictly later, one a day."""
    daily = spec("10:00", "12:00")
    now = utc("2024-01-15 10:00")
    assert current_window(daily, now) is not None
    assert [w.day.day for w in islice(coming_windows(daily, now), 3)] == [16, 17, 18]


def test_the_preview_lists_open_and_coming_windows_in_order() -> None:
    """What is open now comes first, what opens at the end of the span is left out."""
    found = openings(
        [spec("10:00", "12:00"), spec("23:00", "11:00")], now=utc("2024-01-15 10:30"), until=utc("2024-01-16 10:00")
    )
    assert [(o.window.opens, o.open_now) for o in found] == [
        (utc("2024-01-14 23:00"), True),
        (utc("2024-01-15 10:00"), True),
        (utc("2024-01-15 23:00"), False),
    ]


def model(start: time, stop: time, zone: str, day: date) -> tuple[datetime, datetime]:
    """The window by looking at each minute: the first at or past the start, the end of the last before the stop."""
    tz = ZoneInfo(zone)
    last_day = day if stop > start else day + timedelta(days=1)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    minutes = [noon + MINUTE * i for i in range(-40 * 60, 52 * 60)]
    local = [m.astimezone(tz).replace(tzinfo=None) for m in minutes]
    opens = next(m for m, at in zip(minutes, local, strict=True) if at >= datetime.combine(day, start))
    closes = max(m for m, at in zip(minutes, local, strict=True) if at < datetime.combine(last_day, stop)) + MINUTE
    if closes <= opens:
        closes = opens + (datetime.combine(last_day, stop) - datetime.combine(day, start))
    return opens, closes


times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
nights = st.builds(time, st.integers(0, 4), st.sampled_from([0, 1, 15, 29, 30, 31, 45, 59]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, date, time, time]:
    zone = draw(st.sampled_from(ZONES))
    if zone in CHANGES and draw(st.booleans()):
        day = draw(st.sampled_from(CHANGES[zone])) + timedelta(days=draw(st.integers(-1, 1)))
        return zone, day, draw(nights | times), draw(nights | times)
    return zone, draw(st.dates(date(2023, 12, 30), date(2025, 1, 2))), draw(times), draw(times)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_windows_equal_the_minute_model(case: tuple[str, date, time, time]) -> None:
    """Any times, any day, six zones, half of the cases at a change of the clocks."""
    zone, day, start, stop = case
    window = window_of(ProcessSpec("run", start, stop, zone, (), days=EVERY_DAY), day)
    assert window is not None
    assert (window.opens, window.closes) == model(start, stop, zone, day)
    assert window.opens < window.closes


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(-2 * 1440, 2 * 1440))
def test_the_current_window_is_the_last_opened_that_holds(case: tuple[str, date, time, time], minutes: int) -> None:
    """Searched among a week of windows; the coming one is the next that opens."""
    zone, day, start, stop = case
    process = ProcessSpec("run", start, stop, zone, (), days=EVERY_DAY)
    now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + MINUTE * minutes
    week = [w for i in range(-5, 6) if (w := window_of(process, day + timedelta(days=i)))]
    holding = [w for w in week if w.opens <= now < w.closes]
    assert current_window(process, now) == (holding[-1] if holding else None)
    assert next(coming_windows(process, now)) == next(w for w in week if w.opens > now)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CHANGES)), st.integers(0, 239))
def test_every_start_happens_exactly_once_a_day(zone: str, minute: int) -> None:
    """Over both changes, each local date has one opening, and no stop comes before its start."""
    process = ProcessSpec("run", time(minute // 60, minute % 60), time(12), zone, (), days=EVERY_DAY)
    for change in CHANGES[zone]:
        windows = [w for i in range(-3, 4) if (w := window_of(process, change + timedelta(days=i)))]
        assert len({w.opens for w in windows}) == 7
        assert all(a.closes <= b.opens for a, b in pairwise(windows))


def test_the_last_window_is_the_one_that_closed_last() -> None:
    """Not the open one, and none when the process has not been due for a week."""
    daily = spec("10:00", "12:00")
    found = last_window(daily, utc("2024-01-15 11:00"))
    assert found is not None
    assert found.closes == utc("2024-01-14 12:00")
    assert last_window(replace(daily, days=frozenset()), utc("2024-01-15 11:00")) is None
