"""The figures of a report drawn with matplotlib: as one picture, and for the printed document."""

from io import BytesIO
from typing import Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from sysproduction.reports.report import Figure, Report

WIDTH, HEIGHT = 11.0, 3.4
"""Inches; the height is of one figure."""

_LABELS_MAX: Final = 40
"""With more labels not each is written."""


def picture(report: Report) -> bytes:
    """The PNG file: title, findings, and every figure; two equal reports give equal bytes."""
    count = max(len(report.figures), 1)
    canvas = Canvas(figsize=(WIDTH, HEIGHT * count + 0.6), layout="constrained")
    canvas.suptitle(f"{report.title}, {report.at:%Y-%m-%d %H:%M} UTC\n{report.summary[:140]}", fontsize=10)
    if report.figures:
        for axes, figure in zip(np.atleast_1d(canvas.subplots(count, 1)), report.figures, strict=True):
            draw(axes, figure)
    drawn = BytesIO()
    FigureCanvasAgg(canvas)
    canvas.savefig(drawn, format="png", dpi=100, metadata={"Software": None})
    return drawn.getvalue()


def draw(axes: Any, figure: Figure) -> None:
    """Curves over moments, or bars over labels."""
    places = range(len(figure.labels))
    width = 0.8 / max(len(figure.curves), 1)
    for number, (name, curve) in enumerate(figure.curves.items()):
        values = [np.nan if value is None else value for value in curve]
        if figure.labels:
            shifted = [place + (number - (len(figure.curves) - 1) / 2) * width for place in places]
            axes.bar(shifted, values, width=width, label=name)
        else:
            axes.plot(list(figure.times), values, label=name, linewidth=1.0)
    if figure.labels:
        step = -(-len(figure.labels) // _LABELS_MAX)
        axes.set_xticks(list(places)[::step], figure.labels[::step], rotation=60 if len(places) > 8 else 0, fontsize=7)
    axes.set_title(figure.title, fontsize=10)
    axes.set_ylabel(figure.unit)
    axes.grid(visible=True, alpha=0.25)
    if len(figure.curves) > 1:
        axes.legend(frameon=False, fontsize=8)
