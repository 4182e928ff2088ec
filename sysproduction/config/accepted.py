"""The configuration that the supervisor has accepted: its children read this copy, so that a file which is edited
meanwhile changes nothing before it is right and a reload has taken it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.domain.errors import Unavailable


def accept(home: Home, *, environ: Mapping[str, str]) -> loading.Config:
    """The configuration of this home, which its children read from now on; raises InvalidConfig, and Unavailable if
    the copy cannot be written: then they go on with the one before."""
    kept = home.as_accepted().private_config
    candidate = kept.with_suffix(".new")
    try:
        _copy(home.private_config, candidate)
        config = loading.load(replace(home, reads=candidate), environ=environ)
        _rename(candidate, kept)
    except OSError as error:
        raise Unavailable(f"{kept}: cannot keep a copy of {home.private_config}: {error.strerror}") from error
    return replace(config, home=home)


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with suppress(FileNotFoundError):  # a home needs no private file
        content = source.read_bytes()
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)


def _rename(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
