"""Services installed and taken back; and what a unit does when it ends: everything is killed at once, then started."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.commands import await_true, command, processes_of, right, running

FX = "run_daily_fx_and_contract_updates"
LIVELY = """\
process_configuration:
  run_capital_update: {enabled: false}
  run_paper_exchange: {enabled: false}
  run_stack_handler: {enabled: false}
  run_daily_fx_and_contract_updates: {start_time: 00:01}
process_configuration_methods:
  run_daily_fx_and_contract_updates:
    update_fx_prices: {frequency: 120, max_executions: -1}
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs in place of the machine's systemctl and crontab, which keep what they were told."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{folder}/told\n')
    table = folder / "table"
    (folder / "crontab").write_text(
        f'#!/bin/sh\n[ "$1" = -l ] || exec cat >{table}\n'
        f'[ -e {table} ] && exec cat {table}\necho "no crontab for you" >&2\nexit 1\n'
    )
    for path in folder.iterdir():
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_a_unit_is_installed_and_taken_back(home: Path, programs: Path, tmp_path: Path) -> None:
    """It is what `show` prints; systemd is told."""
    right(home, "service", "install", "--folder", str(tmp_path))
    unit = tmp_path / "sysproduction.service"
    assert unit.read_text() == right(home, "service", "show").out
    assert f'--home "{home}" up' in unit.read_text()
    right(home, "service", "uninstall", "--folder", str(tmp_path))
    assert not unit.exists()
    told = ["daemon-reload", "enable sysproduction.service", "disable --now sysproduction.service", "daemon-reload"]
    assert (programs / "told").read_text().splitlines() == told
    assert command(home, "service", "uninstall", "--folder", str(tmp_path)).code == 2


def test_crontab_is_filled_and_taken_back(home: Path, programs: Path) -> None:
    """Twice is as once, and what else stands there stays."""
    (programs / "table").write_text("5 4 * * * mine\n")
    for _again in range(2):
        right(home, "service", "install", "--cron")
    assert (programs / "table").read_text().count("run run_backups") == 1
    right(home, "service", "uninstall", "--cron")
    assert (programs / "table").read_text() == "5 4 * * * mine\n"


def test_a_failing_systemctl_is_told(home: Path, programs: Path, tmp_path: Path) -> None:
    """With its exit code and its words; a folder that is not there likewise."""
    (programs / "systemctl").write_text("#!/bin/sh\necho no bus >&2\nexit 7\n")
    done = command(home, "service", "install", "--folder", str(tmp_path))
    assert (done.code, "exit code 7: no bus" in done.err) == (3, True)
    assert command(home, "service", "install", "--folder", str(tmp_path / "absent")).code == 2


def test_everything_is_killed_at_once_and_starts_again(own: Path, settings: str) -> None:
    """As the unit's KillMode does when the stop takes too long: supervisor, template, children, pumps and database."""
    text = settings.replace("start: 2023-02-28\n  speed: 60\n  fast_speed: 100000", "start: 2023-02-28T08:00")
    (own / "private_config.yaml").write_text(text + LIVELY)

    def runs() -> bool:
        rows = right(own, "status", "--json").json["processes"]
        return any(row["process"] == FX and row["state"] == "running" for row in rows)

    with running(own, "up"):
        await_true(runs, 60.0)
        killed = processes_of(own)
        assert len(killed) >= 5
        for process in killed:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(killed, timeout=10)
    with running(own, "up") as supervisor:
        await_true(runs, 60.0)
        right(own, "down")
        assert supervisor.wait(30) == 0
    await_true(lambda: processes_of(own) == [], 10.0)
    history = right(own, "history", FX, "--json").json
    assert [run["outcome"] for run in history] == ["stopped", "crashed"]
