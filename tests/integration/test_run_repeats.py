"""A run comes to one hash, however often, whatever else the machine does, and in whatever order its sets are."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys
sys.setswitchinterval(1e-5)
from sysproduction.engine.orchestrator import Orchestrator
from tests.integration.test_run_database import _Both, _Second, walk
from tests.unit.engine.runs import TestClock, broker_of, feed_of

length = int(sys.argv[1])
feed = feed_of(walk("ES", length, 1, volume=False), walk("NQ", length * 5 // 6, 2))
broker = broker_of(commission_per_unit=0.5, volume_share=0.9)
print(Orchestrator([_Both, _Second], broker, feed, clock=TestClock(), seed=5).run().run_hash)
"""


def hash_of_a_fresh_process(number: int, length: int) -> str:
    """What a new interpreter comes to over so many bars, with a hash seed of its own."""
    variables = os.environ | {"PYTHONHASHSEED": str(random.Random(number).randrange(2**32))}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(length)], cwd=ROOT, env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def hashes(count: int, length: int) -> set[str]:
    """More at once than there are CPUs, so that each is interrupted."""
    with ThreadPoolExecutor(2 * len(os.sched_getaffinity(0))) as pool:
        return set(pool.map(hash_of_a_fresh_process, range(count), repeat(length)))


def test_repeats_under_load_come_to_one_hash() -> None:
    """Ten fresh processes."""
    found = hashes(10, 400)
    assert len(found) == 1
    assert len(found.pop()) == 64


@pytest.mark.soak
def test_a_hundred_repeats_under_load_come_to_one_hash() -> None:
    """The same, at length."""
    assert len(hashes(100, 3_000)) == 1
