"""Which files of a folder are in use, as the kernel tells of all programs that we may look at."""

import os
from contextlib import suppress
from pathlib import Path


def open_below(folder: Path) -> frozenset[Path]:
    """Files and folders below `folder` (which may be named by a link) that some program has open or works in."""
    real = str(folder.resolve()) + os.sep
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            names = [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
            for name in (*names, f"/proc/{pid}/cwd"):
                with suppress(OSError):
                    target = os.readlink(name)
                    if target.startswith(real):
                        found.add(folder / target[len(real) :])
    return frozenset(found)
