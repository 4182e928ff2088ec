"""The program mongodump, of MongoDB's Database Tools: run, waited for, and obeyed."""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from sysproduction.domain.errors import Unavailable

SECONDS_MAX: Final = 3600.0
"""How long it may take; a backup that takes longer is none."""


def dump(program: Path, uri: str, database: str, folder: Path, *, seconds_max: float = SECONDS_MAX) -> None:
    """Let it write every collection of a database into the folder, COLLECTION.bson and COLLECTION.metadata.json.

    Raises Unavailable, with its last words, if it cannot be run, takes too long, or ends with another exit code than 0.
    """
    with tempfile.TemporaryDirectory(prefix="mongodump-", dir=folder) as made:
        address = Path(made) / "address.yaml"  # on the command line everybody on the host could read the password
        address.touch(mode=0o600)
        address.write_text(f"uri: {json.dumps(without_database(uri))}\n", encoding="utf-8")
        _run([str(program), "--config", str(address), "--db", database, "--out", made], program, seconds_max)
        for path in sorted((Path(made) / database).glob("*")):
            if path.name.endswith((".bson", ".metadata.json")) and not path.name.startswith("system."):
                path.rename(folder / path.name)


def without_database(uri: str) -> str:
    """The address without the database in its path, which mongodump refuses beside --db; where a user is named that
    database stays the one that knows him."""
    parts = urlsplit(uri)
    named = parts.path.strip("/")
    query = parts.query
    if "@" in parts.netloc and named and "authSource=" not in query:
        query = "&".join(filter(None, [query, f"authSource={named}"]))
    return urlunsplit(parts._replace(path="/", query=query))


def _run(command: list[str], program: Path, seconds_max: float) -> None:
    hint = "see that it fits the server, or change backups.mongodump"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=seconds_max
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{program} was stopped after {seconds_max:g} s without an end; {hint}") from error
    except OSError as error:
        raise Unavailable(f"{program} cannot be run ({error.strerror}); {hint}") from error
    if done.returncode:
        said = ([line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"])[-1]
        shown = re.sub(r"//[^@/\s]*@", "//***@", said.strip())
        raise Unavailable(f"{program} ended with exit code {done.returncode}: {shown}; {hint}")
