"""Which rolls want somebody's eyes."""

from datetime import UTC, date, datetime

import pytest

from sysproduction.reports.rolling import RollFacts, roll_report

AT = datetime(2026, 1, 6, 20, 25, tzinfo=UTC)


def facts(
    *, held: int = 0, roll: date = date(2026, 2, 1), expiry: date = date(2026, 2, 20), elsewhere: int = 0
) -> RollFacts:
    roles = {"priced": "20260300", "forward": "20260600", "carry": "20260600"}
    return RollFacts(
        instrument="CORN",
        status="No_Roll",
        roll_date=roll,
        expiries={"priced": expiry, "forward": date(2026, 5, 20), "carry": date(2026, 5, 20)},
        contracts=roles,
        positions={"priced": held, "forward": 1, "carry": 1},
        volumes={"priced": 200.0, "forward": 50.0, "carry": None},
        elsewhere=elsewhere,
    )


def test_a_row_tells_days_and_volumes() -> None:
    """Days from the report's moment, the forward contract's volume over the priced one's, shares of the largest."""
    [row] = roll_report([facts()], [], AT).table("rolls").records()
    assert [row[name] for name in ("days_to_roll", "days_to_price_expiry", "days_to_carry_expiry")] == [26, 45, 134]
    assert [row["relative_volume"], row["absolute_volume"]] == [0.25, 50.0]
    assert [row[f"volume_{role}"] for role in ("priced", "forward", "carry")] == [1.0, 0.25, None]


@pytest.mark.parametrize(
    ("told", "level", "words"),
    [
        (facts(held=2), "ok", "none of 1 instruments"),
        (facts(held=2, roll=date(2026, 1, 15)), "warn", "+2 20260300 is held, 9 days to the roll"),
        (facts(roll=date(2026, 1, 1)), "note", "is 5 days past its roll date"),
        (facts(expiry=date(2026, 1, 5)), "warn", "has expired 1 days ago"),
        (facts(elsewhere=3), "warn", "3 contracts are held in deliveries that are not in use"),
    ],
)
def test_findings(told: RollFacts, level: str, words: str) -> None:
    """A position near its roll, an expired contract and a forgotten delivery stand out."""
    first = roll_report([told], [], AT).findings[0]
    assert (str(first.level), words in first.text) == (level, True), first


def test_the_next_roll_comes_first() -> None:
    """Rows are in order of days; what is missing is named."""
    made = roll_report([facts(), facts(roll=date(2026, 1, 20))], ["OATS: it has no multiple prices"], AT)
    assert [row["days_to_roll"] for row in made.table("rolls").records()] == [14, 26]
    assert made.missing == ("OATS: it has no multiple prices",)
