"""Today's result and the margin, from stores in memory and a broker that may be away."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from sysproduction.capital.updating import CapitalDesk
from sysproduction.control import margin, pnl
from sysproduction.control.hand_fills import Balance, balance
from sysproduction.control.order_entry import EntryDesk
from sysproduction.control.pnl import PnlDesk
from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.broker import Account
from sysproduction.domain.capital import CapitalPolicy, Measure, seeded
from sysproduction.domain.errors import Unavailable
from sysproduction.domain.merging import merge
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.contracts import ContractRecord, Contracts
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.fx import FxRates
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import DAILY, Prices
from tests.rolling_market import JUN, NOW
from tests.simulation.exchange_of_one import ExchangeOfOne
from tests.simulation.order_world import CORN, OrderWorld

MORNING = NOW.replace(hour=9) + timedelta(days=1)
YESTERDAY = MORNING.replace(hour=0) - timedelta(minutes=55)


@pytest.fixture
def world(tmp_path: Path) -> OrderWorld:
    """Three contracts were bought yesterday, one was sold today at 410; they are worth 400, then 404."""
    made = OrderWorld(tmp_path)
    Contracts(made.documents).put(ContractRecord(CORN, JUN, True, NOW.date() + timedelta(days=60), False, NOW, NOW))
    stamps = pd.DatetimeIndex([YESTERDAY, MORNING - timedelta(hours=1), MORNING + timedelta(hours=1)])
    closes = pd.DataFrame({"close": [400.0, 404.0, 9.0]}, index=stamps).reindex(columns=list(BAR_COLUMNS))
    prices = Prices(made.series)
    prices.add_bars(CORN, JUN, merge(prices.bars(CORN, JUN), closes.assign(**{DAILY: False})))
    entry = EntryDesk(made.documents, made.series, ["trend"], "ann", MORNING - timedelta(days=1), "by phone")
    balance(entry, Balance("trend", CORN, JUN, "3", 399.0))
    balance(replace(entry, now=MORNING - timedelta(hours=2)), Balance("trend", CORN, JUN, "-1", 410.0))
    return made


def desk_on(world: OrderWorld, broker: ExchangeOfOne | None = None) -> PnlDesk:
    return PnlDesk(
        ledger=FillLedger(world.documents),
        prices=Prices(world.series),
        instruments=Instruments(world.documents),
        rates=FxRates(world.series),
        broker=broker,
        base_currency="USD",
        now=MORNING,
    )


def test_todays_result_is_of_what_was_held_and_what_was_traded(world: OrderWorld) -> None:
    """At the last stored prices up to now, a point being worth 50."""
    seen = pnl.view(desk_on(world))
    [line] = seen.lines
    assert (line["holding"], line["trading"], line["total"]) == (3 * 4 * 50, 6 * 50, seen.total)
    [trade] = seen.trades
    assert (trade["quantity"], trade["price"], trade["marked_at"], trade["result"]) == (-1, 410.0, 404.0, 300.0)
    assert [row["instrument"] for row in seen.by_instrument] == [CORN]
    assert seen.left_out == []
    assert pnl.view(desk_on(world), strategy="carry").total == 0.0


def test_a_brokers_quote_is_newer_than_any_stored_price(world: OrderWorld) -> None:
    """Its middle, 100; a broker that is away changes nothing."""
    world.broker.now = MORNING
    seen = pnl.view(desk_on(world, world.broker))
    assert (seen.trades[0]["marked_by"], seen.total) == ("quote", (3 * -300 + 310) * 50)
    world.broker.is_away = True
    assert pnl.view(desk_on(world, world.broker)) == pnl.view(desk_on(world))


def test_margin_is_split_as_capital_is(world: OrderWorld) -> None:
    """By weights; while the broker is away, as capital was measured last; before that, not at all."""
    store = CapitalStore(world.documents, world.series)
    desk = CapitalDesk(store, FxRates(world.series), CapitalPolicy())
    account = Account("A", "USD", 1_000.0, 250.0, MORNING)

    def away() -> Account:
        raise Unavailable("the broker is away")

    weights = {"trend": 3.0, "carry": 1.0}
    seen = margin.view(desk, lambda: account, weights, MORNING)
    assert (seen.source, seen.free, seen.share_used) == ("account", 750.0, 0.25)
    assert [(row["strategy"], row["account_value"], row["margin_used"]) for row in seen.strategies] == [
        ("carry", 250.0, 62.5),
        ("trend", 750.0, 187.5),
    ]
    with pytest.raises(Unavailable):
        margin.view(desk, away, weights, MORNING)
    store.record(store.total(), seeded(Measure(800.0, 80.0, NOW), by="me", why="x", now=NOW))
    seen = margin.view(desk, away, {}, MORNING)
    assert (seen.source, seen.at, seen.margin_used, seen.strategies) == ("last measure", NOW, 80.0, [])
