"""Reports that could not be delivered and are tried again with the next one."""

from typing import Final

from sysproduction.domain.errors import AlreadyExists, Conflict
from sysproduction.ports import Documents

COLLECTION: Final = "undelivered_reports"
KEPT: Final = 100
"""So many a channel, the newest; each also stands in its folder."""


class Undelivered:
    """Typed access to the collection `undelivered_reports`: a document a channel and folder of a report."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def of(self, channel: str) -> list[str]:
        """Folders of what waits for this channel, oldest day first."""
        return [str(one.body["folder"]) for one in self._documents.find(COLLECTION, equal={"channel": channel})]

    def add(self, channel: str, folder: str) -> None:
        """Remember one; the oldest beyond KEPT are forgotten."""
        try:
            self._documents.insert(COLLECTION, f"{channel}/{folder}", {"channel": channel, "folder": folder})
        except AlreadyExists:
            return
        for old in self.of(channel)[:-KEPT]:
            self.remove(channel, old)

    def remove(self, channel: str, folder: str) -> None:
        """It was delivered; no error if it is not there."""
        stored = self._documents.get(COLLECTION, f"{channel}/{folder}")
        if stored is not None:
            try:
                self._documents.delete(COLLECTION, stored.key, stored.version)
            except Conflict:
                return
