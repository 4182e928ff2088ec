"""A simulated week under random kills, supervisor deaths and outages keeps the invariants."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from sysproduction.domain.processes import (
    MethodSpec,
    RestartPolicy,
    RunOutcome,
)
from tests.fakes import outage
from tests.supervised import NOON, Platform, all_day, spec


def simulate_week(seed: int) -> tuple[Platform, list[tuple[object, ...]]]:
    """Seven days of four processes under random kills, supervisor deaths and outages."""
    random = Random(seed)
    restart = RestartPolicy(crashes_max=3, period_minutes=30)
    daily = (MethodSpec("fx", 30, 4), MethodSpec("prices"), MethodSpec("tidy", run_on_completion_only=True))
    platform = Platform(
        spec("prices", "20:00", "23:30", methods=daily, restart=restart),
        spec("reports", "21:00", "02:00", previous_process="prices", restart=restart),
        all_day("stack", "00:00", "23:55", restart=restart),
        all_day("night", "22:00", "03:00", days=frozenset(range(7)), restart=restart),
    )
    end = NOON + timedelta(days=7)
    while platform.clock.now() < end:
        if random.random() < 0.02 and (living := platform.programs.living()):
            random.choice(living).code = random.choice([-9, -11, 1, 3])
        if random.random() < 0.002:
            platform.new_supervisor()
        if random.random() < 0.01:
            platform.documents.fault = outage
            platform.supervisor.step(platform.clock.now())
            platform.documents.fault = None
        waits = min(platform.step() for _ in range(2))
        platform.clock.sleep(waits if waits < 0.5 else random.choice([0.5, 5, 600, 900, 900]))
    platform.supervisor.drain()
    platform.go(60)
    runs = sorted(platform.states.runs(), key=lambda run: (run.started_at, run.run_id))
    return platform, [(r.run_id, r.started_at, r.ended_at, r.outcome, r.reason) for r in runs]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_week_with_random_faults_keeps_the_invariants(seed: int) -> None:
    """I1 at every step; I2 every run ends once; I3 nobody left; I4 one alert and one recovery per incident."""
    platform, log = simulate_week(seed)
    assert len(log) > 25
    assert {outcome for _, _, _, outcome, _ in log} >= {RunOutcome.SUCCEEDED, RunOutcome.CRASHED}
    assert all(ended is not None and outcome is not RunOutcome.RUNNING for _, _, ended, outcome, _ in log)
    assert platform.programs.living() == []
    assert all(state.active is None for state in platform.states.states().values())
    for key in set(platform.notifier.keys_told()):
        kinds = [kind for kind, told in platform.notifier.told if told == key]
        assert all(a != b for a, b in pairwise(kinds)), key


def test_a_seed_gives_the_same_week_twice() -> None:
    """Same runs at the same moments with the same ends, and the same messages in the same order."""
    first, log = simulate_week(3)
    second, same = simulate_week(3)
    assert same == log
    assert second.notifier.told == first.notifier.told
