"""A trading system's file: read, checked as a whole, and made into a frozen value or all its problems."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from sysproduction.config.arguments import check_arguments
from sysproduction.config.checks import Findings, validate
from sysproduction.config.layers import read_file, shipped_folder
from sysproduction.config.problems import ConfigProblem, InvalidConfig, closest
from sysproduction.config.process_models import nested
from sysproduction.config.system_models import RuleModel, SystemModel
from sysproduction.config.tree import KeyPath, Node, a_map, described
from sysproduction.domain.errors import ConfigError
from sysproduction.domain.trading_systems import RuleSpec, SystemConfig

RULES: Final = "rules"
FOLDER: Final = "systems"


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The trading rules that a file may name: those that need no dotted path, and how to find what a configuration must
    supply to one (its signature without what it is given); `find` raises ConfigError."""

    names: Sequence[str]
    find: Callable[[str], inspect.Signature]


def load_system(path: Path, book: RuleBook) -> SystemConfig:
    """Read and check the file; raises InvalidConfig with all problems at once."""
    return check_system(read_system(path), book)


def read_system(path: Path) -> Node:
    """The tree of a system's file; raises InvalidConfig if it cannot be read or holds no map."""
    problems: list[ConfigProblem] = []
    tree = read_file(path, 0, problems)
    if tree is None:
        raise InvalidConfig(problems)
    if not tree.is_map:
        reason = f"must be {a_map(SystemModel.model_fields)}, but is {described(tree)}"
        raise InvalidConfig([tree.problem(reason)])
    return tree


def check_system(tree: Node, book: RuleBook) -> SystemConfig:
    """The frozen value of a system's tree; raises InvalidConfig with all problems at once."""
    findings = Findings([], _known())
    model = validate(SystemModel, tree, findings, Node({}, tree.origin))
    scalars_estimated = model is None or model.estimate.forecast_scalars.enabled
    rules = _rules(tree.child(RULES), book, findings, scalars_estimated)
    _check_names(tree, findings)
    if findings.problems or model is None:
        raise InvalidConfig(sorted(dict.fromkeys(findings.problems), key=lambda problem: problem.line or 0))
    return _frozen(model, rules)


def find_system(name: str) -> Path:
    """The file of that name, else the shipped system so called; raises ConfigError."""
    path = Path(name)
    shipped = {file.stem: file for file in sorted((shipped_folder() / FOLDER).glob("*.yaml"))}
    if path.exists() or name not in shipped:
        if not path.exists():
            near = closest(name, shipped)
            hint = f"did you mean {near}?" if near else f"shipped systems are {', '.join(shipped)}"
            raise ConfigError(f"{name}: there is no such file; {hint}")
        return path
    return shipped[name]


def narrowed(config: SystemConfig, codes: Sequence[str]) -> SystemConfig:
    """The system with some of its instruments only, their weights normalised; raises ConfigError for another one or
    where none of them has a weight."""
    for code in codes:
        if code not in config.instruments:
            near = closest(code, config.instruments)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(config.instruments)}"
            raise ConfigError(f"{code} is not an instrument of this system: {hint}")
    kept = [code for code in config.instruments if code in codes]
    total = sum(config.instrument_weights[code] for code in kept)
    if total <= 0:
        raise ConfigError(f"none of {', '.join(kept)} has a weight in this system")
    weights = {code: config.instrument_weights[code] / total for code in kept}
    return replace(config, instruments=tuple(kept), instrument_weights=weights)


def _rules(section: Node | None, book: RuleBook, findings: Findings, scalars_estimated: bool) -> list[RuleSpec]:
    if section is None or not section.is_map:
        return []
    specs = []
    for name, node in section.value.items():
        known = Findings(findings.problems, [(RULES, name, key) for key in RuleModel.model_fields])
        model = validate(RuleModel, node, known, Node({}, node.origin)) if _is_map(node, findings) else None
        if model is not None:
            _check_rule(node, model.function, book, findings)
            if model.scalar is None and not scalars_estimated:
                findings.problems.append(node.problem("is missing", below=("scalar",)))
            specs.append(RuleSpec(name, model.function, model.scalar, dict(model.arguments)))
    return specs


def _is_map(node: Node, findings: Findings) -> bool:
    if not node.is_map:
        findings.problems.append(node.problem(f"must be {a_map(RuleModel.model_fields)}, but is {described(node)}"))
    return node.is_map


def _check_rule(node: Node, function: str, book: RuleBook, findings: Findings) -> None:
    at = node.child("function")
    assert at is not None
    if function not in book.names and "." not in function:
        reason = f"there is no rule {function!r}: known are {', '.join(book.names)}, or package.module.function"
        findings.problems.append(at.problem(reason, suggestion=closest(function, book.names)))
        return
    try:
        check_arguments(node, book.find(function), findings)
    except ConfigError as fault:
        findings.problems.append(at.problem(str(fault)))


def _check_names(tree: Node, findings: Findings) -> None:
    """Weights must be of rules and instruments that there are, and every instrument must have one."""
    _check_keys(tree.child("forecast_weights"), _keys(tree.child(RULES)), "rule", findings)
    listed, weights = tree.child("instruments"), tree.child("instrument_weights")
    if listed is None or not isinstance(listed.value, tuple):
        return
    codes = [node.value for node in listed.value if isinstance(node.value, str)]
    _check_keys(weights, codes, "instrument", findings)
    if weights is not None and weights.is_map:
        for node in listed.value:
            if isinstance(node.value, str) and node.value not in weights.value:
                findings.problems.append(node.problem(f"{node.value} has no share in instrument_weights"))


def _check_keys(weights: Node | None, names: Sequence[str], kind: str, findings: Findings) -> None:
    if weights is None or not weights.is_map or not names:
        return
    for name, node in weights.value.items():
        if name not in names:
            reason = f"there is no {kind} of this name in {RULES if kind == 'rule' else 'instruments'}"
            findings.problems.append(node.problem(reason, suggestion=closest(name, names)))


def _keys(node: Node | None) -> list[str]:
    return list(node.value) if node is not None and node.is_map else []


def _frozen(model: SystemModel, rules: Sequence[RuleSpec]) -> SystemConfig:
    instruments = model.instruments or tuple(model.instrument_weights)
    weights: Mapping[str, float] = model.instrument_weights or _alike(instruments)
    return SystemConfig(
        instruments=instruments,
        rules=tuple(rules),
        forecast_weights=model.forecast_weights or _alike([rule.name for rule in rules]),
        instrument_weights=weights,
        capital=model.capital,
        base_currency=model.base_currency,
        forecast_div_multiplier=model.forecast_div_multiplier,
        instrument_div_multiplier=model.instrument_div_multiplier,
        forecast_cap=model.forecast_cap,
        percentage_vol_target=model.percentage_vol_target,
        buffer=model.buffer.buffering(),
        costs=model.cost_method,
        start=model.start,
        end=model.end,
        reproduce=model.reproduce,
        estimate=model.estimate.estimate(),
        dynamic=model.dynamic.dynamic(),
    )


def _alike(names: Sequence[str]) -> dict[str, float]:
    """The same share for each."""
    return {name: 1.0 / len(names) for name in names}


def _known(model: type[BaseModel] = SystemModel, prefix: KeyPath = ()) -> list[KeyPath]:
    paths: list[KeyPath] = []
    for name in model.model_fields:
        inner = nested(model, name)
        paths += [(*prefix, name), *(_known(inner, (*prefix, name)) if inner else ())]
    return paths
