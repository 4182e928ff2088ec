"""kill -9 at every write of a roll, on the real stores."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sysproduction import wiring
from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.markets.rolls import recover_rolls
from tests.commands import environment, served_home
from tests.conftest import ROOT
from tests.rolling_market import NOW, assert_old_or_new, desk_on, put_market

CODES = [f"R{number:02d}" for number in range(40)]
"""One for each crash: more than a roll has writes, on either side of each."""


def test_killed_at_every_write_of_a_roll_the_series_are_old_or_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each kill, and a recovery, the series are the old or the new ones; state and history agree; stitching the
    multiple prices gives the adjusted ones. Writes of the leases count too."""
    with served_home(tmp_path / "home") as home:
        monkeypatch.setenv("SYSPRODUCTION_HOME", str(home))
        config = load(Home(home), environ={})
        with wiring.outside(Home(home), config) as ports:
            old = put_market(desk_on(ports.documents, ports.series), *CODES)
        killed = kill_at_every_write(home)
        with wiring.outside(Home(home), config) as ports:
            desk = replace(desk_on(ports.documents, ports.series), turn=ports.turn)
            recover_rolls(desk, NOW)
            assert desk.states.unfinished() == []
            rolled = [assert_old_or_new(desk, crash["code"], old) for crash in killed]
    assert [crash["killed"] for crash in killed] == [True] * (len(killed) - 2) + [False] * 2
    assert len(killed) > 2 * (5 + 1), "a roll has five writes of its own, and its leases some"
    assert rolled == sorted(rolled), "once the intent stands, every roll is finished"
    assert 1 <= rolled.count(False) <= 4, "only writes of the turn's lease come before it"


def kill_at_every_write(home: Path) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_rolls", str(home), *CODES],
        cwd=ROOT,
        env=environment(home, {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
