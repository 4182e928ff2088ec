"""`sysproduction check` on every broken configuration of the corpus: place, reason and suggestion, exit 2."""

import os
from pathlib import Path

import pytest

from sysproduction.ops.main import main
from tests.commands import command, configure
from tests.unit.config.corpus_cases import Case, Expected, read_cases

CASES = read_cases()
SAMPLE = CASES[:: max(1, len(CASES) // 8)]


def prepared(case: Case, home: Path) -> Path:
    (home / "private_config.yaml").write_bytes(case.content)
    (home / "private_config.yaml").chmod(0o600)
    return home


def assert_told(expected: Expected, home: Path, said: list[str]) -> None:
    """Some line names the place and the key, gives the reason, and suggests what is expected."""
    source = f"environment variable {expected.variable}" if expected.variable else str(home / "private_config.yaml")
    place = source if expected.line is None else f"{source}:{expected.line}"
    begin = f"{place}: {expected.key}: " if expected.key else f"{place}: "
    told = [line for line in said if line.startswith(begin) and expected.says in line]
    assert told, f"{expected} is not among {said}"
    if expected.suggests is not None:
        end = "did you mean " if expected.suggests == "*" else f"did you mean {expected.suggests}?"
        assert any(end in line for line in told), told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check_names_what_is_broken(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly the expected problems, one a line, are on standard error; the exit code is 2."""
    for name in [name for name in os.environ if name.startswith("SYSPRODUCTION")]:
        monkeypatch.delenv(name)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    home = prepared(case, tmp_path)
    assert main(["--home", str(home), "check"]) == 2
    written = capsys.readouterr()
    *said, count = written.err.splitlines()
    assert written.out == ""
    assert count.startswith(f"{len(case.expected)} problem")
    for expected in case.expected:
        assert_told(expected, home, said)


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_the_command_does_the_same(case: Case, tmp_path: Path) -> None:
    """The real command tells the same as JSON and exits with 2, without a traceback or a database."""
    home = prepared(case, tmp_path)
    done = command(home, "check", "--json", **case.environment)
    assert done.code == 2
    assert done.err == ""
    assert len(done.json["problems"]) == len(case.expected)
    for expected in case.expected:
        assert any(p["key"] == expected.key and p["line"] == expected.line for p in done.json["problems"])
    assert [path.name for path in home.iterdir()] == ["private_config.yaml"]


def test_a_configuration_can_be_mended_by_what_is_said(tmp_path: Path) -> None:
    """The line and the suggestion are right: doing what they say makes `check` succeed."""
    configure(tmp_path, "# mine\nfeed:\n  knid: synthetic\n")
    done = command(tmp_path, "check")
    assert done.code == 2
    place, _, suggestion = done.err.splitlines()[0].rpartition("did you mean ")
    number = int(place.split(":")[1])
    lines = (tmp_path / "private_config.yaml").read_text().splitlines()
    lines[number - 1] = lines[number - 1].replace("knid", suggestion.rstrip("?"))
    configure(tmp_path, "\n".join(lines) + "\n")
    assert command(tmp_path, "check").code == 0
