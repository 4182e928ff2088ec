"""The systems that strategies name: their files read and checked, with the rules that this installation knows."""

from inspect import Signature

from sysproduction.config.problems import ConfigProblem, InvalidConfig
from sysproduction.config.systems import RuleBook, find_system, load_system
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.strategies import Strategies, Strategy
from sysproduction.domain.trading_systems import SystemConfig
from sysproduction.systems import catalogue
from sysproduction.systems.ingredients import INGREDIENTS


def rule_book() -> RuleBook:
    """The trading rules that a system's file may name."""

    def find(name: str) -> Signature:
        return catalogue.signature(catalogue.find_rule(name), INGREDIENTS)

    return RuleBook(catalogue.rule_names(), find)


def system_of(strategy: Strategy) -> SystemConfig:
    """The strategy's system; raises ConfigError, with every problem of its file, if it cannot be used."""
    return load_system(find_system(strategy.system), rule_book())


def check_systems(strategies: Strategies) -> None:
    """Raises InvalidConfig with everything that is wrong with the systems of all strategies."""
    found: list[ConfigProblem] = []
    for name, strategy in strategies.by_name.items():
        try:
            system_of(strategy)
        except InvalidConfig as invalid:
            found += invalid.problems
        except ConfigError as error:
            found.append(ConfigProblem("the configuration", None, f"strategies.{name}.system", str(error)))
    if found:
        raise InvalidConfig(list(dict.fromkeys(found)))
