"""The supervisor with real children and a real database: days walked, orders obeyed, and what kill -9 does to it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import psutil
import pytest

from sysproduction.adapters.clocks import ScaledClock
from sysproduction.adapters.embedded_mongo import EmbeddedMongo
from tests.commands import SHIPPED, await_true, command, configure, processes_of, right, running, served_home
from tests.recorded_folder import ROLL_DAY

FX = "run_daily_fx_and_contract_updates"
PRICES = "run_daily_prices_updates"
LATE = "run_daily_update_multiple_adjusted_prices"
IN_ORDER = [FX, PRICES, LATE]
OBEYED = 1.0

# Market time runs as fast as real time, and every process may run at once: FX waits for two hours after its first
# execution, PRICES does something several times a second, LATE waits for PRICES for ever.
LIVELY = """\
process_configuration:
  default: {start_time: 00:01, stop_time: 23:50, restart: {backoff_seconds: 0.1}}
  run_capital_update: {enabled: false}
  run_paper_exchange: {enabled: false}
  run_stack_handler: {enabled: false}
  run_daily_fx_and_contract_updates: {start_time: 00:01}
  run_daily_prices_updates: {start_time: 00:01}
  run_daily_update_multiple_adjusted_prices: {start_time: 00:01}
process_configuration_methods:
  run_daily_fx_and_contract_updates:
    update_fx_prices: {frequency: 120, max_executions: -1}
  run_daily_prices_updates:
    update_fx_prices: {frequency: 0.005, max_executions: -1}
"""


@pytest.fixture
def lively(own: Path, settings: str) -> Path:
    """A home whose processes live until they are stopped."""
    configure(own, settings.replace("start: 2023-02-28\n  speed: 60\n  fast_speed: 100000", "start: 2023-02-28T08:00"))
    with (own / "private_config.yaml").open("a") as config:
        config.write(LIVELY)
    return own


@contextmanager
def supervised(home: Path, *names: str) -> "Iterator[subprocess.Popen[str]]":
    """A supervisor in the background, once these processes run; stopped with `down` unless it is gone by then."""
    with running(home, "up") as supervisor:
        await_true(lambda: all(name in pids(home) for name in names))
        yield supervisor
        if supervisor.poll() is None:
            right(home, "down")
            assert supervisor.wait(5) == 0
    await_true(lambda: processes_of(home) == [], 5.0)


def status(home: Path) -> dict[str, dict[str, Any]]:
    return {row["process"]: row for row in right(home, "status", "--json").json["processes"]}


def pids(home: Path) -> dict[str, int]:
    return {name: row["pid"] for name, row in status(home).items() if row["state"] == "running"}


def runs(home: Path, *words: str) -> list[dict[str, Any]]:
    """The history, oldest first."""
    found: list[dict[str, Any]] = right(home, "history", *words, "--limit", "1000", "--json").json
    return found[::-1]


def executions(home: Path, process: str) -> int:
    return len(runs(home, process, "--methods"))


def exported(home: Path, out: Path) -> list[bytes]:
    texts = []
    for code in ("WHEAT", "BUND"):
        for kind in ("multiple", "adjusted", "20230300", "20230600"):
            right(home, "prices", "export", code, "--kind", kind, "--out", str(out))
            texts.append(out.read_bytes())
    return texts


def run_at(home: Path, process: str, moment: datetime) -> None:
    """What crontab does: the process by itself, at this moment of the home's clock."""
    right(home, "schedule")
    ScaledClock(home / "run" / "clock").run_at(1e12, moment)
    done = right(home, "run", process, "--no-wait")
    assert "error" not in done.err.lower()


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_days_walk_by_themselves(own: Path, tmp_path: Path, settings: str, count: int) -> None:
    """`up --days N` runs every process once a day, in order, and ends; crontab without a supervisor gives the same
    series. The first of them is the day of a roll."""
    copytree(own, tmp_path / "crontab")
    done = right(own, "up", "--days", str(count))
    assert processes_of(own) == []
    assert "Traceback" not in done.err
    days = [ROLL_DAY + timedelta(days=number) for number in range(count)]
    with served_home(own):
        walked = [(run["day"], run["process"], run["outcome"]) for run in runs(own)]
        assert sorted(walked) == sorted((str(day.date()), name, "succeeded") for day in days for name in SHIPPED)
        in_order = [run for run in walked if run[1] in IN_ORDER]
        assert in_order == [(str(day.date()), name, "succeeded") for day in days for name in IN_ORDER]
        assert right(own, "summary", "--json").json["unsuccessful"] == []
        row = right(own, "prices", "show", "WHEAT", "--kind", "multiple", "-n", "1", "--json").json[0]
        assert (row["stamp"], row["PRICE_CONTRACT"]) == (f"{days[-1]:%Y-%m-%d}T23:00:00+00:00", "20230600")
        series = exported(own, tmp_path / "out.csv")
    with served_home(tmp_path / "crontab") as other:
        configure(other, settings.replace("speed: 60\n  fast_speed: 100000", "speed: 1"))
        for day in days:
            for name, hour in zip(IN_ORDER, (7, 20, 23), strict=True):
                run_at(other, name, day + timedelta(hours=hour))
        assert [run["outcome"] for run in runs(other)] == ["succeeded"] * 3 * count
        assert exported(other, tmp_path / "out.csv") == series


