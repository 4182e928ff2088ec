"""Homes for the command: empty, imported from a small folder of recorded prices, or with its database kept up."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import configure, private_home, right, served_home
from tests.recorded_folder import write_folder

SETTINGS = """\
feed:
  kind: csv
  folder: {folder}
clock:
  start: 2023-02-28
  speed: 60
  fast_speed: 100000
"""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of recorded prices."""
    return write_folder(tmp_path_factory.mktemp("recorded") / "prices")


@pytest.fixture(scope="session")
def settings(recorded: Path) -> str:
    """A private configuration: those prices, and a market clock that begins on the day of the roll."""
    return SETTINGS.format(folder=recorded)


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory, recorded: Path, settings: str) -> Iterator[Path]:
    """A home that holds the prices up to the evening before the roll; only to be copied."""
    with private_home(tmp_path_factory.mktemp("imported") / "home") as home:
        configure(home, settings)
        right(home, "import", "csv", str(recorded), "--until", "2023-02-27")
        yield home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home, of which nothing runs at the end."""
    with private_home(tmp_path / "home") as path:
        yield path


@pytest.fixture
def own(tmp_path: Path, imported: Path) -> Iterator[Path]:
    """A copy of the imported home."""
    with private_home(tmp_path / "home") as path:
        shutil.copytree(imported, path, dirs_exist_ok=True)
        yield path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, imported: Path) -> Iterator[Path]:
    """A copy of the imported home whose database stays up; tests leave it as they found it."""
    path = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(imported, path)
    with served_home(path) as home:
        yield home
