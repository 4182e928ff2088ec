"""The control shell and the monitor, driven by keys at a terminal and by lines in a pipe."""

import asyncio
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import DataTable, Static

from sysproduction.control.glance import Glance
from sysproduction.domain.alerts import Alert, Incident
from sysproduction.domain.errors import Unavailable
from sysproduction.ops.monitor_screen import MonitorScreen
from tests.commands import COMMAND, environment, right
from tests.terminal import Terminal, terminal

PROMPT = "sysproduction>"
NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)


@pytest.fixture
def screens(request: pytest.FixtureRequest) -> Path:
    """Where screenshots are kept: .pytest_cache/d/screens of the checkout."""
    return Path(request.config.cache.mkdir("screens"))  # type: ignore[union-attr]


@pytest.fixture
def shell(served: Path) -> Iterator[Terminal]:
    """At its prompt, in a home whose database is up."""
    with terminal(served, ["shell"]) as opened:
        opened.until(PROMPT, "kill switch NORMAL")
        yield opened


def ask(shell: Terminal, line: str, *wanted: str) -> float:
    """Type a line; seconds until all of this is there, and the prompt again."""
    shell.screen.reset()
    shell.type(line + "\r")
    return shell.until(*wanted, last_line=PROMPT)


def test_commands_complete_and_run(shell: Terminal, screens: Path) -> None:
    """Tab completes commands, groups, and the names that only this home knows; the answer is the command's."""
    for keys, line, *answer in (
        ("instr\tsh\t", "instruments show", "BUND", "WHEAT"),
        ("pause run_daily_pri\t", "pause run_daily_prices_updates", "run_daily_prices_updates: PAUSE"),
        ("prices show BU\t", "prices show BUND", "2023-02-27"),
    ):
        for part in keys.split("\t")[:-1]:
            shell.type(f"{part}\t")
            shell.until(*[word for word in line.split() if word.startswith(part.split()[-1])])
        shell.until(f"{PROMPT} {line}")
        shell.type("\r")
        shell.until(*answer, last_line=PROMPT)
    shell.keep(screens / "shell.txt")
    ask(shell, "go run_daily_prices_updates", "run_daily_prices_updates: GO")


def test_the_status_line_tells_how_things_stand(shell: Terminal, screens: Path) -> None:
    """Environment, kill switch and alerts are always there, and change without a key being pressed."""
    shell.until("paper | kill switch NORMAL | 0 open alerts")
    ask(shell, "kill halt --why 'storm on the market'")
    shell.until("kill switch HALT")
    shell.keep(screens / "shell_halted.txt")
    ask(shell, "kill release --why over --yes", "kill switch NORMAL")


def test_a_dangerous_action_is_asked_for_its_reason_and_confirmed(shell: Terminal, served: Path) -> None:
    """Both at the prompt; the reason stands in the audit log. No confirmation, no order."""
    shell.type("orders trade manual BUND 1\r")
    shell.until("the reason, for the audit log:")
    shell.type("a hedge of mine\r")
    shell.until("1 BUND would be traded for manual. Do it?")
    shell.type("n\r")
    shell.until("refused: 1 BUND would be traded for manual", last_line=PROMPT)
    assert right(served, "orders", "show", "--json").json == []
    shell.type("kill halt\r")
    shell.until("the reason, for the audit log:")
    shell.type("asked by me\r")
    shell.until("kill switch HALT")
    assert "asked by me" in right(served, "audit", "show", "--json").out
    ask(shell, "kill release --why over --yes", "kill switch NORMAL")


def test_mistakes_are_told_and_the_shell_goes_on(shell: Terminal) -> None:
    """An unknown command, an open quotation, a wrong option, Ctrl-C; Ctrl-D leaves with 0."""
    ask(shell, "statsu", "there is no command statsu; did you mean status?")
    ask(shell, "logs 'open", "No closing quotation")
    ask(shell, "status --jsn", "No such option")
    shell.type("half a line\x03")
    ask(shell, "shell", "this is the shell already")
    ask(shell, "help kill", "The kill switch.")
    shell.type("\x04")
    assert shell.ended() == 0


