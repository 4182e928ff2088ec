"""What differs between the folders of two runs: configuration, tables, figures."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sysproduction.domain.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

SUMMARY, CONFIG = "summary.json", "config.json"
MISSING: Final = "(missing)"


def compare(left: Path, right: Path, tolerance: float) -> dict[str, list[Row]]:
    """Differences, all lists empty if there are none: `configuration` keys and `statistics` with the value of either
    side, `tables` and their `columns` that only one side has, whose rows are others, or that deviate by more than
    `tolerance`, relative to the larger value.

    Raises ConfigError if a folder holds no finished run or a file cannot be read.
    """
    for folder in (left, right):
        if not (folder / SUMMARY).is_file():
            raise ConfigError(
                f"{folder}: holds no finished run ({SUMMARY} is missing): `backtest system --out` writes one"
            )
    files = sorted({str(path.relative_to(folder)) for folder in (left, right) for path in folder.rglob("*.parquet")})
    tables: list[Row] = []
    columns: list[Row] = []
    for name in files:
        only = [folder for folder in (left, right) if (folder / name).is_file()]
        if len(only) == 1:
            tables.append({"table": name, "difference": f"only in {only[0]}"})
        else:
            columns += _columns(name, _table(left / name), _table(right / name), tolerance)
    return {
        "configuration": _keys(_json(left / CONFIG), _json(right / CONFIG), 0.0),
        "statistics": _keys(_json(left / SUMMARY), _json(right / SUMMARY), tolerance),
        "tables": tables,
        "columns": columns,
    }


def _columns(name: str, left: "pd.DataFrame", right: "pd.DataFrame", tolerance: float) -> list[Row]:
    found = []
    both = left.index.intersection(right.index)
    if len(both) < max(len(left), len(right)):
        unlike = len(left) + len(right) - 2 * len(both)
        found.append(
            {"table": name, "column": "(rows)", "difference": f"{unlike} days are in one only", "rows": unlike}
        )
    for column in dict.fromkeys([*left.columns, *right.columns]):
        if column not in left or column not in right:
            side = "the first" if column in left else "the second"
            found.append({"table": name, "column": column, "difference": f"only in {side}", "rows": None})
        else:
            found += _deviation(name, column, left[column].loc[both], right[column].loc[both], tolerance)
    return found


def _deviation(
    name: str, column: str, left: "pd.Series[float]", right: "pd.Series[float]", tolerance: float
) -> list[Row]:
    import numpy as np

    ours, theirs = left.to_numpy(dtype=float), right.to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        off = np.abs(ours - theirs)
        unlike = ~((ours == theirs) | (off <= tolerance * np.maximum(np.abs(ours), np.abs(theirs))))
    unlike &= ~(np.isnan(ours) & np.isnan(theirs))
    if not unlike.any():
        return []
    worst = int(np.argmax(np.where(unlike, np.where(np.isnan(off), np.inf, off), -1.0)))
    return [
        {
            "table": name,
            "column": column,
            "difference": f"largest on {left.index[worst]:%Y-%m-%d}: {ours[worst]:.10g} and {theirs[worst]:.10g}",
            "rows": int(unlike.sum()),
        }
    ]


def _keys(left: Any, right: Any, tolerance: float) -> list[Row]:
    ours, theirs = dict(_flat(left)), dict(_flat(right))
    found = []
    for key in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(key, MISSING), theirs.get(key, MISSING)
        if not _alike(one, other, tolerance):
            found.append({"key": key, "first": one, "second": other})
    return found


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _flat(item, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, value)]


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    return math.isclose(one, other, rel_tol=tolerance) if numbers else bool(one == other)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); run `backtest system --out` again") from error


def _table(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        return pd.read_parquet(path).set_index("date")
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); run `backtest system --out` again") from error
