"""A backtest as one picture: equity, drawdown, and what each instrument earned and cost."""

from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sysproduction.reports.backtest_run import TOTAL, BacktestRun


def picture(run: BacktestRun) -> bytes:
    """The PNG file."""
    figure = Figure(figsize=(11, 9), layout="constrained")
    equity, fall, bars = figure.subplots(3, 1, height_ratios=[3, 1.2, 2])
    for column, name in ((f"{TOTAL}_net", "net"), (f"{TOTAL}_gross", "gross")):
        curve = run.curve(column)
        equity.plot(curve.index, curve.to_numpy(), label=name, linewidth=1.0)
    equity.set_title(f"{run.title}: {_words(run)}")
    equity.set_ylabel("% of capital")
    equity.legend(loc="upper left", frameon=False)
    drop = run.drawdown()
    fall.fill_between(drop.index, drop.to_numpy(), 0.0, alpha=0.5, linewidth=0.0)
    fall.sharex(equity)
    fall.set_ylabel("drawdown, %")
    _bars(bars, run)
    for axes in (equity, fall, bars):
        axes.grid(visible=True, alpha=0.25)
    drawn = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(drawn, format="png", dpi=100)
    return drawn.getvalue()


def _bars(axes: Any, run: BacktestRun) -> None:
    figures = run.summary["instruments"]
    codes = sorted(figures, key=lambda code: -(figures[code]["ann_mean_net"] or 0.0))
    places = range(len(codes))
    axes.bar(places, [figures[code]["ann_mean_net"] or 0.0 for code in codes], label="net a year")
    axes.bar(places, [figures[code]["ann_mean_costs"] or 0.0 for code in codes], width=0.4, label="costs a year")
    axes.set_xticks(list(places), codes, rotation=90 if len(codes) > 12 else 0, fontsize=6 if len(codes) > 40 else 9)
    axes.set_ylabel("% of capital")
    axes.legend(loc="upper right", frameon=False)


def _words(run: BacktestRun) -> str:
    total = run.summary["total"]
    parts = (("net", "ann_mean_net", "% a year"), ("deviation", "ann_std_net", "%"), ("Sharpe", "sr_net", ""))
    return ", ".join(f"{name} {total[key]:.2f}{unit}" for name, key, unit in parts if total[key] is not None)
