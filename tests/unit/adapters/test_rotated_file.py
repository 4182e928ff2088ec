"""Logs that rotate: bounds, neighbours, failures."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.adapters.rotated_file import RotatedFile


def made(path: Path, *, bytes_max: int = 20, kept: int = 2) -> RotatedFile:
    return RotatedFile(str(path), bytes_max=bytes_max, kept=kept)


def test_full_files_move_up_and_the_oldest_goes(tmp_path: Path) -> None:
    """NAME, NAME.1 and NAME.2 hold the newest whole lines, in order; there is no NAME.3."""
    path = tmp_path / "a.log"
    file = made(path)
    for number in range(10):
        line = b"line number %d\n" % number
        assert file.write(line) == len(line)
    file.close()
    assert [(tmp_path / name).read_text() for name in ("a.log.2", "a.log.1", "a.log")] == [
        f"line number {number}\n" for number in (7, 8, 9)
    ]
    assert sorted(os.listdir(tmp_path)) == ["a.log", "a.log.1", "a.log.2"]


@given(lines=st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"") + b"\n")), cuts=st.data())
def test_nothing_is_lost_and_no_file_is_too_large(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: st.DataObject
) -> None:
    """Whatever the pieces: the files in order are the input, and only a line larger than a file crosses two."""
    path = tmp_path_factory.mktemp("rotated") / "a.log"
    file = made(path, kept=1000)
    data = b"".join(lines)
    while data:
        size = cuts.draw(st.integers(1, len(data)))
        assert file.write(data[:size]) == size
        data = data[size:]
    file.close()
    files = [
        p.read_bytes() for p in sorted(path.parent.iterdir(), key=lambda p: -int(p.suffix[1:].replace("log", "0")))
    ]
    assert b"".join(files) == b"".join(lines)
    assert all(len(content) <= 20 for content in files)


def test_an_earlier_log_is_continued(tmp_path: Path) -> None:
    """Its size counts."""
    path = tmp_path / "a.log"
    path.write_text("0123456789\n")
    made(path).write(b"next\n")
    assert path.read_text() == "0123456789\nnext\n"
    made(path).write(b"too much\n")
    assert path.read_text() == "too much\n"


def test_a_line_that_a_killed_writer_left_is_ended(tmp_path: Path) -> None:
    """Once, and not in an empty log or after a whole line."""
    path = tmp_path / "a.log"
    made(path).end_line()
    assert path.read_text() == ""
    path.write_text("half")
    for _ in range(2):
        made(path).end_line()
    assert path.read_text() == "half\n"
    made(tmp_path / "nowhere" / "a.log").end_line()


def test_a_file_that_was_removed_or_moved_is_made_anew(tmp_path: Path) -> None:
    """Nothing goes on growing out of sight."""
    path = tmp_path / "a.log"
    file = made(path)
    file.write(b"one\n")
    path.unlink()
    file.write(b"two\n")
    assert path.read_text() == "two\n"
    path.rename(tmp_path / "kept")
    file.write(b"three\n")
    assert path.read_text() == "three\n"
    assert (tmp_path / "kept").read_text() == "two\n"
    file.close()


def test_two_writers_share_a_log(tmp_path: Path) -> None:
    """Each follows the other's rotation and nothing is lost."""
    path = tmp_path / "a.log"
    writers = [made(path, kept=50), made(path, kept=50)]
    lines = [f"line number {number}\n" for number in range(20)]
    for number, line in enumerate(lines):
        writers[number % 2].write(line.encode())
    found = [p.read_text() for p in tmp_path.iterdir()]
    assert sorted(found) == sorted(lines)
    for writer in writers:
        writer.close()


def test_a_failure_is_told_and_the_next_write_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrived counts; without a folder nothing does."""
    path = tmp_path / "a.log"
    file = made(path)
    real = os.write
    with monkeypatch.context() as patch:
        answers = iter([3])

        def write(descriptor: int, data: bytes) -> int:
            for room in answers:
                return real(descriptor, data[:room])
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "write", write)
        assert file.write(b"whole line\n") == 3
    assert file.error == "No space left on device"
    assert file.ends_mid_line
    assert file.write(b"\nafter\n") == 7
    assert not file.ends_mid_line
    assert path.read_text() == "who\nafter\n"
    gone = made(tmp_path / "nowhere" / "a.log")
    assert gone.write(b"x\n") == 0
    assert gone.error == "No such file or directory"
