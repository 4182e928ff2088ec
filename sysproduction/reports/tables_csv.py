"""The tables of a report as CSV files, one each."""

import csv
from datetime import date
from io import StringIO

from sysproduction.reports.report import Cell, Report


def tables_csv(report: Report) -> dict[str, str]:
    """Text of a file by the table's name; numbers in full precision, moments in ISO 8601, nothing where not known."""
    found = {}
    for table in report.tables:
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows([_cell(value) for value in row] for row in table.rows)
        found[table.name] = text.getvalue()
    return found


def _cell(value: Cell) -> object:
    return value.isoformat() if isinstance(value, date) else value
