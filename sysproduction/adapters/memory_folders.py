"""Named folders of files kept in this process, for simulations and fast tests."""

import re
from collections.abc import Mapping
from typing import Final

from sysproduction.domain.errors import DataError

_PART: Final = re.compile(r"[A-Za-z0-9_#-][A-Za-z0-9_.#-]{0,99}")


def checked_part(part: str) -> str:
    """`part` if it can name a folder or a file; raises DataError."""
    if not _PART.fullmatch(part):
        raise DataError(f"{part!r} cannot name a folder or a file: use letters, digits, _ . # and -")
    return part


def parts_of(name: str) -> list[str]:
    """The parts of NAME or NAME/part/…; raises DataError."""
    return [checked_part(part) for part in name.split("/")]


class MemoryFolders:
    """The Folders port in memory."""

    def __init__(self) -> None:
        self._stored: dict[str, dict[str, bytes]] = {}

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """As the port."""
        self._stored["/".join(parts_of(name))] = {checked_part(file): bytes(content) for file, content in files.items()}

    def read(self, name: str, file: str) -> bytes | None:
        """As the port."""
        return self._stored.get("/".join(parts_of(name)), {}).get(checked_part(file))

    def names(self, prefix: str = "") -> list[str]:
        """As the port."""
        return sorted(name for name in self._stored if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """As the port."""
        self._stored.pop(name, None)
