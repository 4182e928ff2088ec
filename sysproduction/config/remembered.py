"""The configuration as it was read last, for as long as nothing that it was read from has changed: what the template
has read its children need not read again."""

import os.path
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sysproduction.config import loading
from sysproduction.config.home import Home
from sysproduction.config.layers import BYTES_MAX, SHIPPED, shipped_folder

_OURS = "SYSPRODUCTION"


@dataclass(frozen=True, slots=True)
class _Sources:
    """All that a configuration depends on: mode and content of each file (None: there is none), our variables."""

    home: Home
    files: tuple[tuple[int, bytes] | None, ...]
    variables: tuple[tuple[str, str], ...]


_last: dict[_Sources, loading.Config] = {}


def load(home: Home, *, environ: Mapping[str, str]) -> loading.Config:
    """As loading.load without a registry. Files are compared by what they hold, not by their times."""
    sources = _sources(home, environ)
    config = _last.get(sources)
    if config is not None and _has_its_folder(config):
        return config
    config = loading.load(home, environ=environ)
    _last.clear()
    if _sources(home, environ) == sources:  # else it may be of before or after a change
        _last[sources] = config
    return config


def _sources(home: Home, environ: Mapping[str, str]) -> _Sources:
    files = [*(shipped_folder() / name for name in SHIPPED), home.private_config]
    ours = sorted(item for item in environ.items() if item[0].upper().startswith(_OURS))
    return _Sources(home, tuple(map(_content, files)), tuple(ours))


def _content(path: Path) -> tuple[int, bytes] | None:
    with suppress(OSError):  # loading says what is wrong with it, if anything is
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= BYTES_MAX:
            return found.st_mode, path.read_bytes()
    return None


def _has_its_folder(config: loading.Config) -> bool:
    feed = config.settings.feed
    return feed.kind != "csv" or (feed.folder is not None and os.path.isdir(feed.folder))
