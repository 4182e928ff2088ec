"""The skip rule, on small projects of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SAMPLE = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="no server here")
@pytest.mark.parametrize("kind", ["mongo"])
def test_server(kind): pass

@pytest.mark.xfail
def test_known(): assert False
"""
MODULE_SKIP = 'import pytest\npytest.skip("whole module", allow_module_level=True)\n'


def run(project: Path, *, allowed: str, shared: bool = True, workers: bool = False) -> tuple[int, str]:
    """Run pytest with the rule on `project`; exit code and output."""
    (project / "tests").mkdir(exist_ok=True)
    (project / "tests" / "allowed_skips.txt").write_text(allowed, encoding="utf-8")
    (project / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    folder = project / "shared"
    if shared:
        (folder / "data").mkdir(parents=True)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "skip_rule", *(["-n", "2"] if workers else []), "tests"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(TESTS), "SYSPRODUCTION_SHARED": str(folder), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one passing, one skipped and one expectedly failing test."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("workers", [False, True])
def test_unlisted_skip_fails_the_run_and_is_named(project: Path, workers: bool) -> None:
    """With the shared folder present, a skip outside the list fails the run, with and without workers."""
    code, output = run(project, allowed="# nothing\n", workers=workers)
    assert code == 1
    assert "tests/test_sample.py::test_server[mongo] | Skipped: no server here" in output
    assert "1 passed, 1 skipped, 1 xfailed" in output


def test_skipped_module_fails_the_run_with_workers(project: Path) -> None:
    """A module that skips itself while being collected counts as well."""
    (project / "tests" / "test_sample.py").write_text("def test_runs(): pass\n", encoding="utf-8")
    (project / "tests" / "test_other.py").write_text(MODULE_SKIP, encoding="utf-8")
    code, output = run(project, allowed="", workers=True)
    assert code == 1
    assert "tests/test_other.py | Skipped: whole module" in output


def test_listed_skip_passes(project: Path) -> None:
    """A skip that the list names with a reason passes; * matches anything, brackets match themselves."""
    code, output = run(project, allowed="tests/*::test_server[mongo] | needs a server of its own\n")
    assert code == 0, output


def test_listed_skip_is_matched_whole(project: Path) -> None:
    """A pattern that matches only the beginning of a test's name does not allow its skip."""
    assert run(project, allowed="tests/*::test_server | needs a server\n")[0] == 1


def test_without_the_shared_folder_every_skip_passes(project: Path) -> None:
    """Where the shared folder is absent the rule does not apply."""
    assert run(project, allowed="", shared=False)[0] == 0


def test_line_without_a_reason_is_refused(project: Path) -> None:
    """An allowed skip must say why."""
    code, output = run(project, allowed="tests/test_sample.py::test_server\n")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "allowed_skips.txt:1: write" in output
