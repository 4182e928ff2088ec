"""Files of trading systems: what is refused, where, with which suggestion."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysproduction.config.layers import shipped_folder
from sysproduction.config.problems import InvalidConfig
from sysproduction.config.systems import find_system, load_system, narrowed
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.trading_systems import Buffering, BufferMethod, CostMethod, Quirk, SystemConfig
from sysproduction.processes.system_files import rule_book
from sysproduction.systems.catalogue import SHIPPED

SOUND = """\
instruments: [CORN, US10]
rules:
  fast: {function: ewmac, arguments: {Lfast: 8, Lslow: 32}, scalar: 5.3}
  carry: {function: carry, scalar: 30}
forecast_weights: {fast: 0.4, carry: 0.6}
instrument_weights: {CORN: 0.5, US10: 0.5}
capital: 250000
base_currency: USD
percentage_vol_target: 20
"""


def load(folder: Path, text: str) -> SystemConfig:
    """The system that the text describes."""
    path = folder / "system.yaml"
    path.write_text(text, encoding="utf-8")
    return load_system(path, rule_book())


def test_a_short_file_has_usual_values(tmp_path: Path) -> None:
    """What is left out is as usual: buffered by forecast, cash costs, no quirks."""
    config = load(tmp_path, SOUND)
    assert config.instruments == ("CORN", "US10")
    assert [rule.name for rule in config.rules] == ["fast", "carry"]
    assert config.rules[0].arguments == {"Lfast": 8, "Lslow": 32}
    assert config.buffer == Buffering()
    assert (config.costs, config.reproduce, config.forecast_cap) == (CostMethod.CASH, frozenset(), 20.0)


def test_every_key_is_taken_over(tmp_path: Path) -> None:
    """Multipliers, buffer, costs, bounds and quirks become the value's."""
    more = (
        "forecast_div_multiplier: 1.3\ninstrument_div_multiplier: 1.5\nforecast_cap: 30\ncosts: sharpe\n"
        "buffer: {method: position, size: 0.2, trade_to_edge: no, round: off}\n"
        "start: 2001-01-01\nend: 2010-01-01\nreproduce: [dead_series, missing_costs]\n"
    )
    config = load(tmp_path, SOUND + more)
    assert config.buffer == Buffering(BufferMethod.POSITION, 0.2, trade_to_edge=False, round=False)
    assert (config.forecast_div_multiplier, config.instrument_div_multiplier, config.forecast_cap) == (1.3, 1.5, 30)
    assert config.costs is CostMethod.SHARPE
    assert config.reproduce == {Quirk.DEAD_SERIES, Quirk.MISSING_COSTS}
    assert (config.start.year, config.end.year) == (2001, 2010)
    assert load(tmp_path, SOUND + "reproduce: all\n").reproduce == frozenset(Quirk)


def test_a_date_as_the_end_is_its_whole_day(tmp_path: Path) -> None:
    """The evening of the last day belongs to it; a moment is what it says."""
    evening = datetime(2010, 1, 1, 23, tzinfo=UTC)
    assert load(tmp_path, SOUND + "end: 2010-01-01\n").end > evening
    assert load(tmp_path, SOUND + "end: 2010-01-01T23:00\n").end == evening
    assert load(tmp_path, SOUND + "start: 2010-01-01\n").start == datetime(2010, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["chapter15", "diversified"])
def test_shipped_systems_are_sound(name: str) -> None:
    """They are found by name, and each of their rules has a weight or is shown only."""
    path = find_system(name)
    assert path.parent == shipped_folder() / "systems"
    config = load_system(path, rule_book())
    assert set(config.forecast_weights) <= {rule.name for rule in config.rules}
    assert set(config.instrument_weights) == set(config.instruments)
    assert {rule.function for rule in config.rules} <= set(SHIPPED)


