"""The shipped unit and crontab are what the program writes, and systemd finds no fault in the unit."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.processes import ProcessSpec
from sysproduction.ops.service_files import Installation, crontab, unit, with_block

SCRIPTS = Path(__file__).parents[3] / "scripts"
EXAMPLE = Installation(
    Path("/home/trader/sysproduction/.venv/bin/sysproduction"), Path("/home/trader/.sysproduction"), "trader"
)


def shipped() -> Sequence[ProcessSpec]:
    """The shipped processes, with a strategy."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "private_config.yaml").write_text("strategies: {trend: {system: diversified}}\n")
        return load(Home(Path(folder)), environ={}).processes


def test_shipped_files_are_what_install_writes() -> None:
    """For a user called trader."""
    assert (SCRIPTS / "sysproduction.service").read_text() == unit(EXAMPLE, shipped())
    assert (SCRIPTS / "crontab").read_text() == crontab(EXAMPLE, shipped())


def test_the_stop_time_out_is_above_the_longest_stop() -> None:
    """Of any process of the configuration."""
    first, *others = shipped()
    slow = replace(first, limits=replace(first.limits, stop_seconds=500.0))
    assert "TimeoutStopSec=560\n" in unit(EXAMPLE, [slow, *others])
    seconds = int(unit(EXAMPLE, shipped()).partition("TimeoutStopSec=")[2].split()[0])
    assert seconds > max(spec.limits.stop_seconds for spec in shipped())


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing about the unit."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    place = Installation(Path(sys.executable).with_name("sysproduction"), tmp_path / "a home", "root")
    path = tmp_path / "sysproduction.service"
    path.write_text(unit(place, shipped()))
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if path.name in line]) == (0, [])


def test_what_a_service_file_would_misread_is_refused() -> None:
    """A percent sign means something else to systemd and to cron."""
    for write in (unit, crontab):
        with pytest.raises(ConfigError, match="100%"):
            write(replace(EXAMPLE, home=Path("/home/100%")), shipped())


def test_a_block_of_crontab_is_replaced_and_taken_back() -> None:
    """Other lines and other homes stay as they were."""
    one, two = Path("/one"), Path("/two")
    table = with_block(with_block("5 4 * * * mine\n", "a\n", one), "b\n", two)
    again = with_block(table, "c\n", one)
    assert again.count("sysproduction begins: /one") == 1
    assert ("a\n" in again.splitlines(True), "b\n" in again, "c\n" in again) == (False, True, True)
    assert with_block(with_block(again, "", one), "", two) == "5 4 * * * mine\n"
