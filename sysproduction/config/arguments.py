"""Whether the arguments that the YAML gives bind to the method that will receive them."""

import inspect
from types import UnionType
from typing import Any

from sysproduction.config.checks import Findings
from sysproduction.config.problems import closest
from sysproduction.config.tree import Node, described, plain

_TEXTS = list[str]
_TYPES: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}
_NAMED = {"bool": bool, "int": int, "float": float, "str": str, "list[str]": _TEXTS, "None": type(None)}
_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    _TEXTS: "a list of texts such as [CORN, US10]",
    type(None): "null",
}
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check_arguments(method: Node, signature: inspect.Signature, findings: Findings) -> None:
    """Add a problem for every unknown, missing or plainly mistyped argument of a method's node."""
    given = method.child("arguments")
    if given is not None and not given.is_map and given.value is not None:
        return
    arguments: dict[str, Node] = given.value if given and given.value else {}
    accepted = {name: p for name, p in signature.parameters.items() if p.kind in _BY_NAME}
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    for name, node in arguments.items():
        if name in accepted:
            _check_type(node, accepted[name].annotation, findings)
        elif not open_ended:
            takes = ", ".join(accepted) or "none"
            reason = f"unknown argument; the method takes {takes}"
            findings.problems.append(node.problem(reason, suggestion=closest(name, accepted)))
    for name, parameter in accepted.items():
        if parameter.default is inspect.Parameter.empty and name not in arguments:
            findings.problems.append((given or method).problem(f"the method needs the argument {name}"))


def _check_type(node: Node, annotation: Any, findings: Findings) -> None:
    kinds = _kinds(annotation)
    if kinds and not any(_fits(plain(node), kind) for kind in kinds):
        expected = " or ".join(_WORDS[kind] for kind in kinds)
        findings.problems.append(node.problem(f"must be {expected}, but is {described(node)}"))


def _fits(value: Any, kind: Any) -> bool:
    if kind is type(None):
        return value is None
    if kind == _TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, _TYPES[kind]) and (kind is bool or not isinstance(value, bool))


def _kinds(annotation: Any) -> list[Any]:
    """The simple types that an annotation allows; empty if it says anything else."""
    if isinstance(annotation, str):
        parts = [_NAMED.get(part.strip()) for part in annotation.split("|")]
    elif isinstance(annotation, UnionType):
        parts = list(annotation.__args__)
    else:
        parts = [annotation]
    return parts if all(part in _WORDS for part in parts) else []
