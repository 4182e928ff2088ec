"""The planner against a model that looks at every minute of the wall clock."""

import pytest

from tests.unit.supervisor.minute_model import KINDS, disagreements, seen


def test_planner_and_minute_model_agree() -> None:
    """Windows, weekdays, controls, results and dependencies, around clock changes, leap days and year ends."""
    assert disagreements(seed=1, count=1000) == []


def test_the_model_sees_every_kind_of_answer() -> None:
    """The cases bring about each answer that the planner can give (crashes apart, which are no matter of windows)."""
    assert seen(seed=2, count=200) == KINDS


@pytest.mark.soak
def test_planner_and_minute_model_agree_on_many() -> None:
    """The same, for ten thousand other configurations and moments."""
    assert disagreements(seed=3, count=10_000) == []
