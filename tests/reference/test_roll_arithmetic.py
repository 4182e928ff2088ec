"""Contract arithmetic equals the reference."""

from pathlib import Path

import pandas as pd
import pytest

from sysproduction.domain.rolls import (
    RollParameters,
    approximate_expiry,
    carry_contract,
    desired_roll_date,
    next_held,
    next_priced,
    previous_held,
    previous_priced,
)

INSTRUMENTS = ["CORN", "EUROSTX", "EUR_micro", "GOLD_micro", "KR10", "MXP", "SOFR", "SP500_micro", "US10", "V2X"]


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_neighbours_expiry_and_roll_date_equal_the_reference(shared: Path, instrument: str) -> None:
    """For every held contract of ten years: neighbours in both cycles, carry, expiry and roll date."""
    row = pd.read_csv(shared / "data" / "csvconfig" / "rollconfig.csv", index_col=0).loc[instrument]
    parameters = RollParameters(
        hold_cycle=row.HoldRollCycle,
        priced_cycle=row.PricedRollCycle,
        roll_offset_days=int(row.RollOffsetDays),
        carry_offset=int(row.CarryOffset),
        expiry_offset=int(row.ExpiryOffset),
    )
    table = pd.read_csv(shared / "reference" / "panama" / f"{instrument}_rollarith.csv", dtype=str)
    assert len(table) >= 10
    for expected in table.itertuples():
        contract = str(expected.contract)
        assert f"{approximate_expiry(contract, parameters)} 00:00:00" == expected.approx_expiry
        assert f"{desired_roll_date(contract, parameters)} 00:00:00" == expected.desired_roll
        assert next_held(contract, parameters) == expected.next_held
        assert previous_held(contract, parameters) == expected.prev_held
        assert next_priced(contract, parameters) == expected.next_priced
        assert previous_priced(contract, parameters) == expected.prev_priced
        assert carry_contract(contract, parameters) == expected.carry
