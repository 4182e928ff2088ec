"""The table of broker order states: every status with every event, against a drawing of it and against its rules."""

import pytest

from sysproduction.domain.errors import Refused
from sysproduction.domain.order_states import TERMINAL, TRANSITIONS, BrokerEvent, BrokerStatus, after

# S submitting, U unknown, W working, C cancelling, F filled, X cancelled, R rejected, E expired, A absent, - refused
DRAWN = """
               S U W C F X R E A
acknowledged   W W W C F X R E W
rejected       R R R R - X R E R
outcome_lost   U U W C F X R E A
seen_working   W W W C F W W W W
absent         A A - - - - - - A
cancel_asked   S U C C F X R E A
cancel_refused S U W W F X R E A
cancelled      X X X X F X R E X
expired        E E E E F X R E E
filled         F F F F F F F F F
filled_partly  W W W C X X W E W
signed         X X X X - - - - -
"""
LETTERS = dict(zip("SUWCFXREA", BrokerStatus, strict=True))
CASES = [
    (LETTERS[column], BrokerEvent(line.split()[0]), LETTERS.get(cell))
    for line in DRAWN.strip().splitlines()[1:]
    for column, cell in zip("SUWCFXREA", line.split()[1:], strict=True)
]
POSITIVE = {BrokerEvent.SEEN_WORKING, BrokerEvent.FILLED, BrokerEvent.FILLED_PARTLY}


@pytest.mark.parametrize(("status", "event", "expected"), CASES)
def test_every_status_with_every_event(status: BrokerStatus, event: BrokerEvent, expected: BrokerStatus | None) -> None:
    """What follows is what the drawing says; a contradiction is refused in words and names both."""
    found = after(status, event)
    if expected is None:
        assert isinstance(found, Refused)
        assert status in found.reason
        assert event in found.reason
    else:
        assert found is expected


def test_the_table_is_complete() -> None:
    """All pairs of a status and an event are in the table and in the drawing, once."""
    pairs = {(status, event) for status in BrokerStatus for event in BrokerEvent}
    assert set(TRANSITIONS) == pairs
    assert len(CASES) == len(pairs) == len({(status, event) for status, event, _ in CASES})


def test_an_unknown_outcome_ends_by_evidence_or_a_signature_only() -> None:
    """No lost answer, and nothing that we do ourselves, resolves an order whose outcome is unknown."""
    ours = {BrokerEvent.OUTCOME_LOST, BrokerEvent.CANCEL_ASKED, BrokerEvent.CANCEL_REFUSED}
    for event in BrokerEvent:
        following = after(BrokerStatus.UNKNOWN, event)
        assert (following is BrokerStatus.UNKNOWN) == (event in ours)


def test_an_ended_order_comes_back_only_by_evidence_that_it_lives() -> None:
    """Out of a terminal status into a live one lead only executions, the broker's list of open orders, and the answer
    to an order that it had denied."""
    for (status, event), following in TRANSITIONS.items():
        if status in TERMINAL and following is not None and not following.is_terminal:
            denied = status is BrokerStatus.ABSENT and event is BrokerEvent.ACKNOWLEDGED
            assert denied or event in POSITIVE


def test_a_complete_fill_wins_over_every_status() -> None:
    """Facts win: whatever was believed before, an order that is filled is filled."""
    assert {after(status, BrokerEvent.FILLED) for status in BrokerStatus} == {BrokerStatus.FILLED}


def test_an_order_that_the_broker_once_had_is_never_called_absent() -> None:
    """An order missing at the broker is not assumed to be cancelled: once it worked, a human must look."""
    for status in BrokerStatus:
        if status not in (BrokerStatus.SUBMITTING, BrokerStatus.UNKNOWN, BrokerStatus.ABSENT):
            assert isinstance(after(status, BrokerEvent.ABSENT), Refused)


def test_news_told_twice_changes_nothing_more() -> None:
    """The same event once more leads nowhere else."""
    for (_, event), following in TRANSITIONS.items():
        if following is not None and event not in (BrokerEvent.SIGNED, BrokerEvent.FILLED_PARTLY):
            again = after(following, event)
            assert again is following
