"""A new home is set up: by options in a script, by answers at a terminal; only what is right is written."""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands import COMMAND, Done, command, environment, private_home, right
from tests.terminal import terminal


def scripted(home: Path, *options: str, **variables: str) -> Done:
    """`init` where nobody can answer."""
    done = subprocess.run(
        [COMMAND, "init", *options],
        env=environment(home, variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr, 0.0, 0.0)


def written(home: Path) -> Any:
    return yaml.safe_load((home / "private_config.yaml").read_text())


def test_a_script_names_everything(home: Path, recorded: Path) -> None:
    """The file is private, holds only what was said, and is right; a second time is refused without --replace."""
    options = ("--environment", "paper", "--timezone", "Europe/London", "--prices", str(recorded))
    done = scripted(home, *options, "--backups", str(home.parent / "other disk"))
    assert (done.code, f"import csv {recorded}" in done.out) == (0, True), done.err
    path = home / "private_config.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert written(home) == {
        "environment": "paper",
        "timezone": "Europe/London",
        "feed": {"kind": "csv", "folder": str(recorded)},
        "backups": {"folder": str(home.parent / "other disk")},
    }
    assert "is right" in right(home, "check").out
    before = path.read_text()
    assert scripted(home).code == 4
    assert path.read_text() == before
    assert scripted(home, "--replace").code == 0
    assert written(home) == {"environment": "paper", "timezone": "UTC"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--timezone", "Europe/Lundon"), "Europe/London"),
        (("--environment", "live"), "feed.kind is synthetic"),
        (("--prices", "/no/such/folder"), "no such folder"),
        (("--system", "diversifid"), "diversifi"),
    ],
)
def test_what_is_not_right_is_not_written(home: Path, options: tuple[str, ...], told: str) -> None:
    """Exit code 2, and what was probably meant."""
    done = scripted(home, *options)
    assert (done.code, told in done.err, "Traceback" in done.err) == (2, True, False), done.err
    assert [name for name in os.listdir(home) if "private" in name] == []


def test_a_wizard_asks_what_no_option_says(home: Path) -> None:
    """A wrong answer is told and everything is asked again, with what was answered before; the token is not shown."""
    with terminal(home, ["init", "--environment", "paper"]) as wizard:
        for question, answer in (
            ("time zone", "Europe/Pariss"),
            ("recorded prices", ""),
            ("mongodb://", ""),
            ("traded", "synthetic"),
            ("backups go", ""),
            ("Slack channel", "#trading"),
            ("token (not shown)", "xoxb-1"),
            ("Europe/Paris", "y"),
            ("is this home for", ""),
            ("time zone do processes start and stop [Europe/Pariss]", "Europe/Paris"),
            ("made-up market) [none]", ""),
            ("trying out) [none]", ""),
            ("or none [synthetic]", ""),
            ("into the home) [none]", ""),
            ("only to the log) [#trading]", ""),
        ):
            wizard.until(question)
            wizard.type(answer + "\r")
        wizard.until("is written")
        assert "xoxb-1" not in wizard.text
        assert wizard.ended() == 0
    assert written(home) == {
        "environment": "paper",
        "timezone": "Europe/Paris",
        "strategies": {"main": {"system": "synthetic"}},
        "notify": {"slack": {"token": "xoxb-1", "channel": "#trading"}},
    }


def test_doctor_looks_at_the_parts_of_a_day(tmp_path: Path, own: Path) -> None:
    """Alerts, broker and backups; an rsync that is missing, and a folder that cannot be written, are failures."""
    found = {row["subject"]: row for row in command(own, "doctor", "--json").json}
    assert (found["alerts"]["result"], found["broker"]["result"], found["backups"]["result"]) == ("ok", "warn", "warn")
    for name in ("backup_arctic_to_csv", "backup_files", "backup_mongo_data_as_dump"):
        right(own, "method", f"run_backups.{name}")
    found = {row["subject"]: row for row in command(own, "doctor", "--json").json}
    assert found["backups"]["result"] == "ok", found["backups"]
    with private_home(tmp_path / "empty") as empty:
        (empty / "private_config.yaml").write_text("backups: {off_site: 'me@host:/backups'}\n")
        nothing = {"PATH": str(tmp_path)}
        found = {row["subject"]: row for row in command(empty, "doctor", "--json", **nothing).json}
        assert (found["backups"]["result"], "rsync" in found["backups"]["text"]) == ("fail", True)
