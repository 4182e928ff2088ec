"""The simulated platform: the same seed is the same story, its invariants hold, and planted errors are found."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.domain.alerts import Alert
from sysproduction.domain.errors import ConfigError
from sysproduction.ops.main import main
from sysproduction.ops.simulation_commands import simulated
from sysproduction.ports import Document
from sysproduction.simulation.plan import BEGINNINGS, SPECS
from sysproduction.simulation.supervision import Simulation
from sysproduction.stores.process_states import ProcessStates

DAYS = 2


def command(*words: str, hash_seed: str = "0") -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    line = [sys.executable, "-m", "sysproduction.ops.main", "simulate", "supervision", *words]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_seed_tells_one_story(tmp_path: Path) -> None:
    """Bit for bit, in another interpreter with other hashes too; the last line sums up."""
    logs = [tmp_path / "first", tmp_path / "second"]
    for log, hash_seed in zip(logs, "12", strict=True):
        ended = command("--days", str(DAYS), "--seed", "8", "--log", str(log), hash_seed=hash_seed)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.splitlines()[-1].startswith(f"{DAYS} days, seed 8, ")
        assert ended.stdout.splitlines()[-1].endswith(" 0 violations")
    assert logs[0].read_bytes() == logs[1].read_bytes()
    assert len(logs[0].read_text().splitlines()) > 50


@pytest.mark.parametrize("seed", [1, 2])
def test_the_invariants_hold(seed: int) -> None:
    """Some days with faults, each seed another story."""
    report = simulated(3, seed).run()
    assert report.violations == ()
    assert report.faults > 10
    assert report.runs > 10
    assert report.log != simulated(1, seed + 1).run().log


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_the_invariants_hold_for_a_month(seed: int) -> None:
    """Thirty days of each of many seeds."""
    assert simulated(30, 1000 + seed).run().violations == ()


def test_a_month_meets_clock_changes_leap_days_and_year_ends() -> None:
    """Every beginning is shortly before one of them; the plan is ten processes in several zones."""
    assert len(SPECS) == 10
    assert len({spec.timezone for spec in SPECS}) >= 3
    assert any(spec.stop_time < spec.start_time for spec in SPECS)
    assert {(moment.month, moment.day) for moment in BEGINNINGS} >= {(2, 27), (3, 8), (10, 25), (12, 28)}


def test_a_supervisor_that_takes_a_live_child_for_dead_is_found() -> None:
    """It starts a second copy: I1."""

    def plant(simulation: Simulation) -> None:
        alive = simulation.programs.alive
        simulation.programs.alive = lambda identity: alive(identity) and identity.pid % 5 > 0  # type: ignore[method-assign]

    assert "I1" in found(plant)


@dataclass
class Losing:
    """A store that says that it has written the end of a run, and has not."""

    inner: MemoryDocuments

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def replace(self, collection: str, key: str, body: Mapping[str, Any], version: int) -> Document:
        if collection == "process_runs" and body["outcome"] == "succeeded":
            return Document(key, version + 1, dict(body))
        return self.inner.replace(collection, key, body, version)


def test_a_store_that_loses_the_end_of_a_run_is_found() -> None:
    """The run is over, and its record is not: I2."""

    def plant(simulation: Simulation) -> None:
        simulation.documents.inner = Losing(simulation.documents.inner)  # type: ignore[arg-type, assignment]

    assert "I2" in found(plant)


def test_a_second_end_of_a_run_is_found() -> None:
    """Somebody rewrites history: I2."""

    def plant(simulation: Simulation) -> None:
        run = simulation.invariants.last_look

        def rewrite() -> list[str]:
            documents = simulation.ground.documents
            for done in [r for r in ProcessStates(documents).runs() if r.outcome == "succeeded"]:
                stored = documents.get("process_runs", done.run_id)
                assert stored is not None
                documents.replace("process_runs", stored.key, stored.body | {"outcome": "failed"}, stored.version)
            return run()

        simulation.invariants.last_look = rewrite  # type: ignore[method-assign]

    assert "I2" in found(plant)


def test_a_child_that_nobody_can_end_is_found() -> None:
    """Signals go nowhere, so an orderly stop leaves somebody: I3."""

    def plant(simulation: Simulation) -> None:
        simulation.programs.signal = lambda identity, number: True  # type: ignore[method-assign]

    assert "I3" in found(plant, days=1)


class Mute:
    """A notifier that tells nobody."""

    def alert(self, alert: Alert) -> None: ...

    def recover(self, key: str, text: str) -> None: ...

    def flush(self, seconds: float) -> None: ...


@pytest.mark.parametrize("channel", ["mute", "chatty"])
def test_a_crash_that_is_told_to_nobody_or_twice_is_found(channel: str) -> None:
    """I4, either way."""

    def plant(simulation: Simulation) -> None:
        simulation.notifier = Mute() if channel == "mute" else simulation.told
        simulation.supervisor = simulation.new_supervisor()

    assert "I4" in found(plant)


def found(plant: Callable[[Simulation], None], days: int = 10) -> str:
    """The violations of a simulation with an error in it."""
    simulation = simulated(days, 5)
    plant(simulation)
    report = simulation.run()
    assert report.violations, "the planted error was not found"
    return " ".join(report.violations)


def test_a_violation_is_shown_with_its_seed_and_ends_in_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last events, then the summary; exit code 1."""
    monkeypatch.setattr(Simulation, "_calm_end", lambda self: self.violations.append("I3: planted"))
    assert main(["simulate", "supervision", "--days", "1", "--seed", "6"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 5
    assert "seed 6" in lines[-1]
    assert lines[-1].endswith(" 1 violations")


def test_a_log_that_cannot_be_written_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the file."""
    log = tmp_path / "none" / "log"
    assert main(["simulate", "supervision", "--days", "1", "--log", str(log)]) == ConfigError.exit_code
    assert str(log) in capsys.readouterr().err
