"""States of a broker order, and the one table of what may follow what.

An order whose submission has no known outcome is UNKNOWN and stays so until the broker shows evidence or a named human
signs: time proves nothing. Silence is no rejection. Evidence that an order lives outweighs earlier word that it does
not, and a complete fill outweighs everything: facts win.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sysproduction.domain.errors import Refused


class BrokerStatus(StrEnum):
    """How a broker order stands. ABSENT: the broker itself says that it has never had it."""

    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    WORKING = "working"
    CANCELLING = "cancelling"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABSENT = "absent"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is expected of the broker."""
        return self in TERMINAL


class BrokerEvent(StrEnum):
    """What became known of a broker order.

    OUTCOME_LOST: the call ended without an answer. SEEN_WORKING: the broker lists it among its open orders. ABSENT:
    the broker says that it has never had it, or the call certainly did not reach it. FILLED_PARTLY: its executions add
    up to less than the whole, FILLED to the whole. SIGNED: a named human decided that it is over.
    """

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    OUTCOME_LOST = "outcome_lost"
    SEEN_WORKING = "seen_working"
    ABSENT = "absent"
    CANCEL_ASKED = "cancel_asked"
    CANCEL_REFUSED = "cancel_refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FILLED = "filled"
    FILLED_PARTLY = "filled_partly"
    SIGNED = "signed"


_SUBMITTING, _UNKNOWN, _WORKING, _CANCELLING, _FILLED, _CANCELLED, _REJECTED, _EXPIRED, _ABSENT = BrokerStatus

TERMINAL: Final = frozenset({_FILLED, _CANCELLED, _REJECTED, _EXPIRED, _ABSENT})

# Rows: what became known. Columns: how the order stood. None: the two contradict each other, a human must look.
_COLUMNS: Final = tuple(BrokerStatus)
_GRID: Final[Mapping[BrokerEvent, tuple[BrokerStatus | None, ...]]] = {
    BrokerEvent.ACKNOWLEDGED: (
        *(_WORKING, _WORKING, _WORKING, _CANCELLING),
        *(_FILLED, _CANCELLED, _REJECTED, _EXPIRED, _WORKING),
    ),
    BrokerEvent.REJECTED: (
        *(_REJECTED, _REJECTED, _REJECTED, _REJECTED),
        *(None, _CANCELLED, _REJECTED, _EXPIRED, _REJECTED),
    ),
    BrokerEvent.OUTCOME_LOST: (
        *(_UNKNOWN, _UNKNOWN, _WORKING, _CANCELLING),
        *(_FILLED, _CANCELLED, _REJECTED, _EXPIRED, _ABSENT),
    ),
    BrokerEvent.SEEN_WORKING: (
        *(_WORKING, _WORKING, _WORKING, _CANCELLING),
        *(_FILLED, _WORKING, _WORKING, _WORKING, _WORKING),
    ),
    BrokerEvent.ABSENT: (
        *(_ABSENT, _ABSENT, None, None),
        *(None, None, None, None, _ABSENT),
    ),
    BrokerEvent.CANCEL_ASKED: (
        *(_SUBMITTING, _UNKNOWN, _CANCELLING, _CANCELLING),
        *(_FILLED, _CANCELLED, _REJECTED, _EXPIRED, _ABSENT),
    ),
    BrokerEvent.CANCEL_REFUSED: (
        *(_SUBMITTING, _UNKNOWN, _WORKING, _WORKING),
        *(_FILLED, _CANCELLED, _REJECTED, _EXPIRED, _ABSENT),
    ),
    BrokerEvent.CANCELLED: (
        *(_CANCELLED, _CANCELLED, _CANCELLED, _CANCELLED),
        *(_FILLED, _CANCELLED, _REJECTED, _EXPIRED, _CANCELLED),
    ),
    BrokerEvent.EXPIRED: (
        *(_EXPIRED, _EXPIRED, _EXPIRED, _EXPIRED),
        *(_FILLED, _CANCELLED, _REJECTED, _EXPIRED, _EXPIRED),
    ),
    BrokerEvent.FILLED: (
        *(_FILLED, _FILLED, _FILLED, _FILLED),
        *(_FILLED, _FILLED, _FILLED, _FILLED, _FILLED),
    ),
    # An execution that the broker takes back leaves a filled order with less than the whole: it does not work again.
    BrokerEvent.FILLED_PARTLY: (
        *(_WORKING, _WORKING, _WORKING, _CANCELLING),
        *(_CANCELLED, _CANCELLED, _WORKING, _EXPIRED, _WORKING),
    ),
    BrokerEvent.SIGNED: (
        *(_CANCELLED, _CANCELLED, _CANCELLED, _CANCELLED),
        *(None, None, None, None, None),
    ),
}

TRANSITIONS: Final[Mapping[tuple[BrokerStatus, BrokerEvent], BrokerStatus | None]] = {
    (status, event): row[column] for event, row in _GRID.items() for column, status in enumerate(_COLUMNS)
}
"""The status that follows, for every status and event; None where the two contradict each other."""


def after(status: BrokerStatus, event: BrokerEvent) -> BrokerStatus | Refused:
    """The status that follows; Refused if the event contradicts what is known: keep the status and tell a human."""
    following = TRANSITIONS[status, event]
    if following is None:
        return Refused(f"a broker order that is {status} cannot be {event}: its status stays, somebody must look")
    return following
