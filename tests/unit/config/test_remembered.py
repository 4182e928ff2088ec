"""The configuration as it was read last: the same as long as its sources are, and never an old one."""

import os
from pathlib import Path

import pytest

from sysproduction.config import remembered
from sysproduction.config.home import Home
from sysproduction.config.loading import InvalidConfig

CSV = "feed: {{kind: csv, folder: {folder}}}\n"


def write(home: Home, text: str) -> None:
    home.private_config.write_text(text, encoding="utf-8")
    home.private_config.chmod(0o600)


def test_unchanged_sources_are_not_read_again(tmp_path: Path) -> None:
    """The very same values come back, whatever happens to variables that are not ours."""
    home = Home(tmp_path)
    write(home, "mongo_database: first\n")
    first = remembered.load(home, environ={"PATH": "/bin"})
    assert remembered.load(Home(tmp_path), environ={"PATH": "/usr/bin"}) is first


def test_a_change_is_seen_though_size_and_time_are_the_same(tmp_path: Path) -> None:
    """A file is compared by what it holds."""
    home = Home(tmp_path)
    write(home, "mongo_database: first\n")
    first = remembered.load(home, environ={})
    before = home.private_config.stat()
    write(home, "mongo_database: other\n")
    os.utime(home.private_config, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = remembered.load(home, environ={})
    assert (first.settings.mongo_database, second.settings.mongo_database) == ("first", "other")


def test_a_variable_of_ours_is_seen(tmp_path: Path) -> None:
    """The environment is a source as well."""
    home = Home(tmp_path)
    remembered.load(home, environ={})
    changed = remembered.load(home, environ={"SYSPRODUCTION__MONGO_DATABASE": "other"})
    assert changed.settings.mongo_database == "other"


def test_a_bad_file_is_refused_each_time(tmp_path: Path) -> None:
    """What was right before does not stand in for it; once mended it is read."""
    home = Home(tmp_path)
    remembered.load(home, environ={})
    write(home, "mongo_databas: other\n")
    for _ in range(2):
        with pytest.raises(InvalidConfig, match="mongo_databas"):
            remembered.load(home, environ={})
    write(home, "mongo_database: other\n")
    assert remembered.load(home, environ={}).settings.mongo_database == "other"


def test_what_is_not_a_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe in the file's place is refused as ever, not waited for."""
    home = Home(tmp_path)
    os.mkfifo(home.private_config)
    with pytest.raises(InvalidConfig, match="not an ordinary file"):
        remembered.load(home, environ={})


def test_secrets_that_others_may_read_are_told_again(tmp_path: Path) -> None:
    """The mode of the private file counts, not only its text."""
    home = Home(tmp_path)
    write(home, "mongo: mongodb://me:word@host.example\n")
    assert not remembered.load(home, environ={}).warnings
    home.private_config.chmod(0o644)
    assert remembered.load(home, environ={}).warnings


def test_a_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    """The folder of the prices is looked for each time."""
    home, folder = Home(tmp_path), tmp_path / "prices"
    folder.mkdir()
    write(home, CSV.format(folder=folder))
    remembered.load(home, environ={})
    folder.rmdir()
    with pytest.raises(InvalidConfig, match="no such folder"):
        remembered.load(home, environ={})
