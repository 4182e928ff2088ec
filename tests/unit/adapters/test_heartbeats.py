"""Heartbeats in files, and what is judged from them."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sysproduction.adapters import host
from sysproduction.adapters.heartbeats import Heartbeat, read_beat
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.heartbeats import Beat

ROOT = Path(__file__).resolve().parents[3]
BUSY = """
import sys
from pathlib import Path
from sysproduction.adapters.heartbeats import Heartbeat
heart = Heartbeat(Path(sys.argv[1]), "busy")
print(flush=True)
number = 0
while True:
    number += 1
    heart.beat(chr(97 + number % 26) * (1 + number % 128), float(number % 26))
"""


def beat(folder: Path, name: str = "a") -> Beat:
    found = read_beat(folder, name)
    assert found is not None
    return found


def test_what_is_beaten_is_read(tmp_path: Path) -> None:
    """The method with its begin and its time-out, whose it is, and when; each beat counts."""
    before = time.monotonic()
    heart = Heartbeat(tmp_path / "heartbeats", "a")
    first = beat(tmp_path / "heartbeats")
    heart.beat("update_prices", 30.0)
    second = beat(tmp_path / "heartbeats")
    heart.close()
    me = host.myself()
    assert first == Beat(1, first.at, "", first.at, 0.0, me.pid, me.start_ticks)
    assert second == Beat(2, second.at, "update_prices", second.at, 30.0, me.pid, me.start_ticks)
    assert before <= first.at <= second.at <= time.monotonic()


def test_a_sign_of_life_within_a_method_keeps_its_begin(tmp_path: Path) -> None:
    """Only another method, or a pause, begins anew."""
    heart = Heartbeat(tmp_path, "a")
    heart.beat("m", 5.0)
    began = beat(tmp_path).since
    heart.beat("m", 5.0)
    assert beat(tmp_path).since == began < beat(tmp_path).at
    heart.beat("n", 5.0)
    assert beat(tmp_path).since == beat(tmp_path).at > began
    heart.beat()
    idle = beat(tmp_path).since
    heart.beat()
    assert beat(tmp_path).since > idle
    heart.close()


def test_a_new_run_leaves_nothing_of_the_old(tmp_path: Path) -> None:
    """The first beat comes with the heart."""
    old = Heartbeat(tmp_path, "a")
    old.beat("stuck", 1.0)
    old.close()
    Heartbeat(tmp_path, "a").close()
    assert (beat(tmp_path).method, beat(tmp_path).number) == ("", 1)


@pytest.mark.parametrize(
    ("said", "read"), [("x" * 300, "x" * 128), ("ü" * 65, "ü" * 64), ("a" + "ü" * 64, "a" + "ü" * 63)]
)
def test_a_long_name_is_cut(tmp_path: Path, said: str, read: str) -> None:
    """At 128 bytes, never within a letter."""
    heart = Heartbeat(tmp_path, "a")
    heart.beat(said)
    heart.close()
    assert beat(tmp_path).method == read


def test_no_record_is_no_beat(tmp_path: Path) -> None:
    """Nothing there, cut short, or damaged: None, at once."""
    assert read_beat(tmp_path, "a") is None
    assert read_beat(tmp_path / "nowhere", "a") is None
    Heartbeat(tmp_path, "a").close()
    record = (tmp_path / "a").read_bytes()
    for damaged in (b"", record[:-1], record[:50] + b"?" + record[51:], bytes(len(record))):
        (tmp_path / "a").write_bytes(damaged)
        assert read_beat(tmp_path, "a") is None


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    """While another process beats as fast as it can, every beat that is read is whole."""
    with subprocess.Popen([sys.executable, "-c", BUSY, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen = {beat(tmp_path, "busy") for _ in range(20_000)}
        process.kill()
    assert len(seen) > 10
    for one in seen:
        number = one.number - 1
        assert one.pid == process.pid
        if number:
            assert one.method == chr(97 + number % 26) * (1 + number % 128)
            assert one.timeout == number % 26


def test_the_heart_of_a_killed_process_still_shows(tmp_path: Path) -> None:
    """The last beat stays, so that its end can be told from a hang."""
    with subprocess.Popen([sys.executable, "-c", BUSY, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        who = host.identify(process.pid)
        process.kill()
    assert (beat(tmp_path, "busy").pid, beat(tmp_path, "busy").start_ticks) == (who.pid, who.start_ticks)


def test_a_beat_costs_next_to_nothing(tmp_path: Path) -> None:
    """Far below a millisecond of processor time, and the file does not grow."""
    heart = Heartbeat(tmp_path, "a")
    size = (tmp_path / "a").stat().st_size
    begun = time.process_time()
    for _ in range(1000):
        heart.beat("m", 1.0)
    assert time.process_time() - begun < 0.1
    assert (tmp_path / "a").stat().st_size == size < 256
    heart.close()
    heart.close()


def test_a_heart_that_cannot_beat_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Work goes on; the log has one line."""
    heart = Heartbeat(tmp_path, "a")
    os.close(heart._file)
    heart._file = os.open(os.devnull, os.O_RDONLY)  # any write fails
    heart.beat("m")
    heart.beat("m")
    heart.close()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert beat(tmp_path) == replace(beat(tmp_path), method="", number=1)


def test_no_place_for_a_heart(tmp_path: Path) -> None:
    """A folder in the file's place, or a file in the folder's, is told."""
    (tmp_path / "a").mkdir()
    with pytest.raises(Unavailable, match="a: no heartbeat can be written: Is a directory"):
        Heartbeat(tmp_path, "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="no heartbeat can be written"):
        Heartbeat(tmp_path / "file", "a")
