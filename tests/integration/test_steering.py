"""Commands that steer processes and run them without a supervisor: what is allowed, refused, waited for."""

import signal
from pathlib import Path

import pytest

from sysproduction.adapters.clocks import ScaledClock
from tests.commands import SHIPPED, await_true, command, configure, processes_of, right, running

FX = "run_daily_fx_and_contract_updates"
PRICES = "run_daily_prices_updates"
LATE = "run_daily_update_multiple_adjusted_prices"

# One process after another within minutes, the day of the roll long: nobody needs to make the clock go.
MIDDAY = """\
process_configuration:
  default: {start_time: 00:00, stop_time: 23:50}
  run_daily_fx_and_contract_updates: {start_time: 00:00}
  run_daily_prices_updates: {start_time: 00:00}
  run_daily_update_multiple_adjusted_prices: {start_time: 00:00}
"""


@pytest.fixture
def midday(own: Path, settings: str) -> Path:
    """A home in which every process may run at once, its clock at real pace."""
    configure(
        own,
        settings.replace("speed: 60\n  fast_speed: 100000", "speed: 1").replace(
            "start: 2023-02-28", "start: 2023-02-28T23:10"
        )
        + MIDDAY,
    )
    (own / "run" / "clock").unlink(missing_ok=True)
    return own


def controls(home: Path) -> dict[str, str]:
    return {row["process"]: row["control"] for row in right(home, "status", "--json").json["processes"]}


def outcomes(home: Path) -> list[tuple[str, str]]:
    return [(row["process"], row["outcome"]) for row in reversed(right(home, "history", "--json").json)]


@pytest.mark.parametrize(("word", "state"), [("stop", "STOP"), ("pause", "PAUSE"), ("no-run", "NO-RUN")])
def test_control_states_are_kept_until_go(served: Path, word: str, state: str) -> None:
    """A state set for one process stays, is shown, and `go` and `resume` take it back."""
    assert right(served, word, FX).out == f"{FX}: {state}\n"
    assert controls(served) == dict.fromkeys(SHIPPED, "GO") | {FX: state}
    assert right(served, "go", FX).out == f"{FX}: GO\n"
    right(served, word, FX, PRICES)
    right(served, "resume", "all")
    assert set(controls(served).values()) == {"GO"}


def test_unknown_names_are_answered_with_the_nearest(served: Path) -> None:
    """A typo in a process, a method or an instrument gets exit 2 or 1 and the name that was meant."""
    for words, code, meant in (
        (("stop", "run_daily_price_updates"), 2, PRICES),
        (("run", "run_daily_fx_and_contracts_updates"), 2, FX),
        (("history", "run_daily_prices_update"), 2, PRICES),
        (("start", FX, "nonsense"), 2, FX),
        (("method", f"{PRICES}.update_fx_price"), 2, f"{PRICES}.update_fx_prices"),
        (("prices", "show", "WHEET"), 1, "WHEAT"),
        (("contracts", "show", "BOND"), 1, "BUND"),
    ):
        done = command(served, *words)
        assert done.code == code, words
        assert meant in done.err, done.err
        assert "Traceback" not in done.err
    assert set(controls(served).values()) == {"GO"}


def test_a_process_runs_from_crontab(midday: Path) -> None:
    """`run` does the work of the day once and leaves nothing behind; a second time is refused with the reason."""
    done = right(midday, "run", PRICES)
    assert "update_multiple_adjusted_prices ends" in done.err
    assert outcomes(midday) == [(PRICES, "succeeded")]
    assert processes_of(midday) == []
    again = command(midday, "run", PRICES)
    assert again.code == 4
    assert "done for this trading day" in again.err
    assert right(midday, "start", PRICES).out.startswith(f"{PRICES}: GO; it runs when")
    right(midday, "run", PRICES)
    methods = right(midday, "history", PRICES, "--methods", "--json").json
    assert len(methods) == 8
    assert [row["runs"] for row in command(midday, "summary", "--json").json["days"]] == [2]


