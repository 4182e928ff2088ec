"""A run as tables, with one row a business day; and its figures."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sysproduction.systems.ingredients import raw_carry
from sysproduction.systems.rule_accounts import rule_account
from sysproduction.systems.smoothing import Panel
from sysproduction.systems.statistics import Statistics, statistics
from sysproduction.systems.system import SystemResult
from sysproduction.systems.turnover import holding_days, turnover


def series_table(result: SystemResult, instrument: str) -> pd.DataFrame:
    """From prices to buffered position of one instrument: the steps in the order in which they are taken."""
    column, prices = result.prices.instruments.index(instrument), result.prices
    priced = prices.adjusted_rows.mask(len(prices.days))
    sizes, positions = result.sizes, result.positions
    panels: dict[str, Panel] = {
        "adj_price": prices.adjusted,
        "daily_vol": result.vol,
        "denom_price": prices.current,
        "pct_vol": sizes.percentage_vol,
        "daily_ann_roll": prices.annual_roll,
        "raw_carry": raw_carry(prices, result.vol),
        "combined_forecast": result.forecasts.combined,
        "fx": np.where(priced, prices.rate, np.nan),
        "block_value": sizes.block_value,
        "instr_value_vol": sizes.instrument_value_vol,
        "vol_scalar": sizes.vol_scalar,
        "subsystem_position": positions.subsystem,
        "notional_position": positions.optimal,
        "buffer_top": positions.edges.top,
        "buffer_bot": positions.edges.bottom,
        "buffered_position": positions.held,
    }
    return _table(result, {name: panel[:, column] for name, panel in panels.items()}, _rows(result, column))


def rules_table(result: SystemResult, instrument: str) -> pd.DataFrame:
    """Raw and capped forecasts of every rule for one instrument, and the weight of each that has one."""
    column = result.prices.instruments.index(instrument)
    figures: dict[str, NDArray[np.float64]] = {}
    for name in sorted(result.forecasts.raw):
        figures[f"raw_{name}"] = result.forecasts.raw[name][:, column]
        figures[f"capped_{name}"] = result.forecasts.capped[name][:, column]
    for name in sorted(result.forecasts.weights):
        figures[f"fwt_{name}"] = result.forecasts.weights[name][:, column]
    return _table(result, figures, _rows(result, column))


def portfolio_table(result: SystemResult) -> pd.DataFrame:
    """Daily percent of capital in total and by instrument, and the buffered positions as decided each day."""
    account = result.account
    figures = {
        "TOTAL_gross": account.gross_total,
        "TOTAL_net": account.net_total,
        "TOTAL_costs": account.costs_total,
    }
    for column, code in enumerate(result.prices.instruments):
        figures[f"{code}_gross"] = account.gross[:, column]
        figures[f"{code}_net"] = account.net[:, column]
        figures[f"{code}_bufpos"] = result.positions.held[:, column]
    return _table(result, figures)


def weights_table(result: SystemResult) -> pd.DataFrame:
    """Instrument weights and the diversification multiplier, by day."""
    weights = {code: result.positions.weights[:, column] for column, code in enumerate(result.prices.instruments)}
    return _table(result, {**weights, "IDM": result.positions.multiplier})


def rule_accounts_table(result: SystemResult) -> pd.DataFrame:
    """What each rule would have earned alone, gross and net, daily percent of capital."""
    figures = {}
    for name in sorted(result.forecasts.capped):
        account = rule_account(result, name)
        figures[f"{name}_gross"], figures[f"{name}_net"] = account.gross_total, account.net_total
    return _table(result, figures)


def summary(result: SystemResult) -> dict[str, Any]:
    """Figures of the whole and of each instrument, who was excluded why, and which recorded rows were left out."""
    traded = turnover(result.positions.held, result.positions.average)
    days = holding_days(traded)
    account, net = result.account, result.account.net
    instruments = {}
    for column, code in enumerate(result.prices.instruments):
        rows = _rows(result, column)
        figures = _figures(account.gross[rows, column], net[rows, column], account.costs[rows, column])
        figures |= {"turnover": float(traded[column]), "holding_days": float(days[column])}
        instruments[code] = figures | _span(result, rows)
    total = _figures(account.gross_total, account.net_total, account.costs_total)
    return {
        "total": total | _span(result, slice(0, len(result.prices.days))),
        "instruments": instruments,
        "excluded": dict(result.excluded),
        "faults": {code: list(said) for code, said in result.ledger.market.faults.items()},
    }


def _figures(
    gross: NDArray[np.float64], net: NDArray[np.float64], costs: NDArray[np.float64]
) -> dict[str, float | None]:
    before, after, paid = statistics(gross), statistics(net), statistics(costs)
    return {
        "sr_gross": before.sharpe,
        "sr_net": after.sharpe,
        "ann_mean_gross": before.annual_mean,
        "ann_mean_net": after.annual_mean,
        "ann_std_net": after.annual_std,
        "ann_mean_costs": paid.annual_mean,
        "skew_daily_net": after.skew,
        "worst_dd": after.worst_drawdown,
        **_more(after),
    }


def _more(net: Statistics) -> dict[str, float | None]:
    return {"mean_dd": net.mean_drawdown, "sortino_net": net.sortino, "t_stat_net": net.t_statistic}


def _span(result: SystemResult, rows: slice) -> dict[str, Any]:
    days = result.prices.days[rows]
    return {"first": str(days[0]), "last": str(days[-1]), "n": len(days)}


def _rows(result: SystemResult, column: int) -> slice:
    rows = result.prices.rows
    return slice(int(rows.first[column]), int(rows.end[column]))


def _table(result: SystemResult, figures: dict[str, NDArray[np.float64]], rows: slice | None = None) -> pd.DataFrame:
    rows = rows or slice(None)
    days = result.prices.days[rows].rename("date")
    return pd.DataFrame({name: values[rows] for name, values in figures.items()}, index=days)
