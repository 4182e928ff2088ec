"""Rules by name, from other packages, and what a configuration must supply to one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysproduction.domain.errors import ConfigError
from sysproduction.systems import catalogue
from sysproduction.systems.ingredients import INGREDIENTS


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that offers two rules, one of which is not there."""
    (tmp_path / "offered_rules.py").write_text("def flat(price):\n    return price * 0.0 + 1.0\n")
    information = tmp_path / "offered-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    points = "[sysproduction.rules]\nflat = offered_rules:flat\ntorn = offered_rules:torn\n"
    (information / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue._offered.cache_clear()
    yield
    catalogue._offered.cache_clear()
    sys.modules.pop("offered_rules", None)


@pytest.mark.usefixtures("package")
def test_another_package_offers_a_rule_by_name() -> None:
    """A rule of the entry point group is found like a shipped one, and listed; it is given all instruments at once."""
    assert catalogue.find_rule("flat")(2.0) == 1.0
    assert "flat" in catalogue.rule_names()
    assert not catalogue.is_separable("flat")
    with pytest.raises(ConfigError, match="the module offered_rules has no torn"):
        catalogue.find_rule("torn")


def test_what_is_not_a_function_is_refused() -> None:
    """A dotted path must lead to something that can be called."""
    with pytest.raises(ConfigError, match=r"rule math\.pi is not a function"):
        catalogue.find_rule("math.pi")


def test_a_configuration_supplies_what_is_no_ingredient() -> None:
    """Parameters that name ingredients are given; the others are the file's arguments."""
    said = catalogue.signature(catalogue.find_rule("relative_momentum"), INGREDIENTS)
    assert list(said.parameters) == ["horizon"]
    every = {name for rule in catalogue.SHIPPED for name in catalogue.signature(catalogue.SHIPPED[rule], {}).parameters}
    assert {"price", "vol", "raw_carry", "normalised_price", "class_price", "percentage_returns"} <= every
