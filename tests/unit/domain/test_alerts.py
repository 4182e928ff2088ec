"""Incidents and the bounded outbox, as pure values."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.alerts import Alert, Incident, Message, Outbox, Severity, recovery_text

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MESSAGES = st.builds(Message, st.sampled_from(Severity), st.sampled_from("abc"), st.text(max_size=1))


@given(st.lists(MESSAGES, max_size=30), st.integers(1, 5))
def test_the_outbox_is_bounded_and_loses_no_count(messages: list[Message], limit: int) -> None:
    """Never more than `limit` wait; every message waits or is counted; the loudest stay, in order of arrival."""
    outbox = Outbox(limit)
    for message in messages:
        outbox = outbox.put(message)
    assert len(outbox.waiting) == min(limit, len(messages))
    assert len(outbox.waiting) + outbox.dropped == len(messages)
    loudest = sorted((m.severity.loudness for m in messages), reverse=True)[:limit]
    assert sorted((m.severity.loudness for m in outbox.waiting), reverse=True) == loudest
    rest = iter(messages)
    assert all(waiting in rest for waiting in outbox.waiting)


def test_the_oldest_of_the_quietest_gives_way() -> None:
    """Among equally quiet messages the oldest is dropped."""
    first, second, third = (Message(Severity.INFO, key, "title") for key in "abc")
    assert Outbox(2).put(first).put(second).put(third) == Outbox(2, (second, third), dropped=1)


def test_a_delivery_takes_away_what_it_told() -> None:
    """After a delivery only drops that it did not tell of are left to tell."""
    message = Message(Severity.INFO, "a", "title")
    assert Outbox(2, (message,), dropped=3).delivered(message, 2) == Outbox(2, (), dropped=1)


def test_giving_up_what_does_not_wait_changes_nothing() -> None:
    """A message that gave way already is not counted twice."""
    outbox = Outbox(2, (Message(Severity.INFO, "a", "title"),), dropped=1)
    assert outbox.give_up(Message(Severity.INFO, "b", "title")) == outbox


def test_a_repeated_incident_counts_and_keeps_its_opening() -> None:
    """One more alert counts, becomes the latest, and never moves time back."""
    alert, later = Alert("k", "old"), Alert("k", "new")
    incident = Incident(alert, NOON, NOON).repeated(later, NOON + timedelta(minutes=5)).repeated(later, NOON)
    assert incident == Incident(later, NOON, NOON + timedelta(minutes=5), 3)


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (timedelta(seconds=59), 1, "works again\nEnds: it broke (1 alert in 0 min)"),
        (timedelta(hours=26, minutes=5), 2, "works again\nEnds: it broke (2 alerts in 26 h 5 min)"),
        (timedelta(hours=-1), 1, "works again\nEnds: it broke (1 alert in 0 min)"),
    ],
)
def test_a_recovery_says_what_it_ends(length: timedelta, count: int, expected: str) -> None:
    """A recovery names the incident, how long it lasted and how often it came."""
    incident = Incident(Alert("k", "it broke"), NOON, NOON, count)
    assert recovery_text("works again", incident, NOON + length) == expected
