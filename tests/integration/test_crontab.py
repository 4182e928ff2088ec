"""The shipped crontab, its lines started at scaled times without a supervisor, against a supervised home."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sysproduction.adapters.clocks import ScaledClock
from tests.commands import COMMAND, SHIPPED, command, configure, environment, processes_of, right
from tests.recorded_folder import ROLL_DAY

CRONTAB = Path(__file__).parents[2] / "scripts" / "crontab"
ALL_DAY = {"run_paper_exchange", "run_stack_handler", "run_capital_update"}
DAYS = [ROLL_DAY, ROLL_DAY + timedelta(days=1)]
TRADING_SPEED = 1800.0
TRADED = """\
strategies: {{trend: {{system: {system}}}}}
capital: {{compounding: fixed}}
risk: {{quote_age_seconds_max: 86400}}
"""
SYSTEM = """\
instruments: [WHEAT, BUND]
rules:
  slow: {function: ewmac, arguments: {Lfast: 16, Lslow: 64}, scalar: 3.75}
forecast_weights: {slow: 1.0}
instrument_weights: {WHEAT: 0.5, BUND: 0.5}
capital: 1
base_currency: USD
percentage_vol_target: 20
"""


@dataclass(frozen=True)
class Line:
    """One line of a crontab: a time of day, days of the week (0 is Sunday), and what sh is given."""

    minute: int
    hour: int
    days: frozenset[int]
    command: str

    @property
    def process(self) -> str:
        return re.findall(r" run (\w+)", self.command)[0]

    def at(self, day: datetime) -> datetime | None:
        """When it starts on this day."""
        falls = day.isoweekday() % 7 in self.days
        return day.replace(hour=self.hour, minute=self.minute) if falls else None


def lines() -> Iterator[Line]:
    for text in CRONTAB.read_text().splitlines():
        if found := re.fullmatch(r"(\d+) (\d+) \* \* ([*\d,]+) (.+)", text):
            days = range(7) if found[3] == "*" else map(int, found[3].split(","))
            yield Line(int(found[1]), int(found[2]), frozenset(days), found[4])


@dataclass
class Cron:
    """Starts the lines in a home, whose market clock it drives."""

    home: Path
    started: "list[tuple[str, subprocess.Popen[bytes]]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        right(self.home, "startup")
        self.clock = ScaledClock(self.home / "run" / "clock")

    def start(self, line: Line) -> None:
        """As cron does, but for the two variables that name this installation."""
        given = environment(self.home, {"PROGRAM": COMMAND})
        self.started.append((line.process, subprocess.Popen(["/bin/sh", "-c", line.command], env=given)))

    def go(self, until: datetime) -> None:
        """Let market time come: at the home's own pace while a daily process works, faster while orders do, and at
        once while nothing does."""
        deadline = time.monotonic() + 240
        while self.clock.now() < until:
            assert time.monotonic() < deadline, [name for name, process in self.started if process.poll() is None]
            working = {name for name, process in self.started if process.poll() is None}
            speed = 60.0 if working - ALL_DAY else TRADING_SPEED if working else 1e12
            self.clock.run_at(speed, until)
            time.sleep(0.2)


def shown(home: Path, *words: str) -> Any:
    return right(home, *words, "--json").json


def decided(home: Path) -> list[tuple[Any, ...]]:
    """What the strategy wants; what it holds depends on how long its orders were worked on."""
    wanted = ("strategy", "instrument", "lower", "upper", "optimum", "price", "contract")
    return [tuple(row[name] for name in wanted) for row in shown(home, "positions", "optimal")]


def exported(home: Path, out: Path) -> list[bytes]:
    texts = []
    for code in ("WHEAT", "BUND"):
        for kind in ("multiple", "adjusted"):
            right(home, "prices", "export", code, "--kind", kind, "--out", str(out))
            texts.append(out.read_bytes())
    return texts


@pytest.mark.soak
def test_the_shipped_crontab_does_what_the_supervisor_does(own: Path, tmp_path: Path, settings: str) -> None:
    """Two days: every process succeeds, the same series and optimal positions, and nothing differs at the broker."""
    (tmp_path / "system.yaml").write_text(SYSTEM)
    configure(own, settings + TRADED.format(system=tmp_path / "system.yaml"))
    other = tmp_path / "crontab"
    shutil.copytree(own, other)
    given = environment(own, {})
    assert subprocess.run([COMMAND, "up", "--days", "2"], env=given, timeout=500, check=False).returncode == 0

    cron = Cron(other)
    table = list(lines())
    assert {line.process for line in table} == {*SHIPPED, "run_systems", "run_strategy_order_generator"}
    coming = sorted((at, line.process, line) for day in DAYS for line in table if (at := line.at(day)))
    for moment, _process, line in coming:
        cron.go(moment)
        cron.start(line)
    cron.go(DAYS[-1].replace(hour=23, minute=30))
    assert shown(other, "reconcile")["findings"] == []
    cron.go(DAYS[-1] + timedelta(days=1))
    assert {(name, process.wait(60)) for name, process in cron.started} == {(line.process, 0) for line in table}
    assert processes_of(other) == []
    runs = [(run["day"], run["process"], run["outcome"]) for run in shown(other, "history", "--limit", "999")]
    assert sorted(runs) == sorted((str(day.date()), line.process, "succeeded") for day in DAYS for line in table)
    assert command(other, "summary").code == 0
    assert exported(other, tmp_path / "out.csv") == exported(own, tmp_path / "out.csv")
    assert decided(other) == decided(own) != []
