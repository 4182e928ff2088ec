"""The control shell: from the line that was typed to the end of its answer, in a home whose database runs."""

import contextlib
import io
import os
import time
from pathlib import Path
from statistics import median

from measuring import fresh_home, row

from sysproduction.config.home import Home
from sysproduction.ops.kept_session import KeptSession
from sysproduction.ops.shell import Shell

LINES = ("kill show", "orders show", "positions show", "status")
REPEATS = 25


def main() -> None:
    """The median of each of four commands, after a first time that imports what it needs."""
    with fresh_home("environment: demo\n") as path:
        kept = KeptSession(Home(Path(os.fspath(path))))
        shell = Shell(kept)
        for line in LINES:
            taken = []
            for _ in range(REPEATS + 1):
                begun = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):
                    assert shell.run(line) == 0
                taken.append((time.perf_counter() - begun) * 1000)
            row(f"shell: {line}", median(taken[1:]), "ms", 150.0)
        kept.close()


if __name__ == "__main__":
    main()
