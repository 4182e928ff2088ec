"""Building and extending multiple prices."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from sysproduction.domain.multiple_prices import (
    COLUMNS,
    Extended,
    empty_multiple,
    extend,
    rolls_in_force,
    stitchable,
)
from sysproduction.domain.panama import stitch
from sysproduction.domain.rolls import Roll

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, B, C, D = "20240300", "20240600", "20240900", "20241200"
FIRST = Roll(START, A, B, B)
SECOND = Roll(START + 5 * HOUR + timedelta(seconds=1), B, C, C)
END = START + 100 * HOUR


def bars(first: int, last: int, level: float) -> pd.Series:
    index = pd.DatetimeIndex([START + hour * HOUR for hour in range(first, last)])
    return pd.Series(level + np.arange(first, last, dtype=float), index=index)


CLOSES = {A: bars(0, 6, 100), B: bars(0, 12, 200), C: bars(7, 12, 300)}


def build(closes: dict[str, pd.Series], rolls: list[Roll], before: pd.DataFrame | None = None) -> Extended:
    before = empty_multiple() if before is None else before
    return extend(before, closes, rolls, since=None, until=END)


def test_a_roll_between_bars_gets_a_row_at_its_stamp() -> None:
    """Its PRICE is the last FORWARD of the old contract, so that the stitched series does not move there."""
    whole = build(CLOSES, [FIRST, SECOND]).whole
    row = whole.loc[pd.Timestamp(SECOND.stamp)]
    assert (row["PRICE"], row["PRICE_CONTRACT"], row["FORWARD_CONTRACT"]) == (205, B, C)
    assert np.isnan(row["FORWARD"])
    assert list(whole.columns) == list(COLUMNS)
    assert list(stitch(whole).diff().dropna()) == [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]


def test_a_roll_at_a_bar_needs_no_row_of_its_own() -> None:
    """The bar of the new contract at the roll's stamp is the first row."""
    whole = build(CLOSES, [FIRST, Roll(START + 6 * HOUR, B, C, C)]).whole
    assert len(whole) == 12
    assert whole["PRICE_CONTRACT"].tolist() == [A] * 6 + [B] * 6
    assert whole["PRICE"].iloc[6] == 206


def test_nothing_new_adds_nothing() -> None:
    """A second run over the same bars is a no-op."""
    whole = build(CLOSES, [FIRST, SECOND]).whole
    again = build(CLOSES, rolls_in_force(whole, [FIRST, SECOND]), whole)
    assert (again.rows_new, len(again.added)) == (0, 0)
    pd.testing.assert_frame_equal(again.whole, whole)


def test_a_roll_learned_of_late_leaves_stored_rows_alone() -> None:
    """It happens just after the last stored row."""
    stored = build({name: CLOSES[name] for name in (A, B)}, [FIRST]).whole
    rolls = rolls_in_force(stored, [SECOND])
    assert rolls[-1].stamp == stored.index[-1] + timedelta(seconds=1)
    longer = build(CLOSES, rolls, stored).whole
    pd.testing.assert_frame_equal(longer.iloc[: len(stored)], stored, check_freq=False)
    assert longer["PRICE_CONTRACT"].iloc[-1] == B


def test_a_roll_of_the_forward_alone_changes_contracts_without_a_row() -> None:
    """Only a change of the priced contract needs a row at its stamp."""
    whole = build(CLOSES, [FIRST, Roll(SECOND.stamp, A, C, C)]).whole
    assert pd.Timestamp(SECOND.stamp) not in whole.index
    assert [roll.forward for roll in rolls_in_force(whole, [])] == [B, C]


def test_a_first_build_begins_where_it_can_be_stitched() -> None:
    """Rolls out of contracts without common bars are left behind."""
    old = Roll(START - 50 * HOUR, D, A, A)
    assert stitchable([old, FIRST, SECOND], CLOSES) == [FIRST, SECOND]
    assert stitchable([FIRST], {}) == [FIRST]


@st.composite
def arrivals(draw: st.DrawFn) -> list[dict[str, pd.Series]]:
    """The bars of each contract, cut up and delivered in any order."""
    runs = draw(st.integers(1, 4))
    batches: list[dict[str, list[pd.Series]]] = [{} for _ in range(runs)]
    for contract, series in CLOSES.items():
        for position in range(len(series)):
            batch = draw(st.integers(0, runs - 1))
            batches[batch].setdefault(contract, []).append(series.iloc[position : position + 1])
    return [{contract: pd.concat(parts).sort_index() for contract, parts in batch.items()} for batch in batches]


@given(arrivals())
def test_stored_prices_never_change_whatever_the_order_of_arrival(batches: list[dict[str, pd.Series]]) -> None:
    """Every stored price survives each merge, and in the end every bar is in its row."""
    multiple, held = empty_multiple(), dict[str, pd.Series]()
    for batch in batches:
        held = {
            name: pd.concat([s for s in (held.get(name), batch.get(name)) if s is not None]).sort_index()
            for name in {*held, *batch}
        }
        extended = build(held, [FIRST, SECOND], multiple)
        for column in ("PRICE", "CARRY", "FORWARD"):
            known = multiple[column].dropna()
            np.testing.assert_array_equal(extended.whole.loc[known.index, column], known)
        assert extended.whole.index.is_monotonic_increasing
        assert extended.whole.index.is_unique
        multiple = extended.whole
    expected = build(CLOSES, [FIRST, SECOND]).whole
    bar_rows = expected.index[expected.index != pd.Timestamp(SECOND.stamp)]
    pd.testing.assert_frame_equal(multiple.loc[bar_rows], expected.loc[bar_rows], check_freq=False)
