"""Columns of numbers as files named after their content: what many runs have in common is kept once."""

import os
from collections.abc import Container
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sysproduction.domain.errors import DataError

SUFFIX: Final = ".npy"


class ColumnFiles:
    """The columns in a folder. A file is written under another name first, so that one with a hash's name is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, values: npt.NDArray[Any]) -> None:
        """Keep a column under its hash, unless it is there. Raises OSError where the disk refuses."""
        file = self._file(name)
        if file.exists():
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as out:
                np.save(out, values)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)

    def load(self, name: str) -> npt.NDArray[Any]:
        """The column of that hash, mapped and not read; raises DataError if its file is gone or not whole."""
        file = self._file(name)
        try:
            found: npt.NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{file}: a column of a run cannot be read: {error}") from error
        return found

    def keep_only(self, names: Container[str]) -> None:
        """Remove all but these, also what a killed writer left half written; nobody may be writing meanwhile."""
        for file in self._folder.glob("*"):
            if file.suffix != SUFFIX or file.stem not in names:
                file.unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"
