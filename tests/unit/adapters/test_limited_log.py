"""Limits of a log: nothing vanishes without being counted."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.adapters.limited_log import LimitedLog, Limits
from sysproduction.adapters.rotated_file import RotatedFile
from sysproduction.domain.errors import ConfigError

SMALL = Limits(bytes_per_second=100, burst_bytes=300, line_bytes_max=20, file_bytes_max=100_000)
WIDE = replace(SMALL, bytes_per_second=1_000_000)
TOLD = re.compile(r"^--- ([\d,]+) lines \(.*\) were dropped: (.*)$", re.MULTILINE)

words = st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"").replace(b"-", b""))


def made(folder: Path, limits: Limits) -> LimitedLog:
    file = RotatedFile(str(folder / "a.log"), bytes_max=limits.file_bytes_max, kept=limits.files_kept)
    return LimitedLog(file, limits, 0.0)


def pieces(data: bytes, draw: st.DataObject) -> list[bytes]:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=20)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if end > start]


@given(lines=st.lists(words), draw=st.data())
def test_within_the_limits_only_long_lines_change(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], draw: st.DataObject
) -> None:
    """However the output is cut into pieces, each line comes whole or, if long, as its beginning and a mark."""
    folder = tmp_path_factory.mktemp("log")
    log = made(folder, WIDE)
    for data in pieces(b"".join(line + b"\n" for line in lines), draw):
        assert log.take(data, 0.0)
    log.finish()
    mark = "… (cut: longer than 20 bytes)".encode()
    expected = [line if len(line) <= 20 else line[:20] + mark for line in lines]
    written = (folder / "a.log").read_bytes() if lines else b""
    assert written == b"".join(line + b"\n" for line in expected)


@given(count=st.integers(1, 300), draw=st.data())
def test_every_line_is_written_or_counted(
    tmp_path_factory: pytest.TempPathFactory, count: int, draw: st.DataObject
) -> None:
    """Under any flood with any pauses: whole lines in their order, and the counts make up for the missing ones."""
    folder = tmp_path_factory.mktemp("log")
    log, now = made(folder, SMALL), 0.0
    data = b"".join(b"line %d\n" % number for number in range(count))
    for piece in pieces(data, draw):
        now += draw.draw(st.sampled_from([0.0, 0.1, 1.0, 5.0]))
        log.take(piece, now)
    log.finish()
    text = (folder / "a.log").read_text()
    written = [line for line in text.splitlines() if not line.startswith("---")]
    assert set(written) <= {f"line {number}" for number in range(count)}
    assert written == sorted(written, key=lambda line: int(line[5:]))
    assert len(written) + sum(int(n.replace(",", "")) for n, _ in TOLD.findall(text)) == count


def test_a_flood_is_dropped_by_the_second_and_told(tmp_path: Path) -> None:
    """After the burst nothing for a second, then the count, then lines again."""
    log = made(tmp_path, SMALL)
    assert log.take(b"first\n" * 51 + b"begun ", 0.0)
    assert not log.take(b"and ended\n" + b"dropped\n" * 1000, 0.1)
    assert log.owes_count
    assert not log.tell(0.9)
    assert log.take(b"after\n", 1.3)
    assert not log.owes_count
    expected = (
        "first\n" * 51 + "begun and ended\n--- 1,000 lines (8,000 bytes) were dropped: more than 100 bytes a second\n"
    )
    assert (tmp_path / "a.log").read_text() == expected + "after\n"
    log.finish()


@pytest.mark.parametrize("size", [400, 4_000_000])
def test_an_endless_line_counts_as_a_flood(tmp_path: Path, size: int) -> None:
    """Though nearly nothing of it is written, it uses the allowance up."""
    log = made(tmp_path, SMALL)
    assert log.take(b"x" * size, 0.0)
    assert not log.take(b"x" * size, 0.1)
    log.finish()


def test_lost_writes_are_counted_and_told_when_there_is_room(tmp_path: Path) -> None:
    """While the folder is away lines are counted; when it is back the log says so and goes on."""
    folder = tmp_path / "logs"
    folder.mkdir()
    log = made(folder, WIDE)
    assert log.take(b"before\n", 0.0)
    (folder / "a.log").unlink()
    folder.rmdir()
    log.take(b"lost\n" * 3 + b"half of", 1.0)
    assert not log.take(b" a line\nlost\n", 1.5)
    folder.mkdir()
    assert log.take(b"after\n", 3.0)
    log.finish()
    text = (folder / "a.log").read_text()
    assert text == "--- 5 lines (35 bytes) were dropped: No such file or directory\nafter\n"


def test_the_end_of_the_output_ends_the_line(tmp_path: Path) -> None:
    """So that the next run's first line stands alone; no descriptor stays open."""
    before = len(os.listdir("/proc/self/fd"))
    log = made(tmp_path, WIDE)
    log.take(b"last words", 0.0)
    log.finish()
    assert (tmp_path / "a.log").read_text() == "last words\n"
    assert len(os.listdir("/proc/self/fd")) == before


def test_limits_below_one_are_refused() -> None:
    """With the name of the limit."""
    with pytest.raises(ConfigError, match="files_kept is 0"):
        Limits(files_kept=0)