def test_a_region_has_its_own_line_of_the_schedule(midday: Path) -> None:
    """The evening's process brings in the prices of one instrument, the night's those of the other."""
    lines = "process_configuration_methods:\n"
    for process, instrument in ((PRICES, "BUND"), (LATE, "WHEAT")):
        lines += f"  {process}:\n"
        for method in ("update_historical_prices", "update_multiple_adjusted_prices"):
            lines += f"    {method}: {{arguments: {{instruments: [{instrument}]}}}}\n"
    configure(midday, (midday / "private_config.yaml").read_text() + lines)
    before = reaches(midday)
    right(midday, "run", PRICES)
    evening = reaches(midday)
    assert (evening["BUND"] > before["BUND"], evening["WHEAT"]) == (True, before["WHEAT"])
    right(midday, "run", LATE)
    assert reaches(midday)["WHEAT"] > before["WHEAT"]


def reaches(home: Path) -> dict[str, str]:
    """The last stamp of each instrument's prices."""
    return {row["instrument"]: row["last"] for row in right(home, "prices", "show", "--json").json}


def test_run_waits_for_its_previous_process(midday: Path) -> None:
    """Started first, the night's process waits until the evening's has succeeded; without --wait it is refused."""
    refused = command(midday, "run", LATE, "--no-wait")
    assert refused.code == 4
    assert f"waits for {PRICES}, which has not run today" in refused.err
    with running(midday, "run", LATE) as late:
        assert late.stderr is not None
        assert f"waits for {PRICES}" in late.stderr.readline()
        right(midday, "run", PRICES)
        assert late.wait(30) == 0
    assert outcomes(midday) == [(PRICES, "succeeded"), (LATE, "succeeded")]


def test_a_waiting_run_can_be_told_to_end(midday: Path) -> None:
    """SIGTERM ends a run that waits, as a refusal; the process has not run."""
    with running(midday, "run", LATE) as late:
        assert late.stderr is not None
        late.stderr.readline()
        late.send_signal(signal.SIGTERM)
        assert late.wait(10) == 4
        assert "told to stop while it waited" in late.stderr.read()
    assert outcomes(midday) == []


def test_run_is_refused_outside_its_window(own: Path) -> None:
    """Before its window opens, `run --no-wait` ends at once with exit 4 and the moment of the opening."""
    done = command(own, "run", PRICES, "--no-wait")
    assert done.code == 4
    assert done.err.endswith(f"refused: {PRICES}: window opens at 2023-02-28 20:00 UTC\n")
    right(own, "stop", PRICES)
    ScaledClock(own / "run" / "clock").run_at(1e9, ScaledClock(own / "run" / "clock").now().replace(hour=21))
    stopped = command(own, "run", PRICES)
    assert stopped.code == 4
    assert "control state is STOP" in stopped.err


def test_run_is_refused_while_it_runs(midday: Path, settings: str) -> None:
    """A second program of the process, and one of its methods by hand, are refused with the pid of the first."""
    long = "process_configuration_methods:\n  run_daily_prices_updates:\n"
    long += "    update_fx_prices: {frequency: 120, max_executions: -1}\n"
    configure(midday, (midday / "private_config.yaml").read_text() + long)
    with running(midday, "run", PRICES) as first:
        await_true(lambda: "running" in right(midday, "status").out)
        for words in (("run", PRICES), ("method", f"{PRICES}.update_fx_prices")):
            done = command(midday, *words)
            assert done.code == 4
            assert "running" in done.err
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0
    assert outcomes(midday) == [(PRICES, "stopped")]


def test_a_failed_method_fails_the_run(midday: Path, settings: str, tmp_path: Path) -> None:
    """Where a method fails, `run` exits with 1, the other methods run all the same, and `summary` tells."""
    text = (midday / "private_config.yaml").read_text()
    configure(midday, text + "process_configuration_methods: {}\n".replace("{}", "") + _bad_arguments())
    done = command(midday, "run", PRICES)
    assert done.code == 1, done.err
    rows = right(midday, "history", "--methods", "--json").json
    assert [row["error"] is not None for row in reversed(rows)] == [True, False, False, False]
    told = command(midday, "summary")
    assert told.code == 1
    assert f"{PRICES} failed on 2023-02-28" in told.err


def _bad_arguments() -> str:
    return "  run_daily_prices_updates:\n    update_fx_prices:\n      arguments: {pairs: [EURUSD, 17]}\n"
