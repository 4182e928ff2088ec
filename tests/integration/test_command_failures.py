"""What goes wrong outside: each fault is one clear message with its exit code, quickly, and nothing half-written."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from tests.commands import COMMAND, command, configure, end_all, environment, processes_of, right
from tests.recorded_folder import write_folder


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_one_message(text: str) -> bool:
    """Nothing but one paragraph that begins with `error:`."""
    return text.startswith("error: ") and "Traceback" not in text and text.count("error:") == 1


@pytest.mark.parametrize("words", [["nonsense"], ["run"], ["history", "--limit", "0"], ["prices", "export", "WHEAT"]])
def test_wrong_usage_is_exit_2(home: Path, words: list[str]) -> None:
    """Unknown commands and options, missing arguments and impossible values are usage errors."""
    done = command(home, *words)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_misspelt_option_is_answered_with_the_right_one(home: Path) -> None:
    """The nearest option is named."""
    done = command(home, "schedule", "--hour", "3")
    assert done.code == 2
    assert "--hours" in done.err


def test_a_broken_configuration_is_exit_2(home: Path) -> None:
    """Every command that needs the configuration names file, line and what was meant, and starts nothing."""
    configure(home, "# mine\nfeed:\n  kimd: csv\n")
    for words in (["check"], ["status"], ["up"], ["run", "run_daily_prices_updates"], ["schedule"]):
        done = command(home, *words)
        assert done.code == 2, words
        assert f"{home / 'private_config.yaml'}:3: feed.kimd" in done.err
        assert "did you mean kind?" in done.err
        assert "Traceback" not in done.err
    assert command(home, "check", "--json").json["problems"][0]["line"] == 3
    assert not (home / "data").exists()


def test_missing_folders_and_files_are_exit_2(home: Path, recorded: Path, tmp_path: Path) -> None:
    """A folder that is not there, one without prices, and a place that cannot be written."""
    (tmp_path / "empty").mkdir()
    for words in (
        ["import", "csv", str(tmp_path / "absent")],
        ["import", "csv", str(tmp_path / "empty")],
        ["import", "csv", str(recorded), "--until", "yesterday"],
        ["up", "--replay-from", "soon"],
    ):
        done = command(home, *words)
        assert done.code == 2, words
        assert is_one_message(done.err), done.err
        assert words[-1] in done.err
    configure(home, f"feed: {{kind: csv, folder: {tmp_path / 'absent'}}}\n")
    assert command(home, "status").code == 2


def test_an_export_that_cannot_be_written_is_exit_2(served: Path, tmp_path: Path) -> None:
    """A missing folder and a suffix that is no format; nothing is left at the place."""
    for out in (tmp_path / "absent" / "wheat.csv", tmp_path / "wheat.txt"):
        done = command(served, "prices", "export", "WHEAT", "--out", str(out))
        assert done.code == 2
        assert is_one_message(done.err), done.err
        assert str(out) in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_made_is_exit_2(tmp_path: Path) -> None:
    """A file in the place of the home is named."""
    (tmp_path / "file").write_text("")
    done = command(tmp_path / "file", "status")
    assert done.code == 2
    assert str(tmp_path / "file") in done.err
    assert "Traceback" not in done.err


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A database with a password, run as somebody else's."""
    database = EmbeddedMongo(tmp_path / "mongo", tmp_path / "run", tmp_path / "logs")
    try:
        yield database.acquire()
    finally:
        database.release()


def test_a_database_elsewhere_is_used(home: Path, address: str, recorded: Path) -> None:
    """With a mongodb:// address no server of our own is started, and the home works as ever."""
    configure(home, f"mongo: {address}\nfeed: {{kind: csv, folder: {recorded}}}\n")
    right(home, "import", "csv", str(recorded))
    assert [row["code"] for row in right(home, "instruments", "show", "--json").json] == ["BUND", "WHEAT"]
    assert not (home / "data" / "mongo" / "data").exists()


def test_a_refused_password_is_exit_2(home: Path, address: str) -> None:
    """The message names the setting, and not the password."""
    configure(home, f"mongo: {address.replace('sysproduction:', 'sysproduction:wrong')}\n")
    for words in (["status"], ["up"], ["run", "run_daily_prices_updates"], ["history"]):
        done = command(home, *words)
        assert done.code == 2, done.err
        assert "refused the user or password" in done.err
        assert "private_config.yaml" in done.err
        assert "wrong" not in done.err.replace(str(home), "")
        assert "Traceback" not in done.err
    assert processes_of(home) == []


@pytest.mark.parametrize("words", ["status", "up --days 1", "run run_daily_prices_updates", "import csv {recorded}"])
def test_a_database_that_is_down_is_exit_3(home: Path, recorded: Path, words: str) -> None:
    """In a few seconds the command says which address does not answer, and what to do."""
    port = closed_port()
    configure(home, f"mongo: mongodb://me:hunter2@127.0.0.1:{port}/\n")
    done = command(home, *words.format(recorded=recorded).split())
    assert done.code == 3, done.err
    assert done.seconds < 10
    assert f"127.0.0.1:{port} is not reachable" in done.err
    assert "hunter2" not in done.err
    assert "Traceback" not in done.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(place)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, *, leaving: int) -> Path:
    """Take up the room of the file system but for so many bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with (disk / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, free - leaving)
    return disk / "filler"


@pytest.mark.parametrize("leaving", [200_000, 40_000_000])
def test_a_full_disk_is_exit_3(small_disk: Path, recorded: Path, leaving: int) -> None:
    """An import that does not fit says so and leaves no process; it succeeds once there is room."""
    own = small_disk / "home"
    own.mkdir()
    configure(own, f"feed: {{kind: csv, folder: {recorded}}}\n")
    filler = fill(small_disk, leaving=leaving)
    done = command(own, "import", "csv", str(recorded))
    assert done.code == 3, done.err
    assert is_one_message(done.err), done.err
    assert processes_of(own) == []
    filler.unlink()
    right(own, "import", "csv", str(recorded))
    assert len(right(own, "prices", "show", "--json").json) == 2
    assert end_all(own) == []


def test_an_export_to_a_full_disk_is_exit_3(served: Path, small_disk: Path) -> None:
    """Nothing half-written is left."""
    fill(small_disk, leaving=4096)
    for suffix in ("csv", "parquet"):
        done = command(served, "prices", "export", "WHEAT", "--kind", "multiple", "--out", f"{small_disk}/w.{suffix}")
        assert done.code == 3, done.err
        assert is_one_message(done.err), done.err
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler"]


def test_output_that_nobody_reads_is_no_fault(served: Path) -> None:
    """A reader that goes away (`| head`) leaves no traceback; a full output is exit 3."""
    words = [COMMAND, "prices", "show", "WHEAT", "-n", "164"]
    with subprocess.Popen(
        words, env=environment(served, {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, env=environment(served, {}), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert is_one_message(done.stderr)


def test_an_empty_import_is_a_failure(home: Path, tmp_path: Path) -> None:
    """A folder none of whose instruments can be used is exit 1 with the reasons."""
    folder = write_folder(tmp_path / "prices")
    for name in ("WHEAT", "BUND"):
        (folder / "multiple_prices_csv" / f"{name}.csv").write_text("DATETIME,nothing\n")
    for path in (folder / "fx_prices_csv").iterdir():
        path.write_text("")
    done = command(home, "import", "csv", str(folder), "--json")
    assert done.code == 1
    assert {problem["item"] for problem in done.json["problems"]} == {"WHEAT", "BUND", "EURUSD", "GBPUSD"}
