"""The kill switch: one word in the store, which all hosts see, and one in a local file, which needs no store.

The stricter of the two holds. To stop, the file is written first; to release, the store is: whatever a crash leaves in
between is the stricter one. What cannot be read stops everything.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sysproduction.domain.errors import AlreadyExists, Conflict, Refused, Unavailable
from sysproduction.domain.gate_facts import KillState
from sysproduction.ports import Document, Documents

COLLECTION: Final = "kill_switch"
FILE: Final = "kill_switch"
_KEY: Final = "state"
_STRICTEST_LAST: Final = tuple(KillState)


@dataclass(frozen=True, slots=True)
class KillWord:
    """What the switch was set to, by whom, when and why; `by` is empty where nobody ever set it."""

    state: KillState = KillState.NORMAL
    by: str = ""
    at: datetime | None = None
    why: str = ""


class KillSwitch:
    """The switch of one home, whose folder for files of running programs is `run`."""

    def __init__(self, documents: Documents, run: Path) -> None:
        self._documents = documents
        self._path = run / FILE

    def read(self) -> KillWord | None:
        """The stricter word; None if the store cannot be reached, or either word is there but cannot be read: then
        nothing may be sent."""
        try:
            words = [self._in_store(self._documents.get(COLLECTION, _KEY)), self._in_file()]
        except (Unavailable, OSError, ValueError, KeyError, TypeError):
            return None
        return max(words, key=lambda word: _STRICTEST_LAST.index(word.state))

    def state(self) -> KillState | None:
        """What the gate goes by; None: cannot be read."""
        word = self.read()
        return None if word is None else word.state

    def set(self, word: KillWord) -> Refused | None:
        """Set both words. Refused if somebody else set the store's at the same moment (a stop stays in the file then).
        Raises Unavailable if the store cannot be written: a stop is in force on this host all the same, since the file
        was written before; a release is not."""
        if word.state is not KillState.NORMAL:
            self._write_file(word)
        stored = self._documents.get(COLLECTION, _KEY)
        try:
            if stored is None:
                self._documents.insert(COLLECTION, _KEY, _body(word))
            else:
                self._documents.replace(COLLECTION, _KEY, _body(word), stored.version)
        except (AlreadyExists, Conflict):
            return Refused("somebody else set the kill switch at the same moment: look at it and decide anew")
        self._write_file(word)
        return None

    def _in_store(self, document: Document | None) -> KillWord:
        return KillWord() if document is None else _word(dict(document.body))

    def _in_file(self) -> KillWord:
        try:
            return _word(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return KillWord()

    def _write_file(self, word: KillWord) -> None:
        """Replace the file at once and durably: a reader sees the old word or the new one, also after a power cut."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_name(f"{FILE}.{os.getpid()}")
            with fresh.open("w", encoding="utf-8") as file:
                json.dump(_body(word), file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as reason:
            raise Unavailable(f"cannot write {self._path}: {reason.strerror}; mend its folder") from reason


def _body(word: KillWord) -> dict[str, Any]:
    at = word.at.isoformat() if word.at else None
    return {"state": str(word.state), "by": word.by, "at": at, "why": word.why}


def _word(body: dict[str, Any]) -> KillWord:
    at = datetime.fromisoformat(body["at"]) if body["at"] else None
    return KillWord(KillState(body["state"]), body["by"], at, body["why"])
