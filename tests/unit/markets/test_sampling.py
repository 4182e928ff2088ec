"""Which contracts are sampled."""

from datetime import UTC, date, datetime

import pytest

from sysproduction.domain.contracts import ContractListing
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.panama import stitch
from sysproduction.domain.results import ProblemKind
from sysproduction.domain.rolls import Roll
from sysproduction.markets.sampling import update_sampled_contracts
from tests.rolling_market import series_before_roll

NOW = datetime(2024, 5, 1, 20, tzinfo=UTC)
CHAIN = ["20230900", "20240300", "20240600", "20240900", "20241200", "20250300", "20250600"]


def update(feed, stores, **options):
    return update_sampled_contracts(feed, stores.instruments, stores.contracts, stores.prices, now=NOW, **options)


def test_sampled_are_live_contracts_up_to_one_past_the_furthest_in_use(feed, stores) -> None:
    """From roll parameters alone: June is held, September its forward and carry, December one step further."""
    feed.chains["CORN"] = [ContractListing(name) for name in CHAIN]
    result = update(feed, stores)
    assert stores.contracts.sampled() == {"CORN": ["20240600", "20240900", "20241200"]}
    assert {record.contract for record in stores.contracts.of("CORN")} == set(CHAIN[1:5])
    assert stores.instruments.get("CORN").instrument.point_size == 50.0
    assert (result.rows_written, result.problems) == (5, ())
    assert update(feed, stores).rows_written == 0


def test_contracts_in_use_are_those_of_the_last_recorded_roll(feed, stores) -> None:
    """What the feed recorded goes before the calendar."""
    feed.chains["CORN"] = [ContractListing(name) for name in CHAIN]
    feed.recorded["CORN"] = [Roll(datetime(2024, 1, 1, tzinfo=UTC), "20240900", "20241200", "20241200")]
    update(feed, stores)
    assert stores.contracts.sampled() == {"CORN": ["20240600", "20240900", "20241200", "20250300"]}


def test_the_feeds_expiry_goes_before_the_approximate_one(feed, stores) -> None:
    """An approximate expiry says so."""
    feed.chains["CORN"] = [ContractListing("20240600", date(2024, 6, 20)), ContractListing("20240900")]
    update(feed, stores)
    known, approximate = stores.contracts.of("CORN")
    assert (known.expiry, known.approximate) == (date(2024, 6, 20), False)
    assert (approximate.expiry, approximate.approximate) == (date(2024, 9, 15), True)


def test_an_approximate_expiry_is_given_a_week_a_known_one_none(feed, stores) -> None:
    """June's approximate expiry is the 15th."""
    for days, sampled in ((22, True), (23, False)):
        feed.chains["CORN"] = [ContractListing(name) for name in CHAIN]
        feed.recorded["CORN"] = [Roll(datetime(2024, 1, 1, tzinfo=UTC), "20240900", "20241200", "20241200")]
        now = datetime(2024, 6, days, 20, tzinfo=UTC)
        update_sampled_contracts(feed, stores.instruments, stores.contracts, stores.prices, now=now)
        assert ("20240600" in stores.contracts.sampled()["CORN"]) == sampled
    feed.chains["CORN"] = [ContractListing("20240600", date(2024, 6, 20)), ContractListing("20240900")]
    now = datetime(2024, 6, 21, 20, tzinfo=UTC)
    update_sampled_contracts(feed, stores.instruments, stores.contracts, stores.prices, now=now)
    assert stores.contracts.sampled()["CORN"] == ["20240900"]


def test_contracts_that_left_the_chain_are_sampled_no_longer(feed, stores) -> None:
    """They stay on record."""
    feed.chains["CORN"] = [ContractListing(name) for name in CHAIN]
    update(feed, stores)
    feed.chains["CORN"] = [ContractListing("20240900"), ContractListing("20241200")]
    update(feed, stores)
    assert stores.contracts.sampled() == {"CORN": ["20240900", "20241200"]}
    assert "20240600" in {record.contract for record in stores.contracts.of("CORN")}


def test_an_expired_price_contract_is_still_sampled_and_reported(feed, stores) -> None:
    """It should have been rolled; its prices must not be lost meanwhile. Others stop."""
    feed.chains["CORN"] = [ContractListing(name) for name in CHAIN]
    feed.recorded["CORN"] = [Roll(datetime(2024, 1, 1, tzinfo=UTC), "20240300", "20240600", "20231200")]
    result = update(feed, stores)
    assert stores.contracts.sampled() == {"CORN": ["20240300", "20240600", "20240900"]}
    (problem,) = result.problems
    assert problem.item == "CORN/20240300"
    assert "expired on 2024-03-15: roll" in problem.reason


def test_an_empty_chain_is_reported_and_changes_nothing(feed, stores) -> None:
    """And the other instruments go on."""
    feed.chains["CORN"] = [ContractListing(name) for name in CHAIN]
    update(feed, stores)
    sampled = stores.contracts.sampled()["CORN"]
    feed.chains = {"CORN": [], "WHEAT": [ContractListing("20240600")]}
    result = update(feed, stores)
    assert [(problem.item, problem.kind) for problem in result.problems] == [("CORN", ProblemKind.MISSING)]
    assert stores.contracts.sampled() == {"CORN": sampled, "WHEAT": ["20240600"]}


def test_a_lost_connection_stops_no_sampling(feed, stores) -> None:
    """It ends the method; what is stored stands."""
    feed.chains["CORN"] = [ContractListing(name) for name in CHAIN]
    update(feed, stores)
    before = stores.contracts.all()
    feed.down = True
    with pytest.raises(Unavailable):
        update(feed, stores)
    assert stores.contracts.all() == before


def test_an_instrument_that_the_feed_does_not_know_is_reported(feed, stores) -> None:
    """With the nearest that it does know."""
    feed.chains["CORN"] = [ContractListing("20240600")]
    result = update(feed, stores, only=["CORM", "CORN"])
    assert [(problem.kind, problem.item) for problem in result.problems] == [(ProblemKind.UNKNOWN, "CORM")]
    assert "did you mean CORN?" in result.problems[0].reason
    assert result.items == 1


def test_stored_prices_whose_contracts_left_the_chain_are_reported(feed, stores) -> None:
    """Today's contracts are sampled instead, and the operator is told what is missing."""
    multiple = series_before_roll()
    stores.prices.replace_stitched("CORN", multiple, stitch(multiple).dropna())
    feed.chains["CORN"] = [ContractListing(name) for name in ("20250300", "20250600", "20250900", "20251200")]
    later = datetime(2025, 2, 1, 20, tzinfo=UTC)
    result = update_sampled_contracts(feed, stores.instruments, stores.contracts, stores.prices, now=later)
    assert [(problem.item, problem.kind) for problem in result.problems] == [("CORN", ProblemKind.MISSING)]
    assert "end with 20240600, which the feed lists no longer" in result.problems[0].reason
    assert stores.contracts.sampled()["CORN"][0] == "20250300"
