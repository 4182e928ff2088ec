"""A report as one HTML file that needs nothing else: findings, figures that can be zoomed, tables."""

import json
import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Final

from sysproduction.reports.report import Cell, Figure, Report, Table, heading_of
from sysproduction.reports.text import is_number, shown

SCRIPT, SHEET, DRAWING = "uPlot.iife.min.js", "uPlot.min.css", "figures.js"
"""uPlot 1.6.32 (MIT, see uPlot.LICENSE), as the package registry npm has it, and what uses it."""

STYLE: Final = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1c2733; margin: 2em auto; max-width: 1200px; padding: 0 1em }
h1 { font-size: 1.5em; margin-bottom: 0 }
h2 { font-size: 1.15em; margin: 2em 0 .4em } p { color: #56616d; margin: .2em 0 }
ul.findings { list-style: none; padding: 0 }
ul.findings li { padding: .3em .7em; margin: .2em 0; border-left: 4px solid }
ul.findings li.warn { border-color: #c8502d; background: #fdf1ec }
ul.findings li.note { border-color: #8a949e; background: #f4f6f8 }
ul.findings li.ok { border-color: #2f8f5b; background: #eef8f2 }
div.wide { overflow-x: auto } table { border-collapse: collapse }
td, th { text-align: left; padding: .25em .7em; border-bottom: 1px solid #e2e6ea; white-space: nowrap }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
"""


def page(report: Report) -> str:
    """The whole file as text."""
    at = f"{report.at:%Y-%m-%d %H:%M} UTC"
    findings = "".join(f'<li class="{one.level}">{escape(one.text)}</li>' for one in report.findings)
    missing = "".join(f"<li>{escape(text)}</li>" for text in report.missing)
    without = f"<h2>Missing</h2><ul>{missing}</ul>" if missing else ""
    body = "".join([*map(_figure, report.figures), *map(_table, report.tables), _scripts(report)])
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}, {at}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(report.title)}</h1><p>{at}</p>"
        f'<ul class="findings">{findings}</ul>{without}'
        f"{body}</body></html>\n"
    )


def _figure(figure: Figure) -> str:
    told = {
        "unit": figure.unit,
        "times": [int(moment.timestamp()) for moment in figure.times],
        "labels": list(figure.labels),
        "curves": [{"name": name, "values": _values(curve)} for name, curve in figure.curves.items()],
    }
    data = json.dumps(told, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    script = f'<script type="application/json">{data}</script>'
    return f"<h2>{escape(figure.title)}</h2><div data-figure>{script}</div>"


def _values(curve: Sequence[float | None]) -> list[float | None]:
    return [None if value is None or not math.isfinite(value) else float(f"{value:.7g}") for value in curve]


def _scripts(report: Report) -> str:
    """What draws, if anything is drawn."""
    if not report.figures:
        return ""
    folder = files("sysproduction.reports") / "assets"
    sheet, script, drawing = ((folder / name).read_text(encoding="utf-8") for name in (SHEET, SCRIPT, DRAWING))
    return f"<style>{sheet}</style><script>{script}</script><script>{drawing}</script>"


def _table(table: Table) -> str:
    numeric = [all(is_number(row[n]) or row[n] is None for row in table.rows) for n in range(len(table.columns))]
    head = "".join(
        f"<th{_kind(n)}>{escape(heading_of(name))}</th>" for name, n in zip(table.columns, numeric, strict=True)
    )
    rows = "".join(f"<tr>{_cells(row, numeric)}</tr>" for row in table.rows)
    words = f"<p>{escape(table.words)}</p>" if table.words else ""
    return f'<h2>{escape(table.title)}</h2>{words}<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _cells(row: Sequence[Cell], numeric: Sequence[bool]) -> str:
    return "".join(f"<td{_kind(n)}>{escape(shown(value))}</td>" for value, n in zip(row, numeric, strict=True))


def _kind(numeric: bool) -> str:
    return ' class="n"' if numeric else ""
