"""Tables for people and JSON for programs, from the same rows."""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = dict[str, Any]

_WIDTH_IN_FILES: Final = 160

_STYLES = {
    "running": "green",
    "succeeded": "green",
    "ok": "green",
    "failed": "bold red",
    "fail": "bold red",
    "crashed": "bold red",
    "dead": "bold red",
    "warn": "yellow",
    "stopped": "yellow",
    "STOP": "yellow",
    "PAUSE": "yellow",
    "NO-RUN": "yellow",
}


def rows_of(values: Iterable[Any]) -> list[Row]:
    """Dataclass values as rows."""
    return [asdict(value) if is_dataclass(value) and not isinstance(value, type) else dict(value) for value in values]


def show(rows: Sequence[Row], *, as_json: bool, title: str = "", empty: str = "nothing to show") -> None:
    """Print rows as a table, or as a JSON list."""
    if as_json:
        show_json(rows)
        return
    if not rows:
        typer.echo(empty)
        return
    if title:
        typer.echo(title)
    console().print(table(rows))


def console() -> "Console":
    """Standard output; where it is no terminal, wide enough for tables to stay readable in a file."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH_IN_FILES)


def show_json(value: Any) -> None:
    """Print one JSON value."""
    typer.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def table(rows: Sequence[Row], title: str = "") -> "Table":
    """A rich table with one column per key of the first row."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, title_justify="left", header_style="bold")
    for number, name in enumerate(rows[0]):
        shown.add_column(name.replace("_", " "), overflow="fold", no_wrap=number == 0)
    for row in rows:
        shown.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in map(_cell, row.values())))
    return shown


def plain(value: Any) -> Any:
    """The value as JSON can say it; NaN and infinities are null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return value


def said(value: Any) -> Any:
    """The value as JSON, the same in every process: sets are sorted, and what JSON has no word for is a text."""
    if isinstance(value, dict):
        return {str(key): said(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, list | tuple):
        return [said(item) for item in value]
    return plain(value) if isinstance(value, str | int | float | None) else str(value)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return str(value)
