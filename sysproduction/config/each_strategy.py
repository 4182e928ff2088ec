"""Processes with a method for each strategy: one entry in the YAML stands for the methods of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import Signature
from typing import Final

from sysproduction.config.problems import ConfigProblem
from sysproduction.config.tree import Node, merge
from sysproduction.config.vocabulary import METHODS, Registry

EACH: Final = "each_strategy"
"""The key that stands for the methods of all strategies; a strategy's own key is laid over it."""

STRATEGIES: Final = "strategies"


def strategy_names(tree: Node) -> list[str]:
    """The strategies that the tree configures."""
    section = tree.child(STRATEGIES)
    return list(section.value) if section is not None and section.is_map else []


def with_each_strategy(tree: Node, problems: list[ConfigProblem]) -> Node:
    """The tree with a method for each strategy wherever EACH stands; with no strategy EACH stays, and means nothing."""
    section, names = tree.child(METHODS), strategy_names(tree)
    if section is None or not section.is_map or not names:
        return tree
    expanded = {process: _expanded(node, names, problems) for process, node in section.value.items()}
    return replace(tree, value={**tree.value, METHODS: replace(section, value=expanded)})


def _expanded(node: Node, names: Sequence[str], problems: list[ConfigProblem]) -> Node:
    each = node.child(EACH) if node.is_map else None
    if each is None:
        return node
    usual = replace(each, value={}) if each.value is None else each
    own = {name: child for name, child in node.value.items() if name != EACH}
    methods = {name: _laid_over(usual, own.pop(name, None), problems) for name in names}
    return replace(node, value={**methods, **own})


def _laid_over(usual: Node, own: Node | None, problems: list[ConfigProblem]) -> Node:
    return usual if own is None else replace(merge(usual, own, problems), path=own.path, origin=own.origin)


def for_strategies(registry: Registry | None, tree: Node) -> Registry | None:
    """The registry with the configured strategies as methods of the processes that have one for each."""
    names = strategy_names(tree)
    if registry is None or not names:
        return registry
    return {process: _named(methods, names) for process, methods in registry.items()}


def _named(methods: Mapping[str, Signature], names: Sequence[str]) -> Mapping[str, Signature]:
    return dict.fromkeys(names, methods[EACH]) if EACH in methods else methods
