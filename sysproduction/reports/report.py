"""A report as a value: what stands out, tables and figures, before anything is drawn or written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

Cell = str | int | float | bool | date | datetime | None
Row = Mapping[str, Cell]


class Level(StrEnum):
    """How much a finding matters: OK is as it should be, NOTE is worth knowing, WARN wants somebody's eyes."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands out, as a sentence."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same `columns`, in order; `name` is unique in its report and fit for a file. `words` explain it."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: str = ""

    def records(self) -> list[dict[str, Cell]]:
        """Each row by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Figure:
    """Curves over moments (`times`, increasing), or bars over `labels`; exactly one of them is given. A value that is
    None is a gap."""

    title: str
    unit: str
    curves: Mapping[str, Sequence[float | None]]
    times: Sequence[datetime] = ()
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """`at` is the moment whose facts it tells. `missing` names what could not be told for want of data, and why."""

    name: str
    title: str
    at: datetime
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """How many findings want somebody's eyes, and the first of them."""
        warned = [finding.text for finding in self.findings if finding.level is Level.WARN]
        if warned:
            more = f" (and {len(warned) - 1} more)" if len(warned) > 1 else ""
            return f"{warned[0]}{more}"
        return self.findings[0].text if self.findings else "nothing to report"

    def table(self, name: str) -> Table:
        """The table of that name; KeyError if there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """Everything as plain containers; moments, NaN and infinities are left to the writer."""
        return {
            "name": self.name,
            "title": self.title,
            "at": self.at,
            "findings": [{"level": str(one.level), "text": one.text} for one in self.findings],
            "missing": list(self.missing),
            "tables": [{"name": t.name, "title": t.title, "rows": t.records()} for t in self.tables],
            "figures": [
                {"title": f.title, "unit": f.unit, "x": list(f.times or f.labels), "curves": dict(f.curves)}
                for f in self.figures
            ],
        }


@dataclass(slots=True)
class Draft:
    """A report that is being written: each part is appended where it belongs."""

    name: str
    title: str
    at: datetime
    findings: list[Finding] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """A finding that wants somebody's eyes."""
        self.findings.append(Finding(Level.WARN, text))

    def note(self, text: str) -> None:
        """A finding that is worth knowing."""
        self.findings.append(Finding(Level.NOTE, text))

    def fine(self, text: str) -> None:
        """A finding that all is as it should be."""
        self.findings.append(Finding(Level.OK, text))

    def table(self, name: str, title: str, columns: Sequence[str], rows: Sequence[Row], words: str = "") -> None:
        """A table of the rows' values of these columns; one without rows is left out."""
        if rows:
            told = tuple(tuple(row[column] for column in columns) for row in rows)
            self.tables.append(Table(name, title, tuple(columns), told, words))

    def bars(self, title: str, unit: str, rows: Sequence[Row], of: str, *columns: str) -> None:
        """A figure with a bar for each row and column, labelled by the row's `of`; none without rows."""
        if rows:
            curves = {heading_of(column): [_bar(row[column]) for row in rows] for column in columns}
            self.figures.append(Figure(title, unit, curves, labels=[str(row[of]) for row in rows]))

    def done(self) -> Report:
        """The report: what wants eyes comes first."""
        order = (Level.WARN, Level.NOTE, Level.OK)
        findings = sorted(self.findings, key=lambda one: order.index(one.level))
        parts = (tuple(findings), tuple(self.tables), tuple(self.figures), tuple(dict.fromkeys(self.missing)))
        return Report(self.name, self.title, self.at, *parts)


def heading_of(column: str) -> str:
    """A column's name in words."""
    return column.replace("_", " ")


def _bar(value: Cell) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def ranked(rows: Sequence[Row], column: str, *, down: bool = True) -> list[Row]:
    """Rows by a column of numbers, the largest first (or last); those without a number come last."""
    known: list[tuple[float, Row]] = []
    unknown = []
    for row in rows:
        value = row[column]
        if isinstance(value, int | float) and value == value:
            known.append((float(value), row))
        else:
            unknown.append(row)
    known.sort(key=lambda one: one[0], reverse=down)
    return [row for _, row in known] + unknown