CASES = {
    "a misspelt key": (
        "capital:",
        "captial:",
        ["system.yaml:7: captial: unknown key; did you mean capital?", "capital"],
    ),
    "no capital": ("capital: 250000\n", "", ["capital: is missing"]),
    "capital 0": ("250000", "0", [":7: capital: must be an amount above 0, but is 0"]),
    "capital in words": ("250000", "lots", [":7: capital: must be an amount above 0, but is the text 'lots'"]),
    "no such function": ("function: ewmac", "function: emwac", [":3: rules.fast.function:", "did you mean ewmac?"]),
    "no such argument": (
        "Lfast: 8",
        "Lfats: 8",
        [":3: rules.fast.arguments.Lfats: unknown argument", "needs the argument Lfast"],
    ),
    "a wrong argument": ("Lfast: 8", "Lfast: quick", [":3: rules.fast.arguments.Lfast: must be a whole number"]),
    "a rule without scalar": ("carry, scalar: 30", "carry", [":4: rules.carry.scalar: is missing"]),
    "a scalar of 0": ("scalar: 30", "scalar: 0", [":4: rules.carry.scalar: must be a number above 0, but is 0"]),
    "a rule that is a word": ("{function: carry, scalar: 30}", "carry", [":4: rules.carry: must be a map"]),
    "an unknown key of a rule": ("scalar: 30", "scaler: 30", [":4: rules.carry.scaler: unknown key; did you mean"]),
    "weights that do not sum": (
        "carry: 0.6}",
        "carry: 0.7}",
        [":5: forecast_weights: the shares sum to 1.1, but must sum to 1"],
    ),
    "a weight of no rule": (
        "fast: 0.4",
        "fats: 0.4",
        [":5: forecast_weights.fats: there is no rule of this name", "did you mean fast?"],
    ),
    "a negative weight": ("CORN: 0.5", "CORN: -0.5", [":6: instrument_weights"]),
    "an instrument without weight": (
        "[CORN, US10]",
        "[CORN, US10, MXP]",
        [":1: instruments[2]: MXP has no share in instrument_weights"],
    ),
    "a weight of no instrument": ("[CORN, US10]", "[CORN]", [":6: instrument_weights.US10: there is no instrument"]),
    "an instrument twice": ("[CORN, US10]", "[CORN, CORN]", [":1: instruments: names an instrument twice"]),
    "no instruments": ("[CORN, US10]", "[]", [":1: instruments: is an empty list"]),
    "a currency in small letters": (
        "USD",
        "usd",
        [":8: base_currency: must be three capital letters", "did you mean USD?"],
    ),
    "a target of 0": ("target: 20", "target: 0", [":9: percentage_vol_target: must be a number of percent"]),
    "an unknown quirk": (
        "target: 20",
        "target: 20\nreproduce: [dead_serie]",
        [":10: reproduce: holds 'dead_serie'", "did you mean dead_series?"],
    ),
    "an unknown buffer": (
        "target: 20",
        "target: 20\nbuffer: {method: forcast}",
        [":10: buffer.method: must be forecast, position or none", "did you mean forecast?"],
    ),
    "a misspelt key of the buffer": (
        "target: 20",
        "target: 20\nbuffer: {sise: 0.1}",
        [":10: buffer.sise: unknown key; did you mean size?"],
    ),
    "an end before the start": (
        "target: 20",
        "target: 20\nstart: 2020-01-01\nend: 2010-01-01",
        [":11: end: end is not after start"],
    ),
    "unknown costs": (
        "target: 20",
        "target: 20\ncosts: cahs",
        [":10: costs: must be cash, sharpe or none", "did you mean cash?"],
    ),
    "not a map": (SOUND, "- 1\n", ["must be a map of indented keys"]),
    "not YAML": ("rules:", "rules", [":2: a colon is missing"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    """Line, key, reason and suggestion are said."""
    old, new, words = CASES[name]
    assert old in SOUND
    with pytest.raises(InvalidConfig) as caught:
        load(tmp_path, SOUND.replace(old, new, 1))
    for said in words:
        assert said in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Three wrong keys give three problems, in reading order."""
    text = SOUND.replace("scalar: 30", "scalar: -1").replace("USD", "dollars").replace("250000", "0")
    with pytest.raises(InvalidConfig) as caught:
        load(tmp_path, text)
    assert [problem.line for problem in caught.value.problems] == [4, 7, 8]


def test_rules_that_cannot_be_loaded_are_told_with_their_line(tmp_path: Path) -> None:
    """A dotted path that leads nowhere is a problem of the file."""
    with pytest.raises(InvalidConfig, match=r":3: rules\.fast\.function: .*there is no module nowhere"):
        load(tmp_path, SOUND.replace("function: ewmac", "function: nowhere.rule"))


def test_a_file_that_is_not_there_suggests_a_shipped_system() -> None:
    """A misspelt name gives the nearest shipped one."""
    with pytest.raises(ConfigError, match="did you mean chapter15"):
        find_system("chapter-15")


def test_a_narrowed_system_shares_its_weights_anew(tmp_path: Path) -> None:
    """Some instruments keep their proportions; unknown ones are refused with a suggestion."""
    config = load(tmp_path, SOUND.replace("CORN: 0.5, US10: 0.5", "CORN: 0.25, US10: 0.75"))
    assert narrowed(config, ["US10"]).instrument_weights == {"US10": 1.0}
    with pytest.raises(ConfigError, match="CRON is not an instrument of this system: did you mean CORN"):
        narrowed(config, ["CRON"])
