"""A part of the tree against its model; what pydantic finds becomes problems in plain words, at the right line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sysproduction.config.problems import ConfigProblem, Unfit, closest
from sysproduction.config.process_models import nested
from sysproduction.config.settings import SECRETS
from sysproduction.config.tree import KeyPath, Node, a_map, described, find, plain
from sysproduction.config.vocabulary import nearest_key, said_as
from sysproduction.config.yaml_source import scalar

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Findings:
    """Problems found so far, and the keys to suggest."""

    problems: list[ConfigProblem]
    known: Sequence[KeyPath]


def validate(model: type[M], node: Node, findings: Findings, usual: Node) -> M | None:
    """The model's instance; None, and problems added, if the node does not fit. Where a value is wrong, the `usual`
    one takes its place while rules about several keys are asked, so that all problems show at once."""
    data = plain(node)
    try:
        return model.model_validate(data)
    except ValidationError as failed:
        errors = failed.errors(include_url=False)
    bad = [error["loc"] for error in errors]
    errors += _hidden_errors(model, _mended(data, bad, usual), bad)
    findings.problems.extend(_problem(model, node, error, findings.known) for error in errors)
    return None


def _mended(data: Any, bad: Sequence[KeyPath], usual: Node | None) -> Any:
    """The data with usual values, or none, where it is wrong."""
    if not isinstance(data, dict):
        return data
    kept = {}
    for key, value in data.items():
        inner = [path[1:] for path in bad if path[:1] == (key,)]
        other = usual.child(key) if usual is not None else None
        if not inner or (isinstance(value, dict) and () not in inner):
            kept[key] = _mended(value, inner, other) if inner else value
        elif other is not None:
            kept[key] = plain(other)
    return kept


def _hidden_errors(model: type[BaseModel], data: Any, bad: Sequence[KeyPath]) -> list[ErrorDetails]:
    """What rules about several keys say once single wrong values no longer keep pydantic from asking them."""
    try:
        model.model_validate(data)
    except ValidationError as failed:
        errors = failed.errors(include_url=False)
        return [error for error in errors if (at := _blamed(error)) and not set(at) & set(bad)]
    return []


def _blamed(error: ErrorDetails) -> list[KeyPath]:
    cause = error.get("ctx", {}).get("error")
    return [(*error["loc"], *at.split(".")) for at in cause.at] if isinstance(cause, Unfit) else []


def latest(nodes: Sequence[Node]) -> Node:
    """The node that was written last: the first of those in the highest layer."""
    return max(nodes, key=lambda node: node.origin.layer)


def _problem(model: type[BaseModel], root: Node, error: ErrorDetails, known: Sequence[KeyPath]) -> ConfigProblem:
    node, missing = find(root, error["loc"])
    if error["type"] == "extra_forbidden":
        return node.problem("unknown key", suggestion=said_as(nearest_key(node.path, known), node))
    if error["type"] == "missing":
        return node.problem("is missing", below=missing)
    cause = error.get("ctx", {}).get("error")
    if blamed := _blamed(error):
        node = latest([find(root, path)[0] for path in blamed])
    if isinstance(cause, Unfit) and cause.reason:
        return node.problem(cause.reason, suggestion=cause.suggestion)
    return _wrong_value(model, node, error["loc"], cause)


def _wrong_value(model: type[BaseModel], node: Node, loc: KeyPath, cause: Any) -> ConfigProblem:
    inner, field = _descend(model, loc)
    if field is None:
        return node.problem(f"must be {a_map(inner.model_fields)}, but is {_shown(node)}")
    suggestion = cause.suggestion if isinstance(cause, Unfit) else _suggested(field, node)
    return node.problem(f"must be {_expected(field, loc)}, but is {_shown(node)}", suggestion=suggestion)


def _descend(model: type[BaseModel], loc: KeyPath) -> tuple[type[BaseModel], FieldInfo | None]:
    """The innermost model on the way, and its field if the way ends below one."""
    for part in loc:
        inner = nested(model, part)
        if inner is None:
            return model, model.model_fields[str(part)]
        model = inner
    return model, None


def _expected(field: FieldInfo, loc: KeyPath) -> str:
    inside = isinstance(loc[-1], int)
    return "a text (numbers in quotes)" if inside else field.description or "something else"


def _suggested(field: FieldInfo, node: Node) -> str | None:
    if not isinstance(node.value, str):
        return None
    kinds = get_args(field.annotation) or (field.annotation,)
    if bool in kinds:
        return closest(node.value, ("true", "false"))
    if (int in kinds or float in kinds) and isinstance(scalar(node.value), int | float):
        return f"{node.value} without quotes"
    return closest(node.value, [choice for choice in kinds if isinstance(choice, str)])


def _shown(node: Node) -> str:
    around_secret = any(
        node.path == secret[: len(node.path)] or node.path[: len(secret)] == secret for secret in SECRETS
    )
    return "a value that is not shown" if around_secret and node.value is not None else described(node)
