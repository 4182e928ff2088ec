"""Whether settings fit today and the feed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysproduction.config.home import Home
from sysproduction.config.loading import Config, InvalidConfig, load
from sysproduction.config.surroundings import Surroundings
from sysproduction.orders.hours import calendar_names
from sysproduction.wiring import feed_codes

AROUND = Surroundings(datetime(2026, 11, 26, tzinfo=UTC), feed_codes, calendar_names)


def checked(folder: Path, text: str) -> Config:
    home = Home(folder)
    home.private_config.write_text(text)
    return load(home, environ={}, around=AROUND)


def recorded(folder: Path, *names: str) -> Path:
    prices = folder / "recorded" / "multiple_prices_csv"
    prices.mkdir(parents=True)
    for name in names:
        (prices / name).touch()
    return prices.parent


def test_codes_without_a_price_file_are_named_with_what_was_meant(tmp_path: Path) -> None:
    """Each one at its own line; a code whose file is there passes, compressed or not."""
    data = recorded(tmp_path, "CORN.csv", "SP500_micro.csv.gz")
    text = f"feed:\n  kind: csv\n  folder: {data}\n  instruments:\n    - CORN\n    - SP500_mirco\n    - SP500_micro\n"
    with pytest.raises(InvalidConfig) as raised:
        checked(tmp_path, text)
    [problem] = raised.value.problems
    assert (problem.line, problem.key, problem.suggestion) == (6, "feed.instruments[1]", "SP500_micro")
    assert "the csv feed has no instrument 'SP500_mirco', but CORN, SP500_micro" in problem.reason


def test_what_cannot_be_read_is_not_judged(tmp_path: Path) -> None:
    """A folder without prices is the feed's own error, not an unknown instrument."""
    (tmp_path / "empty").mkdir()
    config = checked(tmp_path, f"feed: {{kind: csv, folder: {tmp_path / 'empty'}, instruments: [CORN]}}\n")
    assert config.settings.feed.instruments == ("CORN",)


@pytest.mark.parametrize(("start", "fits"), [("2023-08-28", True), ("2027-11-20", True), ("2027-12-01", False)])
def test_market_time_begins_at_most_a_year_ahead(tmp_path: Path, start: str, fits: bool) -> None:
    """The bound moves with today."""
    if fits:
        checked(tmp_path, f"clock: {{start: {start}}}\n")
        return
    with pytest.raises(InvalidConfig, match="more than a year after today"):
        checked(tmp_path, f"clock: {{start: {start}}}\n")


def test_a_completion_method_beside_another_one_is_fine(tmp_path: Path) -> None:
    """Only a process that has no other method is refused."""
    methods = "update_fx_prices: {run_on_completion_only: true}"
    process = "run_daily_fx_and_contract_updates"
    config = checked(tmp_path, f"process_configuration_methods:\n  {process}:\n    {methods}\n")
    assert next(spec for spec in config.processes if spec.name == process).methods[0].run_on_completion_only


def test_a_calendar_that_does_not_exist_is_told_with_the_nearest(tmp_path: Path) -> None:
    """At its line; one that exists passes, whatever the region is called."""
    text = "trading_hours:\n  regions:\n    US: CMESS\n    MOON: XEUR\n  instruments:\n    CORN: CMES\n"
    with pytest.raises(InvalidConfig) as raised:
        checked(tmp_path, text)
    [problem] = raised.value.problems
    assert (problem.line, problem.key, problem.suggestion) == (3, "trading_hours.regions.US", "CMES")
