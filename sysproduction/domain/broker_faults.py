"""Faults that a broker in simulation or on paper commits on purpose, each at chosen occasions."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class FaultKind(StrEnum):
    """What goes wrong, and what its occasions are.

    Of submissions: REJECT refuses, LOST_ACK places the order and loses the answer, LOST_ORDER loses the order itself,
    LATE_ACK is a lost answer after which nothing about orders can be asked for a while. PARTIAL (of orders above one
    contract) leaves one unit in the quote. DISCONNECT (of any call) makes this and the next calls fail. Of calls for
    executions: DUPLICATE says each twice, OUT_OF_ORDER reverses them, LATE holds the newest back for one call,
    CORRECTED revises the newest's price, BUSTED takes the newest back.
    """

    REJECT = "reject"
    LOST_ACK = "lost_ack"
    LOST_ORDER = "lost_order"
    LATE_ACK = "late_ack"
    PARTIAL = "partial"
    DISCONNECT = "disconnect"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    LATE = "late"
    CORRECTED = "corrected"
    BUSTED = "busted"


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """`count` of the first `within` occasions of this kind, drawn by a seed; `calls` that a disconnect lasts."""

    kind: FaultKind
    count: int = 1
    within: int = 10
    calls: int = 3


def occasions(faults: Sequence[PlannedFault], seed: int) -> dict[FaultKind, frozenset[int]]:
    """When each kind strikes, occasions counted from 1; the same for the same seed."""
    struck: dict[FaultKind, frozenset[int]] = {}
    for number, fault in enumerate(faults):
        drawn = Random(f"{seed}/{number}/{fault.kind}").sample(
            range(1, fault.within + 1), min(fault.count, fault.within)
        )
        struck[fault.kind] = struck.get(fault.kind, frozenset()) | frozenset(drawn)
    return struck
