"""A backtest as one HTML file that needs nothing else: curves that can be zoomed, and tables."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
from plotly.subplots import make_subplots

from sysproduction.reports.backtest_run import INSTRUMENTS_BY_DAY, TOTAL, BacktestRun

COLUMNS: Final = (
    ("ann_mean_gross", "gross a year"),
    ("ann_mean_costs", "costs a year"),
    ("ann_mean_net", "net a year"),
    ("ann_std_net", "deviation"),
    ("sr_gross", "Sharpe gross"),
    ("sr_net", "Sharpe net"),
    ("sortino_net", "Sortino"),
    ("skew_daily_net", "skew"),
    ("worst_dd", "worst drawdown"),
    ("t_stat_net", "t"),
    ("turnover", "turnover a year"),
    ("holding_days", "days held"),
)
STYLE: Final = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1c2733; margin: 2em auto; max-width: 1200px; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin: 2em 0 .4em } p { color: #56616d }
div.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
td, th { text-align: right; padding: .25em .6em; border-bottom: 1px solid #e2e6ea; white-space: nowrap }
td:first-child, th:first-child { text-align: left } tr.total td { font-weight: 600; border-top: 2px solid #8a949e }
"""
STEPS: Final = (
    ("adj_price", "price"),
    ("combined_forecast", "forecast"),
    ("buffered_position", "position"),
    ("net", "net, % of capital"),
)


def page(run: BacktestRun) -> str:
    """The whole file as text."""
    figures = [
        ("Equity and drawdown", "Sum of daily returns in percent of capital.", _equity(run)),
        ("Costs", "Sum of what trading and rolling cost, in percent of capital.", _costs(run)),
        ("Forecasts and positions", _how_often(run), _steps(run)),
    ]
    drawn = []
    for number, (title, words, figure) in enumerate(figures):
        library = number == 0  # the drawing library is in the file once
        text = plotly.io.to_html(figure, full_html=False, include_plotlyjs=library, config={"scrollZoom": True})
        drawn.append(f"<h2>{title}</h2><p>{escape(words)}</p>{text}")
    span = f"{run.portfolio.index[0]:%Y-%m-%d} to {run.portfolio.index[-1]:%Y-%m-%d}"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(run.title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(run.title)}</h1><p>{span}</p>{drawn[0]}"
        f"<h2>Instruments</h2><p>Percent of capital.</p>{_table(run)}{_excluded(run)}"
        f"{''.join(drawn[1:])}</body></html>\n"
    )


def _equity(run: BacktestRun) -> go.Figure:
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.04)
    for column, name in ((f"{TOTAL}_net", "net"), (f"{TOTAL}_gross", "gross")):
        _line(figure, run.curve(column), name, row=1)
    _line(figure, run.drawdown(), "drawdown", row=2, fill="tozeroy")
    return _laid_out(figure, 560)


def _costs(run: BacktestRun) -> go.Figure:
    figure = make_subplots(rows=1, cols=2, column_widths=[0.6, 0.4], subplot_titles=("by day", "a year, by instrument"))
    _line(figure, run.curve(f"{TOTAL}_costs"), "costs", row=1)
    paid = {code: run.summary["instruments"][code]["ann_mean_costs"] or 0.0 for code in run.series}
    codes = sorted(paid, key=paid.__getitem__)
    figure.add_trace(go.Bar(x=codes, y=[paid[code] for code in codes], name="costs a year"), row=1, col=2)
    return _laid_out(figure, 380)


def _steps(run: BacktestRun) -> go.Figure:
    figure = make_subplots(
        rows=len(STEPS), cols=1, shared_xaxes=True, vertical_spacing=0.03, row_titles=[name for _, name in STEPS]
    )
    codes = list(run.series)
    for code in codes:
        table = run.drawn(code)
        net = run.curve(f"{code}_net").reindex(table.index)
        for row, (column, name) in enumerate(STEPS, start=1):
            shape = "hv" if column == "buffered_position" else "linear"
            values = net if column == "net" else table[column]
            _line(figure, values, f"{code} {name}", row=row, visible=code == codes[0], line={"shape": shape})
    buttons = []
    for code in codes:
        shown = [other == code for other in codes for _ in STEPS]
        buttons.append({"label": code, "method": "update", "args": [{"visible": shown}]})
    figure.update_layout(updatemenus=[{"buttons": buttons, "x": 0.0, "xanchor": "left", "y": 1.08}], showlegend=False)
    return _laid_out(figure, 860)


def _line(figure: go.Figure, values: "pd.Series[float]", name: str, *, row: int, **more: Any) -> None:
    known = values.to_numpy(dtype=np.float32)
    days = pd.DatetimeIndex(values.index).strftime("%Y-%m-%d").to_numpy()  # the shortest that a browser reads
    figure.add_trace(go.Scatter(x=days, y=known, name=name, mode="lines", **more), row=row, col=1)


def _laid_out(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(template="plotly_white", height=height, margin={"l": 50, "r": 40, "t": 50, "b": 30})
    return figure


def _how_often(run: BacktestRun) -> str:
    often = "day" if len(run.series) <= INSTRUMENTS_BY_DAY else "week"
    return f"One instrument at a time, by {often}; choose it at the upper left."


def _table(run: BacktestRun) -> str:
    head = "".join(f"<th>{name}</th>" for _, name in COLUMNS)
    rows = [_row(code, figures) for code, figures in run.summary["instruments"].items()]
    rows.append(_row(TOTAL, run.summary["total"], kind=' class="total"'))
    return f'<div class="wide"><table><tr><th>instrument</th>{head}</tr>{"".join(rows)}</table></div>'


def _row(name: str, figures: dict[str, Any], kind: str = "") -> str:
    cells = "".join(f"<td>{_number(figures.get(key))}</td>" for key, _ in COLUMNS)
    return f"<tr{kind}><td>{escape(name)}</td>{cells}</tr>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _excluded(run: BacktestRun) -> str:
    excluded: Sequence[tuple[str, str]] = list(run.summary.get("excluded", {}).items())
    items = "".join(f"<li>{escape(code)}: {escape(why)}</li>" for code, why in excluded)
    return f"<p>Excluded:</p><ul>{items}</ul>" if items else ""
