"""Every key that a configuration may hold, and the nearest one to a key that it may not."""

import inspect
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from pydantic import BaseModel

from sysproduction.config.broker_settings import FaultSettings
from sysproduction.config.problems import closest
from sysproduction.config.process_models import MethodModel, ProcessModel, nested
from sysproduction.config.report_settings import OwnReportSettings
from sysproduction.config.settings import OwnRollSettings, Settings, StrategySettings
from sysproduction.config.tree import KeyPath, Node, dotted, find

WINDOWS = "process_configuration"
METHODS = "process_configuration_methods"
DEFAULT = "default"
VARIABLE = "SYSPRODUCTION__"
SECTIONS_BY_NAME: Mapping[KeyPath, type[BaseModel]] = {
    ("rolls", "instruments"): OwnRollSettings,
    ("reports", "single"): OwnReportSettings,
    ("strategies",): StrategySettings,
    ("paper", "faults"): FaultSettings,
}
"""Sections whose keys are the operator's own names, and what stands below each."""

Registry: TypeAlias = Mapping[str, Mapping[str, inspect.Signature]]
"""Process -> method -> its signature without the World."""


def known_keys(tree: Node, registry: Registry | None) -> list[KeyPath]:
    """All paths; without a registry the processes and methods that the tree itself names count as known."""
    paths: list[KeyPath] = [*_fields(Settings, ()), (WINDOWS,), (METHODS,), (WINDOWS, DEFAULT)]
    paths += _fields(ProcessModel, (WINDOWS, DEFAULT))
    for section, model in SECTIONS_BY_NAME.items():
        node, missing = find(tree, section)
        paths += [path for name in _keys(node) if not missing for path in _fields(model, (*section, name))]
    for process, methods in _names(tree, registry).items():
        paths += [(WINDOWS, process), *_fields(ProcessModel, (WINDOWS, process)), (METHODS, process)]
        for method in methods:
            paths += [(METHODS, process, method), *_fields(MethodModel, (METHODS, process, method))]
    return paths


def nearest_key(path: KeyPath, known: Iterable[KeyPath]) -> KeyPath | None:
    """The known sibling that resembles the path's last part, else a path elsewhere that ends in that part."""
    paths = list(known)
    word = str(path[-1])
    siblings = [str(p[-1]) for p in paths if p[:-1] == path[:-1]]
    elsewhere = max((p for p in paths if p[-1] == word), key=lambda p: len(set(p) & set(path)), default=None)
    near = closest(word, siblings, cutoff=0.75 if elsewhere and len(path) == 1 else 0.6)
    return (*path[:-1], near) if near else elsewhere


def said_as(path: KeyPath | None, node: Node) -> str | None:
    """A suggested key in the terms of the place that holds the wrong one: a variable, a sibling or a full path."""
    if path is None:
        return None
    if VARIABLE in (source := node.origin.source.upper()):
        rest = source.split("__")[1 + len(node.path) :]
        return VARIABLE + "__".join([*(str(part).upper() for part in path), *rest])
    return str(path[-1]) if path[:-1] == node.path[:-1] else dotted(path)


def _fields(model: type[BaseModel], prefix: KeyPath) -> list[KeyPath]:
    paths: list[KeyPath] = []
    for name in model.model_fields:
        inner = nested(model, name)
        paths += [(*prefix, name), *(_fields(inner, (*prefix, name)) if inner else ())]
    return paths


def _names(tree: Node, registry: Registry | None) -> Mapping[str, Collection[str]]:
    if registry is not None:
        return registry
    section = tree.child(METHODS)
    processes = section.value if section and section.is_map else {}
    return {name: _keys(node) for name, node in processes.items()}


def _keys(node: Node) -> list[str]:
    return list(node.value) if node.is_map else []
