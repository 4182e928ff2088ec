"""The contract of the Folders port, which every adapter keeps."""

from pathlib import Path

import pytest

from sysproduction.adapters.disk_folders import DiskFolders
from sysproduction.adapters.memory_folders import MemoryFolders
from sysproduction.domain.errors import DataError, Unavailable
from sysproduction.ports import Folders


@pytest.fixture(params=["memory", "disk"])
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> Folders:
    """Each adapter in turn, empty."""
    return MemoryFolders() if request.param == "memory" else DiskFolders(tmp_path / "folders")


def test_files_come_back_as_they_went_in(folders: Folders) -> None:
    """By folder and name; what is not there is None."""
    folders.put("trend/000001", {"a.json": b"{}", "b.parquet": b"\x00\xff"})
    assert folders.read("trend/000001", "a.json") == b"{}"
    assert folders.read("trend/000001", "b.parquet") == b"\x00\xff"
    assert folders.read("trend/000001", "c") is None
    assert folders.read("trend/000002", "a.json") is None


def test_a_folder_is_replaced_as_a_whole(folders: Folders) -> None:
    """No file of the old one stays."""
    folders.put("trend/cache", {"a": b"1", "b": b"2"})
    folders.put("trend/cache", {"b": b"3"})
    assert folders.read("trend/cache", "a") is None
    assert folders.read("trend/cache", "b") == b"3"


def test_names_are_sorted_and_filtered(folders: Folders) -> None:
    """By what they begin with; a deleted folder is gone, and may be deleted again."""
    assert folders.names() == []
    for name in ("b/2", "a/1", "b/1"):
        folders.put(name, {"x": b""})
    assert folders.names() == ["a/1", "b/1", "b/2"]
    assert folders.names("b/") == ["b/1", "b/2"]
    for _ in range(2):
        folders.delete("b/1")
    assert folders.names("b/") == ["b/2"]


@pytest.mark.parametrize("name", ["", "a//b", "../a", "/a", "a/..", ".hidden", "a b"])
def test_names_stay_inside(folders: Folders, name: str) -> None:
    """Nothing outside can be named, neither as a folder nor as a file."""
    with pytest.raises(DataError):
        folders.put(name, {"x": b""})
    with pytest.raises(DataError):
        folders.put("a", {name or "/": b""})


def test_what_a_dead_writer_left_is_taken_away(tmp_path: Path) -> None:
    """It is no folder, and the next write to the same parent removes it."""
    folders = DiskFolders(tmp_path)
    left = tmp_path / "trend" / ".writing-4194304-x"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"h")
    assert folders.names() == []
    folders.put("trend/000001", {"x": b""})
    assert not left.exists()
    assert folders.names() == ["trend/000001"]


def test_a_disk_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """With the path in the error."""
    (tmp_path / "folders").write_text("in the way")
    with pytest.raises(Unavailable, match="folders"):
        DiskFolders(tmp_path / "folders").put("a", {"x": b""})
