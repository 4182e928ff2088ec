"""The folder of a sweep: rows as they come, so that a killed sweep goes on, and in the end one table."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sysproduction.domain.errors import ConfigError

ROWS = "rows.jsonl"


class SweepFolder:
    """Rows by the key of their task, each on disk before `add` returns."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError if it cannot be written to."""
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.rows = self._read()
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Keep one more row."""
        line = json.dumps({"key": key, "row": row}) + "\n"
        with (self._folder / ROWS).open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.rows[key] = row

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """The table, as table.csv and table.parquet."""
        import pandas as pd

        table = pd.DataFrame([{name: _cell(value) for name, value in row.items()} for row in rows])
        for name, write in (("table.csv", _csv), ("table.parquet", _parquet)):
            scratch = self._folder / f".{name}.{os.getpid()}"
            write(table, scratch)
            scratch.replace(self._folder / name)

    def _read(self) -> dict[str, dict[str, Any]]:
        path = self._folder / ROWS
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole, _, torn = text.rpartition("\n")
        if torn:  # a kill in the middle of a line
            os.truncate(path, len(whole.encode()) + (1 if whole else 0))
        return {line["key"]: line["row"] for line in map(json.loads, whole.splitlines())}


def _csv(table: Any, path: Path) -> None:
    table.to_csv(path, index=False)


def _parquet(table: Any, path: Path) -> None:
    table.to_parquet(path, index=False)


def _cell(value: Any) -> Any:
    """Lists and maps as JSON, so that a column has one kind."""
    return json.dumps(value) if isinstance(value, list | dict) else value