def test_orders_are_obeyed_within_a_second(lively: Path) -> None:
    """STOP ends a process that waits for two hours, PAUSE keeps a busy one from its methods, GO lets it go on."""
    with supervised(lively, FX, PRICES):
        child, busy = psutil.Process(pids(lively)[FX]), pids(lively)[PRICES]
        right(lively, "stop", FX)
        assert await_true(lambda: not child.is_running()) < OBEYED
        assert status(lively)[FX]["state"] == "stopped"
        right(lively, "pause", PRICES)
        before = _steady(lively)
        assert executions(lively, PRICES) == before
        assert pids(lively) == {PRICES: busy}
        right(lively, "go", PRICES)
        await_true(lambda: executions(lively, PRICES) > before, OBEYED + 0.5)
        right(lively, "resume", FX)
        await_true(lambda: FX in pids(lively), 3.0)
        assert pids(lively)[PRICES] == busy
    assert [run["outcome"] for run in runs(lively, FX)] == ["stopped", "stopped"]


def _steady(home: Path) -> int:
    """How many executions there are after a second in which an order had to be obeyed."""
    begun = time.monotonic()
    while time.monotonic() - begun < OBEYED:
        count = executions(home, PRICES)
    return count


def test_a_killed_child_is_started_again_and_goes_on(lively: Path) -> None:
    """Its run is recorded as crashed exactly once, and the next one continues its counts and last starts."""
    with supervised(lively, FX):
        await_true(lambda: executions(lively, FX) == 2)
        first = pids(lively)[FX]
        os.kill(first, signal.SIGKILL)
        await_true(lambda: pids(lively).get(FX, first) != first)
        found = runs(lively, FX)
        assert [(run["number"], run["outcome"]) for run in found] == [(1, "crashed"), (2, "running")]
        assert found[0]["reason"] == "killed by SIGKILL"
        assert right(lively, "startup", "--json").json["closed_runs"] == []
    assert executions(lively, FX) == 2
    assert [run["outcome"] for run in runs(lively, FX)] == ["crashed", "stopped"]


def test_one_supervisor_a_home(lively: Path) -> None:
    """A second `up` is refused; `status` stays quick; `down` ends everything and is refused when nothing runs."""
    with supervised(lively, FX, PRICES):
        second = command(lively, "up")
        assert second.code == 4
        assert "running already" in second.err
        assert right(lively, "status", "--json").json["supervisor"] == "running"
        assert min(right(lively, "status").cpu_seconds for _ in range(3)) <= 1.0
        assert command(lively, "run", FX).code == 4
        right(lively, "down")
        assert processes_of(lively) == []
        assert command(lively, "down").code == 4
    assert {run["outcome"] for run in runs(lively)} == {"stopped"}


def test_a_supervisor_ends_its_children_in_reverse_order(lively: Path) -> None:
    """At SIGTERM, the process that depends on another has ended before that one is asked to stop."""
    text = (lively / "private_config.yaml").read_text()
    configure(lively, text.replace("{frequency: 0.005, max_executions: -1}", "{max_executions: 1}"))
    right(lively, "run", PRICES)
    late = "  run_daily_update_multiple_adjusted_prices:\n"
    late += "    update_sampled_contracts: {frequency: 120, max_executions: -1}\n"
    configure(lively, text + late)
    log = lively / "logs" / "supervisor.log"
    with running(lively, "up") as supervisor:
        await_true(lambda: LATE in pids(lively))
        right(lively, "start", PRICES)
        await_true(lambda: set(IN_ORDER) <= pids(lively).keys())
        children = {name: psutil.Process(pid) for name, pid in pids(lively).items()}
        children[LATE].suspend()
        supervisor.send_signal(signal.SIGTERM)
        await_true(lambda: f"{FX}/2023-02-28/1 ended" in log.read_text())
        assert children[PRICES].is_running()
        assert f"{PRICES} is asked to stop" not in log.read_text()
        children[LATE].resume()
        assert supervisor.wait(20) == 0
    assert processes_of(lively) == []
    assert log.read_text().index(f"{LATE} is asked to stop") < log.read_text().index(f"{PRICES} is asked to stop")
    assert [run["outcome"] for run in runs(lively)] == ["succeeded", "stopped", "stopped", "stopped"]


def test_a_killed_database_comes_back(lively: Path) -> None:
    """The supervisor starts it again; the children of before go on with their work, none crashes."""
    database = EmbeddedMongo(lively / "data" / "mongo", lively / "run", lively / "logs")
    with supervised(lively, FX, PRICES):
        before, running_before = database.status(), pids(lively)
        assert before is not None
        done = executions(lively, PRICES)
        os.kill(before.pid, signal.SIGKILL)
        await_true(lambda: (now := database.status()) is not None and now.pid != before.pid)
        await_true(lambda: executions(lively, PRICES) > done + 2)
        assert pids(lively) == running_before
    assert {run["outcome"] for run in runs(lively)} == {"stopped"}


def test_a_killed_supervisor_is_replaced(lively: Path) -> None:
    """The next `up` adopts the children that live and closes the run of the one that died meanwhile."""
    with running(lively, "up") as supervisor:
        await_true(lambda: {FX, PRICES} <= pids(lively).keys())
        before = pids(lively)
        supervisor.kill()
        supervisor.wait()
    os.kill(before[PRICES], signal.SIGKILL)
    with supervised(lively, FX, PRICES):
        assert pids(lively)[FX] == before[FX]
        await_true(lambda: [run["outcome"] for run in runs(lively, PRICES)] == ["crashed", "running"])
        assert [run["outcome"] for run in runs(lively, FX)] == ["running"]
    assert [run["outcome"] for run in runs(lively, FX)] == ["stopped"]
