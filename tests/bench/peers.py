"""Other engines in an environment of their own, installed from PyPI into the cache folder once; scripts run there."""

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sysproduction-bench-peers"
SECONDS_MAX = 1_200


def asked(python: Path | str, script: str, *words: Any) -> dict[str, Any]:
    """What a script of this folder prints, run in a process of its own."""
    done = subprocess.run(
        [str(python), str(FOLDER / script), *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=SECONDS_MAX,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peers_python(name: str) -> Path | None:
    """The interpreter of the peers' environment; None, with the reason as a skipped row of this name, if it cannot be
    made."""
    python, wanted = ENVIRONMENT / "bin" / "python", FOLDER / "peers.txt"
    stamp = ENVIRONMENT / "peers.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return python
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", "-r", wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
        print(json.dumps({"name": name, "skipped": f"they cannot be installed: {why[0]}"}), flush=True)
        return None
    stamp.write_text(wanted.read_text())
    return python
