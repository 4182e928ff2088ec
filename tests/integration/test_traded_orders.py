"""Orders by hand, worked on by the real stack handler and filled by the real paper exchange."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import SHIPPED, await_true, command, configure, right, running

EXCHANGE, STACK = "run_paper_exchange", "run_stack_handler"
OTHERS = {*SHIPPED, "run_systems", "run_strategy_order_generator"} - {EXCHANGE, STACK}
SWITCHED_OFF = "\n".join(f"  {name}: {{enabled: false}}" for name in sorted(OTHERS))

SETTINGS = f"""\
strategies:
  trend: {{system: SYSTEM}}
risk:
  quote_age_seconds_max: 86400
paper:
  seed: 1
  faults:
    partial: {{within: 1}}
    lost_ack: {{within: 1}}
process_configuration:
  default: {{start_time: 00:01, stop_time: 23:50, restart: {{backoff_seconds: 0.1}}}}
{SWITCHED_OFF}
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


@pytest.fixture
def trading(own: Path, settings: str) -> Iterator[Path]:
    """Both processes at work on a Tuesday afternoon, when the markets are open."""
    afternoon = settings.replace("start: 2023-02-28\n  speed: 60\n  fast_speed: 100000", "start: 2023-02-28T15:00")
    (own / "system.yaml").write_text(SYSTEM)
    configure(own, afternoon + SETTINGS.replace("SYSTEM", str(own / "system.yaml")))
    right(own, "check")
    with running(own, "up") as supervisor:
        await_true(lambda: shown(own, "exchange", "show")["running"])
        await_true(lambda: STACK in pids(own))
        yield own
        right(own, "down")
        assert supervisor.wait(20) == 0


def shown(home: Path, *words: str) -> Any:
    return right(home, *words, "--json").json


def pids(home: Path) -> dict[str, int]:
    rows = shown(home, "status")["processes"]
    return {row["process"]: row["pid"] for row in rows if row["state"] == "running"}


def held(home: Path) -> dict[str, int]:
    return {row["instrument"]: row["quantity"] for row in shown(home, "positions", "show") if row["of"] == "strategy"}


def at_exchange(home: Path) -> dict[str, int]:
    return {row["instrument"]: row["quantity"] for row in shown(home, "exchange", "show")["positions"]}


def trade(home: Path, instrument: str, quantity: int, why: str) -> None:
    right(home, "orders", "trade", "trend", instrument, str(quantity), "--type", "market", "--why", why, "--yes")


def test_orders_are_filled_whatever_is_killed(trading: Path) -> None:
    """A lost acknowledgement and a partial fill on the way to a position; then exchange and stack handler are killed,
    and the next order is filled too. Ledger and exchange agree, and what ended is in the history. While the exchange
    does not run, the commands say so."""
    trade(trading, "WHEAT", 3, "first")
    await_true(lambda: held(trading) == {"WHEAT": 3})
    faults = shown(trading, "exchange", "show")["faults"]
    assert (faults["partial"], faults["lost_ack"]) == (1, 1)
    before = pids(trading)
    for name in (EXCHANGE, STACK):
        os.kill(before[name], signal.SIGKILL)
    trade(trading, "BUND", -2, "second")
    await_true(lambda: held(trading) == {"WHEAT": 3, "BUND": -2})
    assert at_exchange(trading) == held(trading)
    assert pids(trading).keys() == before.keys()
    ended = [row for row in shown(trading, "orders", "history") if row["level"] == "instrument"]
    assert sorted((row["instrument"], row["state"]) for row in ended) == [("BUND", "filled"), ("WHEAT", "filled")]
    assert shown(trading, "reconcile")["findings"] == []
    right(trading, "stop", EXCHANGE)
    await_true(lambda: not shown(trading, "exchange", "show")["running"])
    assert "does not run" in right(trading, "exchange", "show").out
    assert command(trading, "margin", "show").code == 3
