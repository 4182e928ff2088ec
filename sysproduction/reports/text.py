"""Reports as plain text: for mails, for messages, and wherever nothing is drawn."""

import math
from datetime import date, datetime
from typing import Final

from sysproduction.reports.report import Cell, Level, Report, Table, heading_of

MARKS: Final = {Level.WARN: "!", Level.NOTE: "-", Level.OK: "+"}


def shown(value: Cell) -> str:
    """A value as people read it: numbers with four significant digits, or whole from a thousand on."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return _number(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return f"{value:%Y-%m-%d}"
    return str(value)


def as_text(report: Report) -> str:
    """Findings, what is missing, then the tables."""
    parts = [f"{report.title}, {report.at:%Y-%m-%d %H:%M} UTC", ""]
    parts += [f"{MARKS[one.level]} {one.text}" for one in report.findings]
    if report.missing:
        parts += ["", "Missing:", *(f"  {text}" for text in report.missing)]
    for table in report.tables:
        parts += ["", table.title, *([table.words] if table.words else []), *_lines(table)]
    return "\n".join(parts) + "\n"


def is_number(value: Cell) -> bool:
    """Whether it is set to the right."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    decimals = 2 if size >= 1 else min(8, 3 - math.floor(math.log10(size)))
    return f"{value:.{decimals}f}"


def _lines(table: Table) -> list[str]:
    cells = [[heading_of(column) for column in table.columns], *([shown(value) for value in row] for row in table.rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(table.columns))]
    right = [all(is_number(row[number]) or row[number] is None for row in table.rows) for number in range(len(widths))]
    return [
        "  ".join(
            text.rjust(width) if set_right else text.ljust(width)
            for text, width, set_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
