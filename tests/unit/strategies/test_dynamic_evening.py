"""Evenings of a dynamic strategy through its processes' methods: chosen from what is held, ordered once."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sysproduction.adapters.clocks import SimulatedClock
from sysproduction.domain.fills import Fill
from sysproduction.domain.limits import PositionLimit
from sysproduction.domain.orders import InstrumentOrder
from sysproduction.domain.overrides import Override, OverrideKind
from sysproduction.domain.results import MethodResult
from sysproduction.domain.strategies import PositionMethod, Strategies, Strategy, TradingLists
from sysproduction.ports import World
from sysproduction.processes import run_strategy_order_generator, run_systems
from sysproduction.simulation.faults import AtWrite, FaultyDocuments, FaultySeries, ProgramDied, die
from sysproduction.stores.fills import FillLedger
from sysproduction.stores.optimal_positions import COLLECTION, OptimalPositionStore
from sysproduction.stores.order_controls import Limits, Lock, LockKind, Locks, Overrides, SetLimit, SetOverride
from sysproduction.stores.order_stack import OrderStack
from tests.evening_house import NOW, WORD, House, copied
from tests.fakes import RecordingNotifier

SYSTEM = """\
instruments: [SOFR, US10, CORN]
rules:
  slow: {function: ewmac, arguments: {Lfast: 16, Lslow: 64}, scalar: 3.75}
forecast_weights: {slow: 1.0}
instrument_weights: {SOFR: 0.3, US10: 0.3, CORN: 0.4}
capital: 1
base_currency: USD
percentage_vol_target: 20
dynamic: {tracking_error_buffer: 0.03}
"""
BUFFER = 0.03
DAY = 24.0


@dataclass
class Evening:
    """A house, the file of its strategy's system, and the configured lists."""

    house: House
    file: Path
    lists: TradingLists = field(default_factory=TradingLists)

    def world(self, hours: float, fault: Any = None) -> World:
        house = self.house
        return World(
            SimulatedClock(NOW + timedelta(hours=hours)),
            FaultyDocuments(house.documents, fault),
            FaultySeries(house.series, fault),  # type: ignore[arg-type]
            feed=None,  # type: ignore[arg-type]
            notifier=RecordingNotifier(),
            folders=house.folders,
            account=None,  # type: ignore[arg-type]
            strategies=Strategies({"trend": Strategy("trend", str(self.file))}, self.lists),
        )

    def systems(self, hours: float = 0, fault: Any = None) -> MethodResult:
        return run_systems.each_strategy(self.world(hours, fault), strategy="trend")

    def orders(self, hours: float = 0, fault: Any = None) -> MethodResult:
        return run_strategy_order_generator.each_strategy(self.world(hours, fault), strategy="trend")

    def positions(self) -> dict[str, int]:
        return {p.instrument: p.choice.position for p in self.house.last().positions if p.choice}

    def held(self) -> dict[str, int]:
        return {p.instrument: p.choice.held for p in self.house.last().positions if p.choice}

    def hold(self, instrument: str, quantity: int, strategy: str = "trend") -> None:
        """As if so many contracts had been bought by hand."""
        number = f"{strategy}/{instrument}/{quantity}"
        FillLedger(self.house.documents).record(
            Fill(number, 0, "A", strategy, instrument, "20231200", quantity, 1.0, NOW, by="me")
        )

    def added(self, hours: float) -> list[InstrumentOrder]:
        """Orders of that day."""
        active = OrderStack(self.house.documents).active_instruments()
        return [order for order in active if order.generated_at >= NOW + timedelta(hours=hours)]

    def limit(self, instrument: str, contracts: int, strategy: str | None = None) -> None:
        Limits(self.house.documents).put(SetLimit(PositionLimit(instrument, strategy, contracts), WORD))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("systems") / "whole.yaml"
    found.write_text(SYSTEM)
    return found


@pytest.fixture
def evening(recorded: House, file: Path) -> Evening:
    return Evening(copied(recorded), file)


