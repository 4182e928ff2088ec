"""The one door to the configuration: read every layer, check everything, and give frozen values or all problems."""

import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from sysproduction.config.checks import Findings, validate
from sysproduction.config.dependencies import check_dependencies
from sysproduction.config.each_strategy import for_strategies, with_each_strategy
from sysproduction.config.home import Home
from sysproduction.config.layers import Override, assemble
from sysproduction.config.problems import ConfigProblem, InvalidConfig
from sysproduction.config.process_models import MethodModel, ProcessModel, nested
from sysproduction.config.processes import Draft, draft_processes, process_spec
from sysproduction.config.secret import HIDDEN
from sysproduction.config.settings import SECRETS, Settings
from sysproduction.config.strays import stray_variables
from sysproduction.config.surroundings import Surroundings, check_surroundings
from sysproduction.config.tree import KeyPath, Node, dotted, find, plain
from sysproduction.config.vocabulary import METHODS, WINDOWS, Registry, known_keys
from sysproduction.config.words import EMBEDDED
from sysproduction.domain.processes import ProcessSpec

__all__ = ["Config", "ConfigProblem", "InvalidConfig", "Override", "Registry", "Row", "load"]


@dataclass(frozen=True, slots=True)
class Row:
    """One effective value: a JSON value ("***" for a secret) and where it came from ("built in", FILE:LINE, …)."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that has passed every check. `processes` are the enabled ones in configured order."""

    home: Home
    settings: Settings
    processes: tuple[ProcessSpec, ...]
    warnings: tuple[ConfigProblem, ...] = ()
    rows: tuple[Row, ...] = ()


def load(
    home: Home,
    *,
    environ: Mapping[str, str],
    overrides: Sequence[Override] = (),
    registry: Registry | None = None,
    around: Surroundings | None = None,
) -> Config:
    """Read and check everything; raises InvalidConfig with all problems at once.

    Without a `registry` the names and arguments of processes and methods are not checked, and without `around` neither
    is whether the feed has the named instruments and whether market time begins too far ahead.
    """
    problems: list[ConfigProblem] = []
    layers = assemble(home, environ=environ, overrides=overrides, problems=problems)
    if layers is None:
        raise InvalidConfig(_in_order(problems))
    tree, shipped = with_each_strategy(layers[0], problems), layers[1]
    registry = for_strategies(registry, tree)
    known = known_keys(tree, registry)
    strays, warnings = stray_variables(environ, known)
    findings = Findings([*problems, *strays], known)
    settings = validate(Settings, _settings(tree), findings, shipped)
    drafts = draft_processes(tree, registry, findings)
    specs = [process_spec(draft, registry, findings) for draft in drafts]
    check_dependencies(drafts, findings.problems, warnings)
    if settings is not None and around is not None:
        check_surroundings(tree, settings, around, findings.problems)
    exposed = _exposed_secrets(home, tree)
    live = settings is not None and settings.environment == "live"
    (findings.problems if live else warnings).extend(exposed)
    if findings.problems or settings is None:
        raise InvalidConfig(_in_order(findings.problems))
    processes = tuple(spec for draft, spec in zip(drafts, specs, strict=True) if spec is not None and draft.enabled)
    rows = tuple(_rows(tree, drafts))
    return Config(home, settings, processes, tuple(_in_order(warnings)), rows)


def _settings(tree: Node) -> Node:
    return replace(tree, value={key: node for key, node in tree.value.items() if key not in (WINDOWS, METHODS)})


def _in_order(problems: Sequence[ConfigProblem]) -> list[ConfigProblem]:
    """Each once, by file and line."""
    return sorted(dict.fromkeys(problems), key=lambda p: (p.line is None, p.source, p.line or 0))


def _exposed_secrets(home: Home, tree: Node) -> list[ConfigProblem]:
    """Secrets in a private file that other users of the machine may read."""
    source = str(home.private_config)
    nodes = [found for secret in SECRETS for found, rest in [find(tree, secret)] if not rest]
    mine = [n for n in nodes if n.origin.source == source and n.value not in (None, EMBEDDED)]
    if not mine or not (mode := stat.S_IMODE(home.private_config.stat().st_mode)) & 0o077:
        return []
    reason = f"is a secret in a file that others may read (mode {mode:04o}): chmod 600 {source}"
    return [node.problem(reason) for node in mine]


def _rows(tree: Node, drafts: Sequence[Draft]) -> Iterator[Row]:
    yield from _model_rows(Settings, _settings(tree), ())
    for draft in drafts:
        yield from _model_rows(ProcessModel, draft.node, (WINDOWS, draft.name))
    for draft in drafts:
        for name, node in draft.methods.value.items():
            yield from _model_rows(MethodModel, node, (METHODS, draft.name, name))


def _model_rows(model: type[BaseModel], node: Node | None, path: KeyPath) -> Iterator[Row]:
    for key, field in model.model_fields.items():
        child, here = node.child(key) if node is not None else None, (*path, key)
        if (inner := nested(model, key)) is not None:
            yield from _model_rows(inner, child, here)
        elif child is None:
            default = field.get_default(call_default_factory=False)
            yield Row(dotted(here), sorted(default) if isinstance(default, frozenset) else default, "built in")
        else:
            yield Row(dotted(here), _redacted(child, here), str(child.origin))


def _redacted(node: Node, path: KeyPath) -> Any:
    value = plain(node)
    return HIDDEN if path in SECRETS and value not in (None, EMBEDDED) else json.loads(json.dumps(value))
