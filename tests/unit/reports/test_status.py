"""What the status report makes of its facts."""

from datetime import UTC, datetime

from sysproduction.reports.status import PROCESS_COLUMNS, StatusFacts, status_report

AT = datetime(2026, 1, 6, 20, 25, tzinfo=UTC)
PROCESS = dict.fromkeys(PROCESS_COLUMNS) | {"process": "run_systems", "status": "GO", "state": "succeeded"}


def test_all_is_well() -> None:
    """One finding, and the table of processes."""
    made = status_report(StatusFacts(processes=[PROCESS]), AT)
    assert [(str(one.level), one.text) for one in made.findings] == [
        ("ok", "nothing is late, used up, locked or alarmed")
    ]
    assert [table.name for table in made.tables] == ["processes"]


def test_everything_that_is_wrong_is_a_finding() -> None:
    """What is late, dead, stale, used up, locked, alarmed or switched off; warnings come before notes."""
    limit = {"instrument": "CORN", "strategy": None, "limit": 5, "remaining": 0}
    facts = StatusFacts(
        processes=[PROCESS | {"state": "crashed"}, PROCESS | {"process": "run_backups", "status": "STOP"}],
        late={"run_systems.trend": "it has not run since Monday"},
        prices=[{"instrument": "US10", "last_price_at": None, "stale": True}],
        optimal=[{"strategy": "trend", "number": 1, "decided_at": AT, "instruments": 3, "stale": 2}],
        trade_limits=[limit | {"period_days": 1.0, "done": 5}],
        position_limits=[limit | {"position": 5, "strategy": "trend"}],
        overrides=[{"strategy": None, "instrument": "CORN", "override": "0.5", "why": "drawdown"}],
        locks=[{"instrument": "KR10", "kind": "break", "since": AT, "why": "positions differ"}],
        alerts=[{"severity": "critical", "title": "the broker is away", "since": AT, "count": 2}],
        kill="halt",
    )
    made = status_report(facts, AT)
    told = [one.text for one in made.findings]
    for words in (
        "run_systems.trend is late",
        "run_systems is crashed",
        "US10: prices are stale, the last one is of no day",
        "optimal positions of 2 instruments",
        "the limit on trades (5) is used up",
        "the limit on positions of trend (5) is used up",
        "override 0.5 of all/CORN",
        "KR10 is locked (break)",
        "open alert (critical): the broker is away",
        "the kill switch is set to halt",
        "run_backups is set to STOP",
    ):
        assert any(words in text for text in told), words
    levels = [str(one.level) for one in made.findings]
    assert levels == sorted(levels, key=["warn", "note"].index)


def test_a_kill_switch_that_cannot_be_read_stops_everything() -> None:
    """It is told as such."""
    assert "cannot be read" in status_report(StatusFacts(kill=None), AT).findings[0].text