def test_a_decision_says_how_it_was_made(evening: Evening) -> None:
    """Whole contracts from nothing held, as far towards the best as leads to the buffer's edge; with weights, and in
    the state folder the covariance that all of it was measured by."""
    assert evening.systems().rows_written == 3
    last, read = evening.house.last(), evening.house.folders.read
    assert last.method is PositionMethod.DYNAMIC
    said = json.loads(read("trend/000001", "optimisation.json"))
    risk = pd.read_parquet(BytesIO(read("trend/000001", "risk.parquet")))
    rows = pd.read_parquet(BytesIO(read("trend/000001", "decision.parquet"))).set_index("instrument")
    best = rows.loc[risk.columns, "best"]
    assert (best @ risk @ best) ** 0.5 == pytest.approx(said["distance_held_to_best"])
    share = 1.0 - BUFFER / said["distance_held_to_best"]
    for position in last.positions:
        choice, weight = position.choice, position.weight
        assert choice is not None
        assert weight is not None
        assert position.lower == position.upper == choice.position == round(share * choice.best) != 0
        assert choice.held == 0
        assert choice.optimum_weight == pytest.approx(position.optimum * weight)
        assert choice.position_weight == pytest.approx(choice.position * weight)
        assert rows.loc[position.instrument, "position"] == choice.position


def test_it_is_decided_and_ordered_once(evening: Evening) -> None:
    """Each contract that was chosen is ordered; the same evening and the next morning again add nothing."""
    evening.systems()
    assert evening.orders().rows_written == 3
    assert evening.house.orders() == evening.positions()
    before = evening.house.whole()
    for hours in (0, 1, 14, DAY):
        assert evening.systems(hours).rows_written == 0
        assert evening.orders(hours).rows_written == 0
    assert evening.house.whole() == before


def test_fills_are_where_the_next_day_starts(evening: Evening) -> None:
    """Not what was decided: with everything filled nothing is left to do, and contracts that nobody ordered are traded
    back to the edge of the buffer."""
    evening.systems()
    evening.orders()
    wanted = evening.house.orders()
    for number, (code, quantity) in enumerate(wanted.items()):
        evening.house.fill(code, quantity, number)
    assert evening.systems(DAY).rows_written == 3
    assert evening.held() == evening.positions() == wanted
    assert evening.systems(DAY + 1).rows_written == 0
    assert evening.orders(DAY).rows_written == 0
    evening.hold("US10", 90)
    evening.systems(2 * DAY)
    target = evening.positions()["US10"]
    assert evening.held()["US10"] == wanted["US10"] + 90 > target
    evening.orders(2 * DAY)
    added = {order.instrument: order.quantity for order in evening.added(2 * DAY)}
    assert added["US10"] == target - evening.held()["US10"]
    assert added == {code: trade for code in wanted if (trade := evening.positions()[code] - evening.held()[code])}


