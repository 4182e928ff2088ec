"""A market that is about to roll, stores that fail on demand, and what must hold after a crash in a roll."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from sysproduction.domain.bars import BAR_COLUMNS
from sysproduction.domain.instruments import Instrument, Listing
from sysproduction.domain.merging import merge
from sysproduction.domain.multiple_prices import COLUMNS
from sysproduction.domain.panama import stitch
from sysproduction.domain.roll_policies import RollPolicies, RollPolicy
from sysproduction.domain.roll_rules import RollRule
from sysproduction.domain.roll_states import RollState
from sysproduction.domain.rolls import RollParameters
from sysproduction.markets.rolls import RollDesk, nothing_held
from sysproduction.ports import Documents, Series
from sysproduction.simulation.faults import Fault, FaultySeries
from sysproduction.stores.contracts import Contracts
from sysproduction.stores.instruments import Instruments
from sysproduction.stores.prices import DAILY, Prices, empty_bars
from sysproduction.stores.roll_states import RollStates
from tests.fakes import FaultyDocuments

PARAMETERS = RollParameters("HMUZ", "HMUZ", -5, 1, 14)
MAR, JUN, SEP, DEC = "20240300", "20240600", "20240900", "20241200"
FIRST = datetime(2024, 2, 1, 23, tzinfo=UTC)
ROLLED = 30
DAYS = 100
LAST = FIRST + timedelta(days=DAYS - 1)
NOW = LAST + timedelta(minutes=5)
"""The desired roll date of JUN is 10 June: NOW is a month before it."""


def desk_on(
    documents: Documents,
    series: Series,
    *,
    rule: RollRule = RollRule.MANUAL,
    fault: Fault | None = None,
    position: Callable[[str], int] = nothing_held,
) -> RollDesk:
    """Rolling on these stores; every write is announced to the fault."""
    faulty = FaultyDocuments(documents, fault) if fault else documents
    prices = Prices(FaultySeries(series, fault) if fault else series)  # type: ignore[arg-type]
    policies = RollPolicies(RollPolicy(rule))
    return RollDesk(Instruments(faulty), Contracts(faulty), prices, RollStates(faulty), policies, position)


def walk(level: float, seed: int) -> np.ndarray:
    """As many prices as there are days."""
    return level + np.random.default_rng(seed).normal(size=DAYS).cumsum()


def series_before_roll() -> pd.DataFrame:
    """Multiple prices that rolled from March to June once and are to roll on to September."""
    index = pd.DatetimeIndex([FIRST + timedelta(days=day) for day in range(DAYS)])
    first = pd.Series(index < index[ROLLED])
    frame = pd.DataFrame(
        {
            "PRICE": walk(400, 1),
            "CARRY": walk(410, 2),
            "FORWARD": walk(410, 2),
            "PRICE_CONTRACT": np.where(first, MAR, JUN),
            "CARRY_CONTRACT": np.where(first, JUN, SEP),
            "FORWARD_CONTRACT": np.where(first, JUN, SEP),
        },
        index=index,
    )
    return frame[list(COLUMNS)]


def put_market(desk: RollDesk, *codes: str) -> pd.DataFrame:
    """Store the instruments with bars, multiple and adjusted prices; the multiple prices."""
    multiple = series_before_roll()
    for code in codes:
        desk.instruments.put(Listing(Instrument(code, code.title(), 50.0, "USD", "Ags", "US"), PARAMETERS))
        for contract, prices in ((JUN, multiple["PRICE"]), (SEP, multiple["FORWARD"]), (DEC, multiple["FORWARD"] + 10)):
            bars = pd.DataFrame({"close": prices}).reindex(columns=list(BAR_COLUMNS)).assign(**{DAILY: True})
            desk.prices.add_bars(code, contract, merge(empty_bars(), bars))
        desk.prices.replace_stitched(code, multiple, stitch(multiple).dropna())
    return multiple


def assert_old_or_new(desk: RollDesk, code: str, old: pd.DataFrame) -> bool:
    """Whether it rolled; either way both series, the state and the history agree."""
    multiple, standing = desk.prices.multiple(code), desk.states.get(code)
    pd.testing.assert_frame_equal(multiple.iloc[: len(old)], old, check_freq=False)
    assert len(multiple) - len(old) in (0, 1)
    pd.testing.assert_series_equal(desk.prices.adjusted(code), stitch(multiple).dropna(), check_freq=False, atol=1e-9)
    assert (standing.state, standing.intent) == (RollState.NO_ROLL, None)
    rolled = len(multiple) > len(old)
    explained = [entry for entry in desk.states.history(code) if entry.roll is not None]
    assert [entry.roll.price for entry in explained if entry.roll] == [SEP] * rolled
    if rolled:
        assert list(multiple.iloc[-1][["PRICE_CONTRACT", "FORWARD_CONTRACT", "CARRY_CONTRACT"]]) == [SEP, DEC, DEC]
        assert multiple["PRICE"].iloc[-1] == old["FORWARD"].iloc[-1]
        assert multiple.index[-1] == old.index[-1] + timedelta(seconds=1) == explained[0].roll.stamp  # type: ignore[union-attr]
    return rolled
