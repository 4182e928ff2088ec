"""What `backtest bars` costs over 1,000 bars of secmaster.db in a fresh process, its imports left out: a first process
finds out what it imports, a second one imports that and is measured. Prints one JSON object with CPU seconds."""

import importlib
import json
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import pandas as pd
from engine_market import columns, stamps
from measuring import environment, fresh_home

BARS = 1_000
WORDS = ("MovingAverageCross", "--symbols", "S0", "--source", "secmaster", "--period", "MINUTE", "--json")


def ran(home: Path, *words: str) -> dict[str, object]:
    """What the command prints, run inside this process."""
    from sysproduction.ops.main import main as command

    with redirect_stdout(StringIO()) as said:
        code = command(["--home", str(home), *words])
    assert code == 0, said.getvalue()
    found = json.loads(said.getvalue())
    return found if isinstance(found, dict) else found[0]


def imported(home: Path) -> None:
    """Print the modules that a run of the command has."""
    ran(home, "backtest", "bars", *WORDS)
    print(json.dumps([name for name in sys.modules if name != "__main__"]))


def measured(home: Path, names: list[str]) -> None:
    """Print what it costs once they are imported."""
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)
    begun = time.process_time()
    result = ran(home, "backtest", "bars", *WORDS)
    seconds = time.process_time() - begun
    assert result["bars"] == BARS, result
    print(json.dumps({"seconds": seconds}))


def child(*words: str) -> str:
    """The last line that this script prints with these words, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, *words], env=environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def main() -> None:
    """The bars come from a file of CSV."""
    with tempfile.TemporaryDirectory() as folder, fresh_home("") as home:
        file = Path(folder) / "S0.csv"
        pd.DataFrame({"ts_event": pd.to_datetime(stamps(BARS)), **columns(0, BARS)}).to_csv(file, index=False)
        ran(home, "secmaster", "ingest", str(file), "--period", "minute", "--json")
        print(child("measured", str(home), child("imported", str(home))))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    elif sys.argv[1] == "imported":
        imported(Path(sys.argv[2]))
    else:
        measured(Path(sys.argv[2]), json.loads(sys.argv[3]))
