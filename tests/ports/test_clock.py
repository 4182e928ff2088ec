"""The contract of the Clock port, and what is special about the scaled one."""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sysproduction.adapters.clocks import ScaledClock, SimulatedClock, SystemClock
from sysproduction.domain.errors import ConfigError
from sysproduction.ports import Clock

START = datetime(2024, 1, 15, 12, tzinfo=UTC)
FAR = START + timedelta(days=3650)


def scaled(path: Path) -> ScaledClock:
    clock = ScaledClock.create(path / "clock", START)
    clock.run_at(1000.0, FAR)
    return clock


CLOCKS: dict[str, Callable[[Path], Clock]] = {
    "system": lambda path: SystemClock(),
    "shifted": lambda path: SystemClock(timedelta(days=-900)),
    "scaled": scaled,
    "simulated": lambda path: SimulatedClock(START),
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest, tmp_path: Path) -> Clock:
    """Each clock of the product."""
    return CLOCKS[request.param](tmp_path)


def test_now_is_aware_utc_and_never_steps_back(clock: Clock) -> None:
    """Market time has the zone UTC and does not decrease."""
    moments = [clock.now() for _ in range(200)]
    assert all(moment.utcoffset() == timedelta(0) for moment in moments)
    assert moments == sorted(moments)


def test_sleep_lets_machine_and_market_time_pass(clock: Clock) -> None:
    """At least the seconds asked for on the machine, and some market time."""
    market, machine = clock.now(), clock.monotonic()
    clock.sleep(0.02)
    assert clock.monotonic() - machine >= 0.02
    assert clock.now() > market


def test_seconds_until_counts_machine_seconds(clock: Clock) -> None:
    """None for what is past; otherwise sleeping that long reaches the moment."""
    assert clock.seconds_until(clock.now() - timedelta(hours=1)) == 0
    moment = clock.now() + timedelta(seconds=0.02)
    clock.sleep(clock.seconds_until(moment) + 0.001)
    assert clock.now() >= moment


def test_a_shifted_clock_is_the_system_s_moved() -> None:
    """A replay runs at the machine's pace in the past."""
    ahead = SystemClock().now() - SystemClock(timedelta(days=-1)).now()
    assert abs(ahead - timedelta(days=1)) < timedelta(seconds=5)


def test_a_new_scaled_clock_stands_still(tmp_path: Path) -> None:
    """Until a supervisor lets it run, it shows its start, and no moment ahead is near."""
    clock = ScaledClock.create(tmp_path / "clock", START)
    clock.sleep(0.01)
    assert clock.now() == START
    assert clock.seconds_until(START) == 0
    assert clock.seconds_until(START + timedelta(seconds=1)) == float("inf")


def test_a_scaled_clock_runs_at_its_rate(tmp_path: Path) -> None:
    """A thousand market seconds a second."""
    clock = ScaledClock.create(tmp_path / "clock", START)
    before = time.monotonic()
    clock.run_at(1000.0, FAR)
    clock.sleep(0.05)
    passed = (clock.now() - START).total_seconds()
    assert 50 <= passed <= (time.monotonic() - before) * 1000
    assert clock.seconds_until(clock.now() + timedelta(seconds=5000)) == pytest.approx(5, abs=0.5)


def test_a_scaled_clock_never_passes_its_ceiling(tmp_path: Path) -> None:
    """It stops exactly there and goes on when the ceiling is raised; a lower ceiling does not turn it back."""
    clock = ScaledClock.create(tmp_path / "clock", START)
    ceiling = START + timedelta(minutes=5)
    clock.run_at(1e9, ceiling)
    clock.sleep(0.01)
    assert clock.now() == ceiling
    clock.run_at(1e9, START)
    assert clock.now() == ceiling
    clock.run_at(1e9, ceiling + timedelta(microseconds=1))
    clock.sleep(0.01)
    assert clock.now() == ceiling + timedelta(microseconds=1)


def test_create_goes_on_where_the_clock_stood(tmp_path: Path) -> None:
    """A new supervisor finds the time of the last one, standing still; a later start is a jump ahead."""
    path = tmp_path / "clock"
    first = ScaledClock.create(path, START)
    first.run_at(1e9, START + timedelta(hours=5))
    first.sleep(0.01)
    second = ScaledClock.create(path, START)
    assert second.now() == START + timedelta(hours=5)
    assert second.seconds_until(FAR) == float("inf")
    assert ScaledClock.create(path, FAR).now() == FAR


def test_a_machine_that_was_restarted_does_not_turn_the_clock_back(tmp_path: Path) -> None:
    """Machine time of an earlier boot may be ahead of this one's: market time stands, it does not fall."""
    path = tmp_path / "clock"
    clock = ScaledClock.create(path, START)
    clock._write(START.timestamp(), at=time.monotonic() + 1e6, rate=50.0, ceiling=FAR.timestamp())
    assert ScaledClock(path).now() == START
    assert ScaledClock.create(path, START - timedelta(days=1)).now() == START


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_a_scaled_clock_that_was_never_set_says_so(tmp_path: Path, content: bytes | None) -> None:
    """No file or half a record is one clear error; setting it mends it."""
    path = tmp_path / "clock"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="sysproduction up"):
        ScaledClock(path).now()
    assert ScaledClock.create(path, START).now() == START


READER = """
import sys
from pathlib import Path
from sysproduction.adapters.clocks import ScaledClock
clock = ScaledClock(Path(sys.argv[1]))
print("ready", flush=True)
last = clock.now()
reads = 0
while True:
    now = clock.now()
    reads += 1
    if now < last:
        sys.exit(f"back from {last} to {now}")
    last = now
    if now.year == 2031:
        print(reads)
        break
"""


def test_two_processes_share_a_clock_that_is_monotone_while_rates_change(tmp_path: Path) -> None:
    """A reader in another process sees market time rise only, through thousands of changes between fast and still,
    and both see the same ceiling at the end."""
    path = tmp_path / "clock"
    clock = ScaledClock.create(path, START)
    reader = subprocess.Popen([sys.executable, "-c", READER, str(path)], stdout=subprocess.PIPE, text=True)
    with reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        seen = [clock.now()]
        for turn in range(4000):
            clock.run_at(20_000.0 if turn % 2 else 0.0, FAR - timedelta(days=3000))
            seen.append(clock.now())
        end = datetime(2031, 1, 1, tzinfo=UTC)
        clock.run_at(1e12, end)
        clock.sleep(0.01)
        assert clock.now() == end
        reads = int(reader.stdout.readline() or 0)
    assert reader.returncode == 0
    assert reads > 1000
    assert all(a <= b for a, b in pairwise(seen))


def test_a_reader_that_was_ahead_of_a_change_of_rate_does_not_step_back(tmp_path: Path) -> None:
    """It read just before the supervisor wrote an earlier moment: its time stands until the clock has passed it."""
    path = tmp_path / "clock"
    clock = ScaledClock.create(path, START)
    clock.run_at(1e6, FAR)
    reader = ScaledClock(path)
    clock.sleep(0.01)
    ahead = reader.now()
    assert ahead > START + timedelta(hours=2)
    clock._write(START.timestamp(), at=time.monotonic(), rate=0.0, ceiling=FAR.timestamp())
    assert reader.now() >= ahead
    clock._write(START.timestamp(), at=time.monotonic(), rate=1e7, ceiling=FAR.timestamp())
    clock.sleep(0.01)
    assert reader.now() > ahead
