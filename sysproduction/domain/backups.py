"""Where backups go."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """Backups stand below `folder`; the newest `keep` of each kind are kept."""

    folder: Path
    keep: int = 14
