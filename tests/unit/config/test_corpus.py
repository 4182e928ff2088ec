"""Every broken configuration of the corpus is reported as written down in it, and nothing else is."""

import inspect
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysproduction.config.each_strategy import EACH
from sysproduction.config.home import Home
from sysproduction.config.loading import ConfigProblem, InvalidConfig, load
from sysproduction.config.surroundings import Surroundings
from sysproduction.orders.hours import calendar_names
from sysproduction.wiring import feed_codes
from tests.unit.config.corpus_cases import Case, Expected, read_cases

CASES = read_cases()
NO_ARGUMENTS = inspect.Signature()
SHIPPED = load(Home(Path("/nonexistent")), environ={})
AROUND = Surroundings(datetime(2026, 11, 26, tzinfo=UTC), feed_codes, calendar_names)
REGISTRY = {spec.name: {method.name: NO_ARGUMENTS for method in spec.methods} for spec in SHIPPED.processes}
REGISTRY |= {name: {EACH: NO_ARGUMENTS} for name in ("run_systems", "run_strategy_order_generator")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_configuration_is_reported_with_place_reason_and_suggestion(case: Case, tmp_path: Path) -> None:
    """The problems found are those that the corpus expects: place, key, words and suggestion."""
    home = Home(tmp_path)
    home.private_config.write_bytes(case.content)
    home.private_config.chmod(0o600)
    with pytest.raises(InvalidConfig) as raised:
        load(home, environ=case.environment, registry=REGISTRY, around=AROUND)
    found = list(raised.value.problems)
    said = "\n".join(map(str, found))
    for expected in case.expected:
        match = next((problem for problem in found if _is(problem, expected, home)), None)
        assert match is not None, f"{expected} is not among:\n{said}"
        found.remove(match)
    assert not found, f"not expected: {found}"
    assert said == str(raised.value)
    assert "hunter2" not in said


def test_the_corpus_is_large() -> None:
    """The corpus holds at least 60 configurations."""
    assert len(CASES) >= 60


def _is(problem: ConfigProblem, expected: Expected, home: Home) -> bool:
    place = f"environment variable {expected.variable}" if expected.variable else str(home.private_config)
    suggestion = problem.suggestion is not None if expected.suggests == "*" else problem.suggestion == expected.suggests
    return (
        (problem.source, problem.line, problem.key) == (place, expected.line, expected.key)
        and expected.says in problem.reason
        and (expected.suggests is None or suggestion)
    )
