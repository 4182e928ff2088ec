"""What the supervisor has accepted, kept for its children."""

from pathlib import Path

import pytest

from sysproduction.config import loading
from sysproduction.config.accepted import accept
from sysproduction.config.home import Home
from sysproduction.config.problems import InvalidConfig


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    made = Home(tmp_path / "home")
    made.create()
    return made


def test_children_read_what_was_accepted(home: Home) -> None:
    """A later edit of the private file changes nothing for them; a bad one is refused and the copy stays; without a
    private file there is no copy either."""
    home.private_config.write_text("mongo_database: first\n", encoding="utf-8")
    home.private_config.chmod(0o600)
    assert accept(home, environ={}).settings.mongo_database == "first"
    for text in ("mongo_database: second\n", "nonsense: 1\n"):
        home.private_config.write_text(text, encoding="utf-8")
        assert loading.load(home.as_accepted(), environ={}).settings.mongo_database == "first"
    with pytest.raises(InvalidConfig, match="nonsense"):
        accept(home, environ={})
    assert loading.load(home.as_accepted(), environ={}).settings.mongo_database == "first"
    home.private_config.unlink()
    assert accept(home, environ={}).settings.mongo_database == "sysproduction"
    assert not home.as_accepted().private_config.exists()


def test_the_copy_is_for_the_owner_only(home: Home) -> None:
    """It may hold secrets, whatever the mode of the file."""
    home.private_config.write_text("mongo_database: first\n", encoding="utf-8")
    accept(home, environ={})
    assert home.as_accepted().private_config.stat().st_mode & 0o777 == 0o600
