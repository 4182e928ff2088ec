"""The state folder of a decision: what was computed, from which configuration and which versions."""

from dataclasses import asdict
from io import BytesIO
from typing import Any

import pandas as pd

from sysproduction.domain.optimal_positions import OptimalPosition, OptimalPositions
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.strategies.digests import canonical
from sysproduction.systems.next_contracts import Chosen
from sysproduction.systems.smoothing import Panel
from sysproduction.systems.system import SystemResult

ROWS_KEPT = 512
"""Business days of each panel, about two years."""


def state_files(
    decided: OptimalPositions, system: SystemConfig, result: SystemResult, chosen: Chosen | None = None
) -> dict[str, bytes]:
    """By name: `decision.parquet` a row an instrument, panels (days x instruments) of combined forecasts, volatility,
    weights and optimal positions, the diversification multiplier by day, `configuration.json` and `versions.json`. Of
    whole contracts that were chosen also `risk.parquet`, the annual covariance of one contract of each in shares of
    capital, and `optimisation.json`."""
    panels = {
        "forecasts": result.forecasts.combined,
        "volatility": result.vol,
        "weights": result.positions.weights,
        "positions": result.positions.optimal,
    }
    files = {f"{name}.parquet": _parquet(_frame(result, panel)) for name, panel in panels.items()}
    multiplier = pd.DataFrame({"IDM": result.positions.multiplier[-ROWS_KEPT:]}, index=result.prices.days[-ROWS_KEPT:])
    files["multiplier.parquet"] = _parquet(multiplier)
    files["decision.parquet"] = _parquet(pd.DataFrame([_row(position) for position in decided.positions]))
    files["configuration.json"] = canonical(asdict(system), indent=2).encode()
    said = {"number": decided.number, "day": decided.day, "at": decided.at, "inputs": decided.inputs}
    said |= {"versions": decided.versions, "excluded": decided.excluded}
    files["versions.json"] = canonical(said, indent=2).encode()
    return files | (_chosen_files(chosen) if chosen else {})


def _row(position: OptimalPosition) -> dict[str, Any]:
    row = asdict(position)
    return row | (row.pop("choice") or {})


def _chosen_files(chosen: Chosen) -> dict[str, bytes]:
    names, found = list(chosen.portfolio.instruments), chosen.optimised
    said = {
        "tracking_error_held": found.tracking_error_held,
        "tracking_error": found.tracking_error,
        "distance_held_to_best": found.distance,
        "cost_of_trades": found.cost,
    }
    risk = pd.DataFrame(chosen.portfolio.risk, index=names, columns=names)
    return {"risk.parquet": _parquet(risk), "optimisation.json": canonical(said, indent=2).encode()}


def _frame(result: SystemResult, panel: Panel) -> pd.DataFrame:
    days, columns = result.prices.days[-ROWS_KEPT:], list(result.prices.instruments)
    return pd.DataFrame(panel[-ROWS_KEPT:], index=days, columns=columns)


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()
