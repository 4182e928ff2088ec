"""Three books compared: whatever differs is found, and what is proposed makes them agree."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.broker import Execution
from sysproduction.domain.fills import Fill, Positions
from sysproduction.domain.reconciliation import Books, FindingKind, compare, find_breaks

AT = datetime(2024, 5, 1, tzinfo=UTC)
CONTRACTS = ("20240600", "20240900", "20241200")
QUANTITIES = st.integers(-4, 4)
HELD = st.dictionaries(st.tuples(st.just("CORN"), st.sampled_from(CONTRACTS)), QUANTITIES.filter(bool))
TRADES = st.lists(st.tuples(st.sampled_from(CONTRACTS), QUANTITIES.filter(bool), st.integers(0, 2)), max_size=6)


def executions(trades: list[tuple[str, int, int]]) -> list[Execution]:
    """Of no order of ours; each with as many earlier revisions as it has."""
    return [
        Execution(f"E{number}", told, None, "B", "A", "CORN", contract, quantity + revisions - told, 1.0, 0.0, AT)
        for number, (contract, quantity, revisions) in enumerate(trades)
        for told in range(revisions + 1)
    ]


def last(trades: list[tuple[str, int, int]]) -> Counter[tuple[str, str]]:
    held: Counter[tuple[str, str]] = Counter()
    for contract, quantity, _ in trades:
        held["CORN", contract] += quantity
    return held


def signed(books: Books) -> Books:
    """The books after everything that is proposed was accepted."""
    contracts, fills = Counter(books.ours.contracts), dict(books.fills)
    for finding in compare(books):
        one = finding.proposal
        if one is not None:
            contracts[one.instrument, one.contract] += one.quantity
            if one.execution is not None:
                name = f"{one.execution.account}/{one.execution.execution_id}"
                fills[name] = Fill(
                    one.execution.execution_id,
                    one.execution.revision,
                    "A",
                    "s",
                    "CORN",
                    one.contract,
                    one.quantity,
                    1.0,
                    AT,
                )
    return replace(books, ours=Positions({}, contracts), fills=fills)


@given(held=HELD, trades=TRADES)
def test_books_that_agree_have_no_break_and_no_proposal(held: dict[tuple[str, str], int], trades: list) -> None:  # type: ignore[type-arg]
    """Whatever was traded by others and is in the positions of both sides."""
    for finding in compare(Books(Positions({}, held), held, executions=executions(trades))):
        assert (finding.kind, finding.proposal) == (FindingKind.EXECUTION, None)


@given(held=HELD, trades=TRADES, shifts=HELD)
def test_every_break_is_found_and_what_is_proposed_mends_it(
    held: dict[tuple[str, str], int],
    trades: list,  # type: ignore[type-arg]
    shifts: dict[tuple[str, str], int],
) -> None:
    """Executions first, the rest once they are signed; it never takes more than two rounds."""
    theirs = Counter(held)
    theirs.update(last(trades))
    theirs.update(shifts)
    books = Books(Positions({}, held), theirs, executions=executions(trades))
    broken = {(one.instrument, one.contract) for one in find_breaks(held, theirs)}
    kinds = [one.kind for one in compare(books)]
    assert kinds.count(FindingKind.POSITION) == len(broken)
    mended = signed(signed(books))
    still = {(one.instrument, one.contract) for one in find_breaks(mended.ours.contracts, theirs)}
    assert still == set()
