"""Runs every benchmark of this folder in a process of its own, and prints one table of measured against target.

A benchmark prints one JSON object a line: name, value, unit, target, ok; or name and skipped (the reason).
Exit code 1 if a target is missed, a benchmark fails, or one says nothing. Arguments choose files: `run.py panama`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
FIELDS = {"name", "value", "unit", "target", "ok"}


def measured(path: Path) -> list[dict[str, Any]]:
    """The rows that one benchmark prints; what went wrong with it is a row as well."""
    ended = subprocess.run([sys.executable, path], stdout=subprocess.PIPE, text=True, check=False)
    rows: list[dict[str, Any]] = []
    for line in ended.stdout.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict) and (row.keys() >= FIELDS or row.keys() >= {"name", "skipped"}):
            rows.append(row)
        else:
            rows.append({"name": path.stem, "error": f"not a row: {line[:80]}"})
    if ended.returncode:
        rows.append({"name": path.stem, "error": f"exit code {ended.returncode}"})
    return rows or [{"name": path.stem, "error": "no row"}]


def line(row: dict[str, Any]) -> str:
    """One line of the table."""
    name = f"{row['name']:<60}"
    if "error" in row:
        return f"{name} ERROR   {row['error']}"
    if "skipped" in row:
        return f"{name} SKIPPED {row['skipped']}"
    verdict = "ok" if row["ok"] else "MISSED"
    return f"{name} {verdict:<7} {row['value']:>10.4g} {row['unit']:<8} target {row['target']:g}"


def main(wanted: list[str]) -> int:
    """Run what is wanted (everything by default) and print the table; the exit code."""
    paths = [p for p in sorted(FOLDER.glob("bench_*.py")) if not wanted or any(word in p.stem for word in wanted)]
    if not paths:
        print(f"no benchmark in {FOLDER} matches {wanted or 'bench_*.py'}", file=sys.stderr)
        return 1
    rows = []
    for path in paths:
        for row in measured(path):
            rows.append(row)
            print(line(row), flush=True)
    return int(not all("skipped" in row or row.get("ok") for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
