"""What an import must not lose, stores that do not answer, and what a human runs by hand."""

from pathlib import Path

from tests.commands import command, right

METHOD = "run_daily_prices_updates.update_sampled_contracts"


def test_an_import_that_would_cut_stored_prices_is_left_out(own: Path, recorded: Path) -> None:
    """An earlier end is refused item by item and loses nothing; --shorten allows it."""
    before = right(own, "prices", "show", "--json").json
    done = command(own, "import", "csv", str(recorded), "--until", "2023-02-20", "--json")
    assert done.code == 1
    assert {problem["item"] for problem in done.json["problems"]} >= {"WHEAT", "BUND", "EURUSD"}
    assert all("--shorten" in problem["reason"] for problem in done.json["problems"])
    assert right(own, "prices", "show", "--json").json == before
    right(own, "import", "csv", str(recorded), "--until", "2023-02-20", "--shorten")
    assert right(own, "prices", "show", "--json").json != before


def test_series_that_nobody_serves_are_exit_3(home: Path) -> None:
    """The address is named, within seconds."""
    done = command(home, "fx", "show", SYSPRODUCTION__ARCTIC="mongodb://127.0.0.1:1/x")
    assert done.code == 3, done.err
    assert "127.0.0.1:1" in done.err
    assert done.seconds < 15


def test_what_a_human_ran_is_in_the_history(own: Path) -> None:
    """A method run by hand is among the executions of methods."""
    right(own, "method", METHOD)
    assert [run["run_id"] for run in right(own, "history", "--methods", "--json").json] == [
        "by hand/run_daily_prices_updates"
    ]
