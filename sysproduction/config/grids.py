"""A grid of parameters for a system: a YAML map from dotted keys to lists of values, and the systems it makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Final

from sysproduction.config.layers import read_file
from sysproduction.config.problems import ConfigProblem, InvalidConfig
from sysproduction.config.systems import RuleBook, check_system, read_system
from sysproduction.config.tree import Node, Origin, described, dotted, nest, plain
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.trading_systems import SystemConfig

VARIANTS_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of the grid: a value for each dotted key, and the system with them, or why it cannot be."""

    values: Mapping[str, Any]
    system: SystemConfig | ConfigError


def variants(system: Path, grid: Path, book: RuleBook) -> list[Variant]:
    """Every combination of the grid's values laid over the system's file, the last key changing fastest. A variant that
    is not valid carries its problems.

    Raises InvalidConfig if a file cannot be read, or if every variant is invalid: then with the first one's problems.
    """
    base, axes = read_system(system), _axes(grid)
    made = []
    for choice in product(*axes.values()):
        values = dict(zip(axes, choice, strict=True))
        made.append(Variant({key: plain(node) for key, node in values.items()}, _system(base, values, book)))
    faults = [variant.system for variant in made if isinstance(variant.system, ConfigError)]
    if len(faults) == len(made):
        raise faults[0]
    return made


def _axes(path: Path) -> dict[str, tuple[Node, ...]]:
    problems: list[ConfigProblem] = []
    tree = read_file(path, 1, problems)
    if tree is None:
        raise InvalidConfig(problems)
    if not tree.is_map or not tree.value:
        example = "dotted keys with lists of values, such as `buffer.size: [0.05, 0.1]`"
        raise InvalidConfig([tree.problem(f"must be a map of {example}, but is {described(tree)}")])
    axes: dict[str, tuple[Node, ...]] = {}
    for key, node in _flat(tree):
        if not isinstance(node.value, tuple) or not node.value:
            problems.append(node.problem(f"must be a list of values to try, but is {described(node)}"))
        else:
            axes[key] = node.value
    count = prod(len(values) for values in axes.values())
    if count > VARIANTS_MAX:
        problems.append(tree.problem(f"makes {count} combinations; at most {VARIANTS_MAX} are run"))
    if problems:
        raise InvalidConfig(problems)
    return axes


def _flat(node: Node) -> list[tuple[str, Node]]:
    """The lists with their dotted keys; keys may be nested as well as dotted."""
    found: list[tuple[str, Node]] = []
    for child in node.value.values():
        found += _flat(child) if child.is_map else [(dotted(child.path), child)]
    return found


def _system(base: Node, values: Mapping[str, Node], book: RuleBook) -> SystemConfig | ConfigError:
    tree = base
    for key, node in values.items():
        said = Origin(f"{node.origin} ({key}: {described(node)})")
        tree = _laid(tree, tuple(key.split(".")), nest(plain(node), said, tuple(key.split("."))))
    try:
        return check_system(tree, book)
    except ConfigError as fault:
        return fault


def _laid(tree: Node, path: tuple[str, ...], node: Node) -> Node:
    """The tree with the node in place of whatever was at the path."""
    if not path:
        return node
    keys = dict(tree.value) if tree.is_map else {}
    below = keys.get(path[0], Node({}, node.origin, (*tree.path, path[0])))
    keys[path[0]] = _laid(below, path[1:], node)
    return Node(keys, tree.origin, tree.path)
