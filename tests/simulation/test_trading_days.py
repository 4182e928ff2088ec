"""Whole trading days of orders under faults: nothing is lost, doubled or sent against a restraint, seed after seed."""

import os
import subprocess
import sys

import pytest

from sysproduction.ops.main import main
from sysproduction.ops.trading_days import chosen_faults, play, play_all
from sysproduction.orders import routing
from sysproduction.simulation.trading_faults import TradingFault

ALL = chosen_faults("all")
SHARE = 250
FAILED = 1
USAGE = 2


@pytest.mark.parametrize("start", range(1, 4 * SHARE, SHARE))
def test_a_thousand_days_are_sound(start: int) -> None:
    """1,000 seeds in four parts, each day with its own faults, prices and order of events."""
    played = play(range(start, start + SHARE), ALL)
    assert [(one.seed, one.violations) for one in played if one.violations] == []
    struck = {fault for one in played for fault in one.faults}
    assert len(struck) >= 45
    assert sum(one.faults.total() for one in played) >= 6 * SHARE


@pytest.mark.soak
@pytest.mark.parametrize("start", range(1_001, 101_001, 10_000))
def test_a_hundred_thousand_days_are_sound(start: int) -> None:
    """As many seeds again and again, on both cores; every kind of fault strikes."""
    struck = set()
    for one in play_all(range(start, start + 10_000), ALL, 2):
        assert (one.seed, one.violations) == (one.seed, ())
        struck |= set(one.faults)
    assert struck == set(ALL)


def test_a_day_without_faults_has_none() -> None:
    """Nothing is injected, and what strategies want is traded all the same."""
    played = play(range(1, 11), ())
    assert all(one.faults.total() == 0 and one.violations == () and one.steps > 30 for one in played)


def test_there_are_some_fifty_kinds_of_fault() -> None:
    """The catalogue, each by its name."""
    assert len(TradingFault) >= 50
    assert chosen_faults("halt, lost_ack") == ("halt", "lost_ack")
    assert chosen_faults("none") == ()


def test_a_seed_tells_one_story_in_any_interpreter() -> None:
    """The digest of all events is the same with other hashes, and another for another seed."""
    program = (
        "from sysproduction.ops.trading_days import chosen_faults, play\n"
        "print(*(one.digest for one in play([3, 4], chosen_faults('all'))))"
    )
    told = set()
    for hash_seed in "12":
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", program]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
        told.add(ended.stdout)
    here = play([3, 4], ALL)
    assert told == {f"{here[0].digest} {here[1].digest}\n"}
    assert here[0].digest != here[1].digest


def test_a_broken_rule_is_told_with_its_seed_and_comes_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, the last events, and the command that plays the same day again, which ends in the same way."""
    monkeypatch.setattr(routing, "may_send", lambda *_args, **_named: None)
    assert main(["simulate", "--seeds", "20", "--faults", "halt,manual_lock"]) == FAILED
    first = capsys.readouterr().out.splitlines()
    assert first[-1].startswith("20 seeds from 1, ")
    again = next(line for line in first if "the same again: " in line)
    assert any("VIOLATION T5" in line for line in first)
    command = again.partition("the same again: sysproduction ")[2]
    assert main(command.split()) == FAILED
    assert again in capsys.readouterr().out.splitlines()


def test_the_last_line_sums_up_and_processes_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Seeds, steps, faults and violations, however many processes played."""
    lines = []
    for processes in "12":
        assert main(["simulate", "orders", "--seeds", "12", "--start", "5", "--processes", processes]) == 0
        lines.append(capsys.readouterr().out.splitlines()[-1])
    assert lines[0] == lines[1]
    assert lines[0].startswith("12 seeds from 5, ")
    assert lines[0].endswith(" 0 violations")


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest name."""
    assert main(["simulate", "--seeds", "1", "--faults", "lost_akc"]) == USAGE
    assert "did you mean lost_ack?" in capsys.readouterr().err
