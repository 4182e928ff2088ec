"""Systems of the reference runs, in our terms, and how far ours lies from theirs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sysproduction import wiring
from sysproduction.domain.histories import MarketData
from sysproduction.domain.trading_systems import (
    Buffering,
    BufferMethod,
    CostMethod,
    Quirk,
    RuleSpec,
    SystemConfig,
)

UNROUNDED = "_unrounded"
INSTRUMENTS = ("CORN", "EUROSTX", "EUR_micro", "GOLD_micro", "KR10", "MXP", "SOFR", "SP500_micro", "US10", "V2X")


def reference_market(shared: Path) -> MarketData:
    """The recorded prices of all instruments of the reference."""
    return wiring.csv_market(shared / "data", INSTRUMENTS, "USD", lambda *_: None)


def reference_config(shared: Path, run: str) -> SystemConfig:
    """The configuration of a run of the reference, with every quirk."""
    said: dict[str, Any] = json.loads((shared / "reference" / "configs.json").read_text())[run.removesuffix(UNROUNDED)]
    rules = [
        RuleSpec(name, rule["function"].rpartition(".")[2], rule["forecast_scalar"], rule["other_args"])
        for name, rule in said["trading_rules"].items()
    ]
    return SystemConfig(
        instruments=tuple(said["instrument_weights"]),
        rules=tuple(rules),
        forecast_weights=said["forecast_weights"],
        instrument_weights=said["instrument_weights"],
        capital=said["notional_trading_capital"],
        base_currency=said["base_currency"],
        forecast_div_multiplier=said["forecast_div_multiplier"],
        instrument_div_multiplier=said["instrument_div_multiplier"],
        forecast_cap=said["forecast_cap"],
        percentage_vol_target=said["percentage_vol_target"],
        buffer=Buffering(
            BufferMethod(said.get("buffer_method", "forecast")),
            trade_to_edge=said.get("buffer_trade_to_edge", True),
            round=not run.endswith(UNROUNDED),
        ),
        costs=CostMethod.SHARPE if said.get("use_SR_costs") else CostMethod.CASH,
        reproduce=frozenset(Quirk),
    )


@dataclass(frozen=True, slots=True)
class Deviation:
    """The largest difference of one column, relative to the column's median size; infinite where a value is missing on
    one side only."""

    column: str
    worst: float


def deviations(ours: pd.DataFrame, reference: pd.DataFrame) -> list[Deviation]:
    """For every column of the reference, on its rows; on those with a value where the column was thinned out."""
    found = []
    for name in reference.columns:
        theirs = reference[name]
        mine = ours[name].reindex(reference.index)
        if _thinned(theirs):
            theirs, mine = theirs.dropna(), mine[theirs.notna()]
        size = theirs.abs().median() or theirs.abs()[theirs != 0.0].median()
        same_gaps = bool((theirs.isna() == mine.isna()).all())
        worst = float(np.nanmax(np.abs(mine - theirs), initial=0.0))
        found.append(Deviation(name, worst / (size if size > 0 else 1.0) if same_gaps else np.inf))
    return found


def _thinned(values: pd.Series) -> bool:
    """Whether single values stand among missing ones: only some rows were kept."""
    known = values.notna().to_numpy()
    starts = np.flatnonzero(known[1:] & ~known[:-1])
    return len(starts) > 100


def reference_table(path: Path) -> pd.DataFrame:
    """A file of the reference by its dates."""
    return pd.read_parquet(path).set_index("date")
