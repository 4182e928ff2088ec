"""An update and a roll that meet: one comes after the other, wherever in the one the other begins."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from threading import Event, Lock, Thread

import pandas as pd
import pytest

from sysproduction.adapters.memory_documents import MemoryDocuments
from sysproduction.adapters.memory_series import MemorySeries
from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.errors import Conflict
from sysproduction.domain.merging import merge
from sysproduction.domain.multiple_prices import rolls_of
from sysproduction.domain.panama import stitch
from sysproduction.domain.roll_states import RollState
from sysproduction.markets.multiple_adjusted import update_multiple_adjusted_prices
from sysproduction.markets.rolls import RollDesk, roll_instrument
from sysproduction.stores.contracts import ContractRecord
from sysproduction.stores.prices import DAILY
from tests.rolling_market import DEC, JUN, LAST, NOW, SEP, desk_on, put_market

NEXT = LAST + timedelta(days=1)
TOMORROW = NEXT + timedelta(minutes=5)

Turn = Callable[[str], AbstractContextManager[object]]


@dataclass
class OneAtATime:
    """A turn that tells when somebody has to wait for it."""

    lock: Lock = field(default_factory=Lock)
    waited: Event = field(default_factory=Event)

    @contextmanager
    def __call__(self, instrument: str) -> Iterator[None]:
        if not self.lock.acquire(blocking=False):
            self.waited.set()
            self.lock.acquire()
        try:
            yield
        finally:
            self.lock.release()


@dataclass
class Meeting:
    """A fault that lets another program run at one of the writes, until it ends or has to wait; `finish` awaits it."""

    other: Callable[[], object]
    number: int
    waited: Event
    seen: int = -1
    thread: Thread | None = None

    def __call__(self, side: str, operation: str, collection: str) -> None:
        if side != "before":
            return
        self.seen += 1
        if self.seen == self.number:
            self.thread = Thread(target=self.other)
            self.thread.start()
            while self.thread.is_alive() and not self.waited.is_set():
                self.thread.join(0.001)

    def finish(self) -> bool:
        """Whether it came to the meeting."""
        if self.thread is not None:
            self.thread.join()
        return self.thread is not None


def market_of_tomorrow(desk: RollDesk) -> pd.DataFrame:
    """CORN before its roll, with bars of the next day that no multiple price has yet."""
    old = put_market(desk, "CORN")
    desk.contracts.put(ContractRecord("CORN", JUN, True, date(2024, 6, 15), True, NOW, NOW))
    for contract, price in ((JUN, 400.0), (SEP, 410.0), (DEC, 420.0)):
        bar = pd.DataFrame({"close": [price]}, index=pd.DatetimeIndex([NEXT])).reindex(columns=list(BAR_COLUMNS))
        desk.prices.add_bars("CORN", contract, merge(desk.prices.bars("CORN", contract), bar.assign(**{DAILY: True})))
    return old


def meet(first: str, number: int, turn: Turn, waited: Event) -> tuple[bool, RollDesk, pd.DataFrame]:
    """At the `number`-th access of the `first` program the other one begins; whether it did, and what came of it."""
    documents, series = MemoryDocuments(), MemorySeries(lambda: NOW)
    plain = replace(desk_on(documents, series), turn=turn)
    old = market_of_tomorrow(plain)

    def update(desk: RollDesk) -> object:
        return update_multiple_adjusted_prices(
            None,  # type: ignore[arg-type]  # rule manual asks no feed
            desk.contracts,
            desk.prices,
            now=TOMORROW,
            stale_after_days=90,
            desk=desk,
        )

    def roll(desk: RollDesk) -> object:
        return roll_instrument(desk, "CORN", by="me", now=TOMORROW, reasons=("why not",))

    mine, other = (update, roll) if first == "update" else (roll, update)
    meeting = Meeting(lambda: other(plain), number, waited)
    mine(replace(desk_on(documents, series, fault=meeting), turn=turn))
    return meeting.finish(), plain, old


def is_consistent(desk: RollDesk, old: pd.DataFrame) -> bool:
    """Old rows stand, the new contract follows the old one once at most, adjusted prices are the stitched ones."""
    multiple, standing = desk.prices.multiple("CORN"), desk.states.get("CORN")
    contracts = [roll.price for roll in rolls_of(multiple)]
    explained = [entry for entry in desk.states.history("CORN") if entry.roll is not None]
    return (
        multiple.iloc[: len(old)].equals(old)
        and NEXT in multiple.index
        and contracts[1:] in ([JUN], [JUN, SEP])
        and len(explained) == len(contracts) - 2
        and (standing.state, standing.intent) == (RollState.NO_ROLL, None)
        and desk.prices.adjusted("CORN").round(9).equals(stitch(multiple).dropna().rename("price").round(9))
    )


@pytest.mark.parametrize("first", ["update", "roll"])
def test_an_update_and_a_roll_that_meet_come_one_after_the_other(first: str) -> None:
    """Wherever the second begins, series, state and history agree, and no row of the old contract follows the roll."""
    number = 0
    while True:
        turn = OneAtATime()
        met, desk, old = meet(first, number, turn, turn.waited)
        if not met:
            break
        assert is_consistent(desk, old), f"the other began at access {number}"
        number += 1
    assert number >= 4


def test_without_turns_they_would_mix() -> None:
    """The test above would notice."""

    def mix(first: str, number: int) -> bool:
        try:
            met, desk, old = meet(first, number, nullcontext, Event())
        except Conflict:
            return False
        return met and not is_consistent(desk, old)

    assert any(mix(first, number) for first in ("update", "roll") for number in range(8))
