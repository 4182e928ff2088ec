"""Where backups go, and of what they are."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class BackupKind(StrEnum):
    """What a backup holds, and how its folder's name begins."""

    MONGO = "mongo"
    ARCTIC = "arctic"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """Backups of the `home` stand below `folder`; the newest `keep` of each kind are kept. `off_site`: where they are
    copied to, an address that rsync understands, or s3://BUCKET/FOLDER, or file:///FOLDER."""

    folder: Path
    home: Path
    keep: int = 14
    off_site: str | None = None
