"""A run written to a folder: one parquet file a table, and its figures as JSON."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysproduction.domain.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from sysproduction.systems.system import SystemResult


def write_run(
    result: "SystemResult", figures: dict[str, Any], folder: Path, progress: Callable[[str, int, int], None]
) -> None:
    """Write series/<I>.parquet, rules/<I>.parquet, portfolio.parquet, weights.parquet, rule_accounts.parquet,
    config.json and, last, summary.json; each file whole or not at all. Raises ConfigError if it cannot be written."""
    from sysproduction.ops.render import plain, said
    from sysproduction.systems import tables

    try:
        for name in ("series", "rules"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").unlink(missing_ok=True)
        codes = result.prices.instruments
        for number, code in enumerate(codes):
            progress(code, number, len(codes) + 1)
            _write(tables.series_table(result, code), folder / "series" / f"{code}.parquet")
            _write(tables.rules_table(result, code), folder / "rules" / f"{code}.parquet")
        progress("the portfolio", len(codes), len(codes) + 1)
        _write(tables.portfolio_table(result), folder / "portfolio.parquet")
        _write(tables.weights_table(result), folder / "weights.parquet")
        _write(tables.rule_accounts_table(result), folder / "rule_accounts.parquet")
        _write_json(said(asdict(result.config)), folder / "config.json")
        _write_json(plain(figures), folder / "summary.json")
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise ConfigError(f"{error.filename}: cannot be written ({error.strerror}); choose another folder") from error


def _write(table: "pd.DataFrame", path: Path) -> None:
    replaced(path, lambda scratch: table.reset_index().to_parquet(scratch, index=False, compression="zstd"))


def _write_json(value: Any, path: Path) -> None:
    text = json.dumps(value, indent=1, allow_nan=False)
    replaced(path, lambda scratch: scratch.write_text(text + "\n", encoding="utf-8"))


def replaced(path: Path, write: Callable[[Path], object]) -> None:
    """The file as `write` makes it, whole or as it was before."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
