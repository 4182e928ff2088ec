"""What the reconcile report makes of its facts."""

from datetime import UTC, datetime

from sysproduction.reports.reconciling import OPTIMAL_COLUMNS, ReconcileFacts, reconcile_report

AT = datetime(2026, 1, 6, 20, 25, tzinfo=UTC)
OPTIMAL = dict.fromkeys(OPTIMAL_COLUMNS) | {"strategy": "trend", "instrument": "CORN", "trade": 0}
KEY, HELD = ("CORN", "20260300"), {("trend", "CORN"): 2}


def test_books_that_agree() -> None:
    """A roll's own strategy counts in no position."""
    facts = ReconcileFacts(
        optimal=[OPTIMAL], strategies=HELD | {("_ROLL", "CORN"): 1}, contracts={KEY: 2}, theirs={KEY: 2}
    )
    made = reconcile_report(facts, AT)
    assert [str(one.level) for one in made.findings] == ["ok"]
    [row] = made.table("positions").records()
    assert (row["ours"], row["broker"], row["break"]) == (2, 2, False)


def test_each_break_is_told() -> None:
    """Strategies against contracts, ours against the broker's, the band against what is held."""
    facts = ReconcileFacts(
        optimal=[OPTIMAL | {"trade": -1}],
        strategies=HELD,
        contracts={KEY: 1},
        theirs={("CORN", "20260600"): 1},
        findings=["20260300: +1 by the ledger, +0 at the broker"],
    )
    made = reconcile_report(facts, AT)
    assert [str(one.level) for one in made.findings] == ["warn", "warn", "note"]
    assert [row["break"] for row in made.table("positions").records()] == [True, True]
    assert made.table("books").records() == [
        {"instrument": "CORN", "by_strategies": 2, "by_contracts": 1, "break": True}
    ]
    assert made.table("optimal").records()[0]["break"] is True


def test_a_broker_that_is_away() -> None:
    """Why it was not compared is a finding; no position is called broken."""
    made = reconcile_report(ReconcileFacts(contracts={KEY: 1}, strategies=HELD, why_not="it is night"), AT)
    assert "not compared with the broker: it is night" in [one.text for one in made.findings]
    assert made.table("positions").records()[0]["break"] is None