def test_a_command_is_watched_until_ctrl_c(shell: Terminal) -> None:
    """It comes again and again."""
    shell.type("watch -n 0.2 orders show\r")
    shell.until("orders show, every 0.2 s", "no order is being worked on")
    shell.screen.reset()
    shell.until("no order is being worked on")
    for _ in range(20):  # as a human does it
        if shell.last_line == PROMPT:
            break
        shell.type("\x03")
        shell.listen(1.0)
        shell.listen(0.2)
    assert shell.last_line == PROMPT


def test_history_is_remembered(served: Path, shell: Terminal) -> None:
    """The next shell knows the lines of this one; the file is for the owner's eyes only."""
    ask(shell, "roll status", "WHEAT")
    shell.type("\x04")
    assert shell.ended() == 0
    assert (served / "shell_history").stat().st_mode & 0o777 == 0o600
    with terminal(served, ["shell"]) as again:
        again.until(PROMPT)
        again.type("\x1b[A")
        again.until(f"{PROMPT} roll status")
        again.type("\x15\x04")
        assert again.ended() == 0


def test_a_command_takes_no_time(shell: Terminal) -> None:
    """From Enter to the next prompt; loosely here, for the machine may be busy: the benchmark has the bound."""
    ask(shell, "kill show", "normal")
    assert statistics.median(ask(shell, "kill show", "normal") for _ in range(5)) < 1.5


def piped(home: Path, text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [COMMAND, "shell"], input=text, capture_output=True, text=True, env=environment(home, {}), check=False
    )


def test_lines_from_a_pipe(served: Path, tmp_path: Path) -> None:
    """Each is run, failures too; the exit code is that of the last failure; no prompt, no colours."""
    done = piped(served, "# a comment\n\nkill show\ninstrumenst\nwatch orders show\norders trade manual BUND 1\n")
    assert done.returncode == 2
    assert "normal" in done.stdout
    assert "no order is being worked on" in done.stdout
    assert "did you mean instruments?" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert piped(served, "kill show\nexit\nnonsense\n").returncode == 0
    script = tmp_path / "script"
    script.write_text("kill show\n")
    assert "normal" in right(served, "shell", str(script)).out


def test_the_monitor_at_a_terminal(served: Path, screens: Path) -> None:
    """It shows this home, and q leaves it."""
    with terminal(served, ["monitor"]) as opened:
        opened.until("run_daily_prices_updates", "kill switch NORMAL", "positions")
        opened.keep(screens / "monitor.txt")
        opened.type("q")
        assert opened.ended() == 0


class Views:
    """How things stand, one after another; then the store is away."""

    def __init__(self, *glances: Glance) -> None:
        self._left = list(glances)

    def __call__(self) -> Glance:
        if not self._left:
            raise Unavailable("the database is away")
        return self._left.pop(0)


def test_the_monitor_shows_what_changes(tmp_path: Path, screens: Path) -> None:
    """Rows come and go, an alert and the kill switch colour the status line, an outage keeps the last rows."""
    log = tmp_path / "supervisor.log"
    log.write_text("first line\nlast line\n")
    calm = Glance(NOON, "NORMAL", (), (), ({"level": "broker", "order_id": "SP1", "trade": "+1 20240600"},), ())
    alert = Incident(Alert("store", "the store is unreachable", ""), NOON, NOON, 3)
    worse = replace(calm, kill="HALT", alerts=(alert,), orders=())

    async def drive() -> None:
        screen = MonitorScreen(Views(calm, worse), "paper", log)
        async with screen.run_test(size=(140, 50)) as pilot:

            async def shown(text: str) -> None:
                until = time.monotonic() + 30
                while text not in str(screen.query_one("#status", Static).render()):
                    assert time.monotonic() < until, text
                    await pilot.pause(0.05)

            orders, alerts = screen.query_one("#orders", DataTable), screen.query_one("#alerts", DataTable)
            await shown("kill switch NORMAL | 0 open alerts")
            assert orders.row_count == 1
            assert orders.get_row_at(0)[1] == "SP1"
            await pilot.press("r")
            await shown("kill switch HALT | 1 open alerts")
            assert screen.query_one("#status", Static).has_class("bad")
            assert (orders.row_count, alerts.row_count) == (0, 1)
            (screens / "monitor.svg").write_text(screen.export_screenshot())
            await pilot.press("r")
            await shown("the database is away")
            assert alerts.row_count == 1

    asyncio.run(drive())
