"""SQLite files that several processes write to and read at once: how they are opened, and what their errors mean."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sysproduction.domain.errors import ConfigError, DataError, Unavailable

PATIENCE_SECONDS: Final = 10.0
"""How long a writer waits for another one's transaction."""

_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")

_ROOM: Final = "make room on its disk"
_HINTS: Final = {"locked": "try again when its writer is done", "full": _ROOM, "disk": _ROOM}
_OTHERWISE: Final = "see that it and its folder can be written to"


def opened(file: Path, schema: Sequence[str], version: int) -> sqlite3.Connection:
    """A connection to the file (mode 0600), which the statements of `schema` make if it is not there; they end with
    setting `user_version` to `version`. One that is there is not written to, so that a reader waits for nobody.

    Raises Unavailable where the disk or another writer is in the way, DataError for a file that is no such database,
    ConfigError for one that a later version made.
    """
    with translated(file):
        if not file.exists():
            file.touch(mode=0o600)
        database = sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)
        for pragma in _PRAGMAS:
            database.execute(f"PRAGMA {pragma}")
        if _version(database) == 0:
            database.execute("BEGIN IMMEDIATE")
            if _version(database) == 0:
                for statement in schema:
                    database.execute(statement)
            database.execute("COMMIT")
        found = _version(database)
    if found > version:
        database.close()
        raise ConfigError(f"{file}: made by a later version (schema {found}); this one reads {version}")
    return database


def _version(database: sqlite3.Connection) -> int:
    (found,) = database.execute("PRAGMA user_version").fetchone()
    return int(found)


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """Turns what SQLite and the disk say into our errors, with the file and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        said = str(error)
        hints = (hint for word, hint in _HINTS.items() if word in said)
        raise Unavailable(f"{file}: {said}; {next(hints, _OTHERWISE)}") from error
    except sqlite3.DatabaseError as error:
        raise DataError(f"{file}: {error}; move it away to begin anew, or restore it from a backup") from error
    except OSError as error:
        raise Unavailable(f"{file}: {error.strerror or error}; {_OTHERWISE}") from error