def test_a_partial_fill_is_completed_by_the_working_order(evening: Evening) -> None:
    """The next day starts from the part that was filled, and orders only what the rest of the order does not bring."""
    evening.systems()
    evening.orders()
    quantity = evening.house.orders()["SOFR"]
    evening.house.fill("SOFR", quantity // 2)
    assert evening.systems(DAY).rows_written == 3
    assert evening.held() == {"CORN": 0, "SOFR": quantity // 2, "US10": 0}
    working = dict(evening.house.orders())
    evening.orders(DAY)
    added = {order.instrument: order.quantity for order in evening.added(DAY)}
    left = {**working, "SOFR": quantity - quantity // 2}
    positions, held = evening.positions(), evening.held()
    assert added == {code: trade for code in left if (trade := positions[code] - held[code] - left[code])}
    assert all(abs(trade) <= 2 for trade in added.values())


@pytest.mark.parametrize("held", [0, -30])
def test_a_limit_binds(evening: Evening, held: int) -> None:
    """A new limit is a new decision, within it from wherever one starts, although the buffer would let it wait; another
    instrument makes up for it; an unchanged one decides nothing, and without it all is as before."""
    if held:
        evening.hold("SOFR", held)
    evening.systems()
    free = evening.positions()
    assert free["SOFR"] < -10
    evening.limit("SOFR", 10)
    evening.limit("SOFR", 3, "trend")
    evening.limit("SOFR", 1, "another")
    assert evening.systems(1).rows_written == 3
    limited = evening.positions()
    choice = evening.house.last().of("SOFR").choice  # type: ignore[union-attr]
    assert choice is not None
    assert (choice.lowest, choice.highest, choice.best, choice.restraint) == (-3, 3, -3, "limited to -3 to +3")
    assert limited["SOFR"] == (-3 if held else -2)
    assert limited["US10"] < free["US10"]
    assert evening.systems(2).rows_written == 0
    evening.orders(2)
    assert evening.house.orders()["SOFR"] == limited["SOFR"] - held
    Limits(evening.house.documents).remove(PositionLimit("SOFR", "trend", 3))
    Limits(evening.house.documents).remove(PositionLimit("SOFR", None, 10))
    evening.systems(3)
    assert evening.positions() == free


def test_others_use_up_a_limit_of_all(evening: Evening) -> None:
    """What another strategy holds counts against the limit of the instrument; then its trades are a new decision."""
    evening.hold("SOFR", -30)
    evening.limit("SOFR", 5)
    evening.systems()
    assert evening.positions()["SOFR"] == -5
    evening.hold("SOFR", -2, "another")
    assert evening.systems(1).rows_written == 3
    assert evening.positions()["SOFR"] == -3
    evening.hold("CORN", -2, "another")
    assert evening.systems(2).rows_written == 0


def test_lists_locks_and_overrides_bind(evening: Evening) -> None:
    """What may not be traded stays as it is, what may only be reduced does not grow, what is closed goes, and half of
    the optimum is followed once, not halved again by the order."""
    evening.hold("US10", -4)
    evening.systems()
    free = {p.instrument: p.choice for p in evening.house.last().positions}
    evening.lists = TradingLists(no_trade=frozenset({"US10"}), reduce_only=frozenset({"CORN"}))
    assert evening.systems(1).rows_written == 3
    assert {code: evening.positions()[code] for code in ("US10", "CORN")} == {"US10": -4, "CORN": 0}
    evening.lists = TradingLists()
    Locks(evening.house.documents).lock(Lock("SOFR", LockKind.BREAK, WORD))
    Overrides(evening.house.documents).put(SetOverride("trend", "US10", Override(OverrideKind.CLOSE), WORD))
    Overrides(evening.house.documents).put(SetOverride("trend", "CORN", Override(factor=0.5), WORD))
    assert evening.systems(2).rows_written == 3
    corn, before = evening.house.last().of("CORN").choice, free["CORN"]  # type: ignore[union-attr]
    assert corn is not None
    assert before is not None
    assert (corn.factor, corn.restraint) == (0.5, "scaled by 0.5")
    assert corn.optimum_weight == pytest.approx(before.optimum_weight / 2)  # type: ignore[operator]
    assert before.position < corn.position < 0
    evening.orders(2)
    assert evening.house.orders() == {"US10": 4, "CORN": corn.position}


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", ["systems", "orders"])
def test_killed_at_any_write_a_rerun_gives_the_same_store(recorded: House, file: Path, step: str, side: str) -> None:
    """As if nothing had happened."""

    def begun() -> Evening:
        fresh = Evening(copied(recorded), file)
        fresh.hold("US10", -4)
        if step == "orders":
            fresh.systems()
        return fresh

    undisturbed = begun()
    writes = 1 if step == "systems" else 3
    assert getattr(undisturbed, step)().rows_written == 3
    for number in range(writes + 1):
        evening = begun()
        fault = AtWrite(number, side, die)
        try:
            getattr(evening, step)(0, fault)
        except ProgramDied:
            getattr(evening, step)()
        assert fault.struck == (number < writes)
        assert evening.house.whole() == undisturbed.house.whole(), f"killed {side} write {number}"


def test_decisions_from_before_choices_are_read(evening: Evening) -> None:
    """A stored decision whose positions say nothing of a choice is still the strategy's last."""
    evening.systems()
    (stored,) = evening.house.documents.find(COLLECTION)
    for position in (body := dict(stored.body))["positions"]:
        del position["choice"]
    evening.house.documents.replace(COLLECTION, stored.key, body, stored.version)
    last = OptimalPositionStore(evening.house.documents).last("trend")
    assert last is not None
    assert [position.choice for position in last.positions] == [None] * 3
