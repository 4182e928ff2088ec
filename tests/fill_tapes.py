"""Tapes of fills for tests: executions with corrections, told in any order and more than once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sysproduction.domain.fills import Fill

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)


def fill(execution_id: str = "e1", quantity: int = 1, **changes: Any) -> Fill:
    """A fill of CORN for the strategy `trend`."""
    usual = Fill(execution_id, 0, "DU1", "trend", "CORN", "20241200", quantity, 450.25, AT)
    return replace(usual, **changes)


@st.composite
def tapes(draw: st.DrawFn) -> tuple[list[Fill], list[Fill]]:
    """The facts, and a tape that tells each of them at least once, in any order."""
    facts = []
    for number in range(draw(st.integers(1, 8))):
        first = fill(
            f"e{number}",
            draw(st.integers(-9, 9).filter(bool)),
            strategy=draw(st.sampled_from(["trend", "carry"])),
            instrument=draw(st.sampled_from(["CORN", "GOLD"])),
            contract=draw(st.sampled_from(["20241200", "20250300"])),
            at=AT + timedelta(seconds=number),
        )
        facts.append(first)
        changed = draw(st.lists(st.sampled_from([0, 1, -3, first.quantity]), max_size=2))
        facts += [replace(first, revision=n, quantity=quantity) for n, quantity in enumerate(changed, start=1)]
    repeated = draw(st.lists(st.sampled_from(facts), max_size=6))
    return facts, draw(st.permutations(facts + repeated))
