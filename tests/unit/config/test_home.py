"""The home folder."""

import stat
from pathlib import Path

import pytest

from sysproduction.config.home import Home, resolve_home
from sysproduction.domain.errors import ConfigError


def test_the_option_goes_before_the_variable_and_the_variable_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """--home wins over SYSPRODUCTION_HOME, which wins over ~/.sysproduction."""
    monkeypatch.setenv("HOME", "/home/trader")
    environ = {"SYSPRODUCTION_HOME": "/srv/variable"}
    assert resolve_home("/srv/option", environ).path == Path("/srv/option")
    assert resolve_home(None, environ).path == Path("/srv/variable")
    assert resolve_home(None, {"SYSPRODUCTION_HOME": ""}).path == Path("/home/trader/.sysproduction")
    assert resolve_home("~/x", {}).path == Path("/home/trader/x")


def test_a_relative_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that start in another folder find the same home."""
    monkeypatch.chdir(tmp_path)
    assert resolve_home("mine", {}).path == tmp_path / "mine"


@pytest.mark.parametrize("named", ["/tmp/a\0b", "~nosuchuser/x"])
def test_an_impossible_home_is_refused(named: str) -> None:
    """A name that can be no folder is a ConfigError that says how to name another."""
    with pytest.raises(ConfigError, match="home"):
        resolve_home(named, {})


def test_create_makes_every_folder_for_the_owner_only(tmp_path: Path) -> None:
    """All folders exist afterwards with mode 0700, and a second call changes nothing."""
    home = Home(tmp_path / "deep" / "home")
    home.create()
    home.create()
    for folder in (home.path, home.data, home.mongo, home.arctic, home.logs, home.run):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert home.private_config == home.path / "private_config.yaml"
    assert not home.private_config.exists()


def test_a_file_in_place_of_the_home_is_a_clear_error(tmp_path: Path) -> None:
    """The message names the path and what to do."""
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigError, match=r"home: cannot make this folder.*a file is in its place.*--home"):
        Home(tmp_path / "home").create()
