"""Copies of backups at another place: by rsync, or to whatever pyarrow has a file system for, S3 above all."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pyarrow import fs

from sysproduction.domain.errors import Unavailable

_MANIFEST: Final = "manifest.json"


def copy_off_site(target: str, folders: Sequence[Path]) -> int:
    """Copy these complete backups; how many were not there yet as far as is known. What is there is never removed.
    Raises Unavailable."""
    return _by_rsync(target, folders) if "://" not in target else _to_file_system(target, folders)


def _by_rsync(target: str, folders: Sequence[Path]) -> int:
    command = ["rsync", "--archive", "--hard-links", "--", *map(str, folders), target.rstrip("/") + "/"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable(f"rsync cannot be run ({error.strerror}): install it, or change backups.off_site") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise Unavailable(f"rsync to {target} ended with exit code {done.returncode}: {said}; check backups.off_site")
    return len(folders)


def _to_file_system(target: str, folders: Sequence[Path]) -> int:
    try:
        system, root = fs.FileSystem.from_uri(target)
        return sum(_copy(system, f"{root}/{folder.name}", folder) for folder in folders)
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"{target} cannot be written ({error}): check backups.off_site and its credentials"
        ) from error


def _copy(system: fs.FileSystem, place: str, folder: Path) -> bool:
    """Whether it was not there yet; the manifest comes last, for it says that a backup is complete."""
    if system.get_file_info(f"{place}/{_MANIFEST}").type is not fs.FileType.NotFound:
        return False
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _MANIFEST)
    for path in [*files, folder / _MANIFEST]:
        name = path.relative_to(folder).as_posix()
        system.create_dir(f"{place}/{name}".rpartition("/")[0], recursive=True)
        with path.open("rb") as source, system.open_output_stream(f"{place}/{name}") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    return True
