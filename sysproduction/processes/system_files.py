"""The systems that strategies name: their files read and checked, with the rules that this installation knows."""

from inspect import Signature

from sysproduction.config.systems import RuleBook, find_system, load_system
from sysproduction.domain.strategies import Strategy
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
