"""The benchmark runner: its table and its exit code."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).resolve().parents[1] / "bench" / "run.py"
GOOD = 'print(\'{"name": "stitch", "value": 3.2, "unit": "ms", "target": 5, "ok": true}\')'


@pytest.mark.parametrize(
    ("program", "code", "shown"),
    [
        (GOOD, 0, ["stitch", "ok", "3.2 ms", "target 5"]),
        (GOOD.replace("true", "false"), 1, ["stitch", "MISSED"]),
        (GOOD + "\nraise SystemExit(3)", 1, ["ok", "ERROR", "exit code 3"]),
        ("print('hello')", 1, ["ERROR", "not a row: hello"]),
        ("pass", 1, ["ERROR", "no row"]),
        ('print(\'{"name": "import", "skipped": "no shared folder"}\')', 0, ["SKIPPED", "no shared folder"]),
    ],
    ids=["met", "missed", "fails afterwards", "no json", "says nothing", "skipped"],
)
def test_the_table_and_the_exit_code(tmp_path: Path, program: str, code: int, shown: list[str]) -> None:
    """Only targets that are met, or skipped with a reason, give exit code 0; the table says which and why."""
    shutil.copy(RUNNER, tmp_path)
    (tmp_path / "bench_one.py").write_text(program, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "run.py")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == code, ended.stdout
    assert all(text in ended.stdout for text in shown), ended.stdout


def test_without_a_benchmark_it_fails(tmp_path: Path) -> None:
    """A folder without benchmarks is not a success."""
    shutil.copy(RUNNER, tmp_path)
    ended = subprocess.run([sys.executable, tmp_path / "run.py"], capture_output=True, check=False, timeout=60)
    assert ended.returncode == 1
