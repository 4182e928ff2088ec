"""The two process sections of the tree into ProcessSpecs, in configured order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sysproduction.config.arguments import check_arguments
from sysproduction.config.checks import Findings, validate
from sysproduction.config.each_strategy import EACH
from sysproduction.config.problems import closest
from sysproduction.config.process_models import MethodModel, ProcessModel
from sysproduction.config.tree import KeyPath, Node, described, dotted, find, merge
from sysproduction.config.vocabulary import DEFAULT, METHODS, WINDOWS, Registry, nearest_key, said_as
from sysproduction.domain.processes import Limits, MethodSpec, Missed, ProcessSpec, RestartPolicy, StartMethod


@dataclass(frozen=True, slots=True)
class Draft:
    """A process on its way: its node with the defaults laid under it, its model if that is valid, and a map node of
    its methods."""

    name: str
    node: Node
    model: ProcessModel | None
    methods: Node

    @property
    def waits_for_strategies(self) -> bool:
        """It has a method for each strategy, but no strategy is configured."""
        return EACH in self.methods.value

    @property
    def enabled(self) -> bool:
        """Whether it will run; taken as true while its node is not valid."""
        return not self.waits_for_strategies and (self.model is None or self.model.enabled)


def draft_processes(tree: Node, registry: Registry | None, findings: Findings) -> list[Draft]:
    """All processes that both sections name, and problems for those that only one does."""
    windows, methods = _section(tree, WINDOWS), _section(tree, METHODS)
    default = windows.pop(DEFAULT, None) or Node({}, tree.origin, (WINDOWS, DEFAULT))
    for section in (windows, methods):
        _drop_unknown(section, registry, findings)
    _pair(windows, methods, findings)
    drafts = []
    for name, written in windows.items():
        node = _with_defaults(tree, default, written, findings)
        model = validate(ProcessModel, node, findings, usual=replace(node, value={}))
        if name in methods:
            drafts.append(Draft(name, node, model, _methods(methods[name], findings)))
    return drafts


def process_spec(draft: Draft, registry: Registry | None, findings: Findings) -> ProcessSpec | None:
    """The frozen value; None if the keys of the process are wrong. Wrong methods are added to the problems."""
    if draft.waits_for_strategies:
        return None
    known = None if registry is None else registry[draft.name]
    nodes = draft.methods.value
    found = [_method(name, node, draft, known, findings) for name, node in nodes.items()]
    methods = tuple(method for method in found if method is not None)
    switched_on = [node for node in nodes.values() if not _is_off(node)]
    if draft.enabled and nodes and not switched_on:
        reason = "every method is disabled; set enabled: false on the process instead"
        findings.problems.append(draft.methods.problem(reason))
    elif draft.enabled and methods and len(methods) == len(switched_on) and _only_completion(methods):
        reason = "every method has run_on_completion_only: such a process ends at once, with nothing to complete"
        findings.problems.append(draft.methods.problem(reason))
    return None if draft.model is None else _spec(draft.name, draft.model, methods)


def _only_completion(methods: Sequence[MethodSpec]) -> bool:
    return all(method.run_on_completion_only for method in methods)


def _spec(name: str, model: ProcessModel, methods: tuple[MethodSpec, ...]) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        start_time=model.start_time,
        stop_time=model.stop_time,
        timezone=model.timezone,
        methods=methods,
        previous_process=model.previous_process,
        days=model.days,
        restart=RestartPolicy(**model.restart.model_dump()),
        limits=Limits(**model.limits.model_dump()),
        missed=Missed(model.missed),
        start_method=StartMethod(model.start_method),
    )


def _is_off(node: Node) -> bool:
    enabled = node.child("enabled")
    return enabled is not None and enabled.value in (False, "no", "off")


def _section(tree: Node, key: str) -> dict[str, Node]:
    node = tree.child(key)
    return dict(node.value) if node is not None and node.is_map else {}


def _drop_unknown(section: dict[str, Node], registry: Registry | None, findings: Findings) -> None:
    for name, node in list(section.items()):
        if registry is not None and name not in registry:
            near = said_as(nearest_key(node.path, findings.known), node)
            findings.problems.append(node.problem("unknown process", suggestion=near))
            del section[name]
        elif not name.isidentifier():
            findings.problems.append(node.problem("is not a process name: use letters, digits and _"))
            del section[name]


def _pair(windows: Mapping[str, Node], methods: Mapping[str, Node], findings: Findings) -> None:
    for ours, theirs, there in ((windows, methods, METHODS), (methods, windows, WINDOWS)):
        for name in ours.keys() - theirs.keys():
            near = closest(name, theirs.keys() - ours.keys()) or closest(name, ours.keys() & theirs.keys(), cutoff=0.8)
            reason = f"has no entry in {there}: add {dotted((there, name))}"
            findings.problems.append(ours[name].problem(reason, suggestion=near))


def _with_defaults(tree: Node, default: Node, written: Node, findings: Findings) -> Node:
    """The process's node over the defaults, with the general time zone if neither names one."""
    merged = merge(default, written, findings.problems)
    zone, general = merged.child("timezone"), tree.child("timezone")
    if general is not None and (zone is None or zone.value is None):
        merged = replace(merged, value={**merged.value, "timezone": general})
    return replace(merged, path=written.path, origin=written.origin)


def _methods(node: Node, findings: Findings) -> Node:
    if node.is_map and node.value:
        return node
    reason = f"must be a map with a key for each method, but is {described(node)}"
    findings.problems.append(node.problem("has no methods" if node.value in (None, {}) else reason))
    return replace(node, value={})


def _method(
    name: str, node: Node, draft: Draft, known: Mapping[str, Any] | None, findings: Findings
) -> MethodSpec | None:
    if known is not None and name not in known:
        near = said_as(_nearest_method(node.path, known, findings), node)
        findings.problems.append(node.problem(f"unknown method of {draft.name}", suggestion=near))
        return None
    if not name.isidentifier():
        findings.problems.append(node.problem("is not a method name: use letters, digits and _"))
        return None
    said = replace(node, value={}) if node.value is None else node
    model = validate(MethodModel, said, findings, replace(node, value={}))
    if known is not None:
        check_arguments(said, known[name], findings)
    return model.spec(name) if model is not None and model.enabled else None


def _nearest_method(path: KeyPath, known: Mapping[str, Any], findings: Findings) -> KeyPath | None:
    near = closest(str(path[-1]), known)
    return (*path[:-1], near) if near else nearest_key(path, findings.known)


def written_at(draft: Draft, *keys: str) -> Node:
    """The node of one of its keys, or of the process itself."""
    return find(draft.node, keys)[0]
