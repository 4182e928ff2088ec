"""A new configuration while everything runs: what has not changed is left alone, and a bad file changes nothing."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import Arena, NotifySocket, notify_socket
from tests.commands import COMMAND, SHIPPED, await_true, command, configure, environment, right

FX = "run_daily_fx_and_contract_updates"
PRICES = "run_daily_prices_updates"

PLAN = """\
process_configuration:
  default: {{start_time: 00:01, stop_time: 23:50}}
  run_daily_fx_and_contract_updates: {{start_time: 00:01}}
  run_daily_prices_updates: {{start_time: 00:01, enabled: {prices}, limits: {{stop_seconds: {seconds}}}}}
{switched_off}
process_configuration_methods:
  run_daily_fx_and_contract_updates:
    update_fx_prices: {{frequency: 120, max_executions: -1}}
  run_daily_prices_updates:
    update_fx_prices: {{frequency: 120, max_executions: -1}}
"""


OTHERS = "\n".join(f"  {name}: {{enabled: false}}" for name in SHIPPED if name not in (FX, PRICES))
USUAL = {"prices": "true", "seconds": 20, "switched_off": OTHERS}


class Reloaded:
    """A supervised home whose configuration is changed now and then."""

    def __init__(self, home: Path, settings: str, manager: NotifySocket, supervisor: "subprocess.Popen[bytes]") -> None:
        self.arena = Arena(home)
        self.settings = settings
        self.manager = manager
        self.supervisor = supervisor

    def write(self, extra: str = "", **fields: Any) -> None:
        """Give the home this configuration."""
        configure(self.arena.home, self.settings + PLAN.format(**(USUAL | fields)) + extra)

    def reload(self, fault: str = "") -> None:
        """By signal; until the supervisor has told that it is over, with the fault or without."""
        told, ready = self.arena.log.count(fault or "reloaded the configuration"), len(self.manager.times("READY=1"))
        self.supervisor.send_signal(signal.SIGHUP)
        await_true(lambda: self.arena.log.count(fault or "reloaded the configuration") > told)
        await_true(lambda: len(self.manager.times("READY=1")) > ready)


@pytest.fixture
def reloaded(own: Path, settings: str, tmp_path: Path) -> Iterator[Reloaded]:
    """Two processes run, each waiting for hours."""
    text = settings.replace("start: 2023-02-28\n  speed: 60\n  fast_speed: 100000", "start: 2023-02-28T08:00")
    with notify_socket(tmp_path / "notify") as manager:
        with supervisor_of(own, text, manager) as made:
            await_true(lambda: {FX, PRICES} <= made.arena.pids().keys())
            yield made
            right(own, "down")
            assert made.supervisor.wait(10) == 0
            made.arena.check()


@contextmanager
def supervisor_of(home: Path, settings: str, manager: NotifySocket) -> Iterator[Reloaded]:
    configure(home, settings + PLAN.format(**USUAL))
    with subprocess.Popen(
        [COMMAND, "up"],
        env=environment(home, manager.variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as supervisor:
        try:
            yield Reloaded(home, settings, manager, supervisor)
        finally:
            supervisor.kill()


def test_only_what_has_changed_is_touched(reloaded: Reloaded) -> None:
    """The same file touches nobody; a changed process starts anew, a disabled one ends and comes back; the other keeps
    its pid."""
    arena = reloaded.arena
    before = arena.pids()
    reloaded.reload()
    assert arena.pids() == before
    reloaded.write(seconds=21)
    assert "is right" in right(arena.home, "reload").out
    await_true(lambda: arena.pids().get(PRICES, before[PRICES]) != before[PRICES])
    reloaded.write(prices="false")
    reloaded.reload()
    await_true(lambda: arena.pids() == {FX: before[FX]})
    reloaded.write()
    reloaded.reload()
    await_true(lambda: PRICES in arena.pids())
    assert arena.pids()[FX] == before[FX]
    assert [run.outcome for run in arena.runs(PRICES)] == ["stopped", "stopped", "running"]
    assert [run.outcome for run in arena.runs(FX)] == ["running"]


def test_a_bad_file_changes_nothing(reloaded: Reloaded) -> None:
    """Refused with file, line and suggestion, by `reload` and at SIGHUP; the old configuration goes on, restarts
    included, and the service manager hears that the reload is over."""
    arena = reloaded.arena
    before = arena.pids()
    reloaded.write(extra="feeds: {}\n")
    done = command(arena.home, "reload")
    assert done.code == 2
    reloaded.reload(fault="the old one goes on")
    line = (arena.home / "private_config.yaml").read_text().count("\n")
    assert f"private_config.yaml:{line}: feeds" in arena.log
    assert "did you mean feed?" in arena.log
    assert arena.pids() == before
    os.kill(before[FX], signal.SIGTERM)
    await_true(lambda: arena.pids().get(FX, before[FX]) != before[FX])
    again = arena.pids()
    assert again[PRICES] == before[PRICES]
    reloaded.write()
    reloaded.reload()
    assert arena.pids() == again


def test_settings_that_wait_for_a_start_are_named(reloaded: Reloaded) -> None:
    """By the command and in the supervisor's log: whose next start each of them waits for."""
    before = reloaded.arena.pids()
    reloaded.write(extra="risk: {repeats_max: 7}\nmongo_database: other\n")
    said = " ".join(right(reloaded.arena.home, "reload").out.split())
    await_true(lambda: "reloaded the configuration" in reloaded.arena.log)
    for told in (
        "changed settings: mongo_database, risk; a process obeys them from its next start on",
        "the supervisor itself obeys mongo_database only after `sysproduction down` and then `up`",
    ):
        assert told in said
        assert told in reloaded.arena.log
    assert reloaded.arena.pids() == before
    reloaded.write()
    reloaded.reload()
