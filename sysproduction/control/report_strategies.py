"""Facts of strategies and of capital for reports: what was decided, from what, and what stands behind it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Final

import pandas as pd

from sysproduction.control.report_desk import ReportDesk
from sysproduction.control.report_money import filled_orders, results_by_day
from sysproduction.domain.optimal_positions import OptimalPositions
from sysproduction.domain.orders import ROLL_STRATEGY
from sysproduction.reports.account_curve import CurveFacts
from sysproduction.reports.minimum_capital import Portfolio
from sysproduction.reports.report import Report
from sysproduction.reports.risk import Held
from sysproduction.reports.slippage import slippage_report
from sysproduction.reports.strategy import Decided
from sysproduction.stores.capital import CapitalStore
from sysproduction.stores.optimal_positions import OptimalPositionStore
from sysproduction.stores.spreads import Spreads

SLIPPAGE_DAYS: Final = 365


def capital_history(desk: ReportDesk) -> pd.DataFrame:
    """Every entry up to the moment."""
    store = CapitalStore(desk.sources.documents, desk.sources.series)
    return store.history().loc[: desk.now]


def held_facts(desk: ReportDesk) -> Held:
    """Positions of strategies, with the capital behind them."""
    history = capital_history(desk)
    if history.empty:
        return Held(desk.held.strategies, None)
    last = history.iloc[-1]
    return Held(desk.held.strategies, float(last["capital"]), float(last["margin"]), float(last["account_value"]))


def curve_facts(desk: ReportDesk) -> CurveFacts:
    """Results by day, and the capital at each."""
    results, history = results_by_day(desk), capital_history(desk)
    return CurveFacts(results.table, history["capital"].astype(float), results.missing)


def slippage_of(desk: ReportDesk) -> Report:
    """Of the last year's orders and samples, of instruments that have prices."""
    since = desk.now - timedelta(days=SLIPPAGE_DAYS)
    spreads, samples = Spreads(desk.sources.series), {}
    for code in desk.markets.measures:
        quotes = spreads.of(code, start=since).loc[: desk.now]
        samples[code] = ((quotes["ask"] - quotes["bid"]) / 2).dropna().tolist()
    instruments = {code: one.instrument for code, one in desk.markets.measures.items()}
    return slippage_report(instruments, filled_orders(desk, since), samples, since, desk.now, desk.markets.silent)


def decided_facts(desk: ReportDesk) -> list[Decided]:
    """The last decision of each configured strategy at the moment."""
    found = []
    for name, decision in _decisions(desk):
        held = {code: n for (strategy, code), n in desk.held.strategies.items() if strategy == name}
        panels = ("forecasts", "weights", "volatility")
        last = {panel: {} if decision is None else _last_row(desk, decision, panel) for panel in panels}
        found.append(Decided(name, decision, held, last["forecasts"], last["weights"], last["volatility"]))
    return found


def portfolios(desk: ReportDesk) -> tuple[list[Portfolio], list[str]]:
    """Each configured strategy as its last state folder has it; and what is missing of others."""
    found, missing = [], []
    for name, decision in _decisions(desk):
        told = None if decision is None else _file(desk, decision, "configuration.json")
        if decision is None or told is None:
            missing.append(f"state of {name}: run_systems writes it")
            continue
        configured = json.loads(told)
        multiplier = _last_row(desk, decision, "multiplier").get("IDM", configured["instrument_div_multiplier"])
        weights = _last_row(desk, decision, "weights")
        target = float(configured["percentage_vol_target"])
        found.append(Portfolio(name, target, weights, float(multiplier), decision.capital))
    return found, missing


def whole_positions(desk: ReportDesk) -> dict[str, int]:
    """By instrument, of all strategies."""
    found: dict[str, int] = {}
    for (strategy, code), quantity in desk.held.strategies.items():
        if strategy != ROLL_STRATEGY:
            found[code] = found.get(code, 0) + quantity
    return found


def _decisions(desk: ReportDesk) -> Iterator[tuple[str, OptimalPositions | None]]:
    store = OptimalPositionStore(desk.sources.documents)
    for name in desk.sources.strategies.by_name:
        history = store.history(name) if desk.is_past else store.history(name, limit=1)
        yield name, next((one for one in history if one.at <= desk.now), None)


def _file(desk: ReportDesk, decision: OptimalPositions, file: str) -> bytes | None:
    return desk.sources.folders.read(f"{decision.strategy}/{decision.number:06d}", file)


def _last_row(desk: ReportDesk, decision: OptimalPositions, panel: str) -> dict[str, float]:
    """The last known value of each column of a state's panel; nothing where the folder is gone."""
    content = _file(desk, decision, f"{panel}.parquet")
    if content is None:
        return {}
    last = pd.read_parquet(BytesIO(content)).ffill().iloc[-1].dropna()
    return {str(code): float(value) for code, value in last.items()}
