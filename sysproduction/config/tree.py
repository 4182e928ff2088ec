"""A tree of configuration values in which each remembers where it was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sysproduction.config.problems import ConfigProblem

KeyPath = tuple[str | int, ...]
_CREDENTIALS = ("://", "xox", "@")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written; sources with a higher `layer` override lower ones."""

    source: str
    line: int | None = None
    layer: int = 0

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Node:
    """A map (dict of nodes), a list (tuple of nodes) or a scalar. `path` is where it was written, which for a
    value taken over from a default is not where it is used; `text` is a scalar as written."""

    value: Any
    origin: Origin
    path: KeyPath = ()
    text: str | None = None

    @property
    def is_map(self) -> bool:
        """Whether it has keys."""
        return isinstance(self.value, dict)

    def child(self, key: str | int) -> "Node | None":
        """The node under a key or index."""
        if isinstance(self.value, dict):
            found: Node | None = self.value.get(key)
            return found
        if isinstance(self.value, tuple) and isinstance(key, int) and key < len(self.value):
            item: Node = self.value[key]
            return item
        return None

    def problem(self, reason: str, *, suggestion: str | None = None, below: KeyPath = ()) -> ConfigProblem:
        """A problem at this place, or at a key `below` it that is not there."""
        key = dotted((*self.path, *below))
        return ConfigProblem(self.origin.source, self.origin.line, key, reason, suggestion)


def dotted(path: KeyPath) -> str:
    """A path as the operator reads it: feed.instruments[0]."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def plain(node: Node) -> Any:
    """The bare values: dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    return node.value


def nest(value: Any, origin: Origin, path: KeyPath) -> Node:
    """The opposite of `plain`, for values that come with one origin."""
    if isinstance(value, Mapping):
        return Node({str(k): nest(v, origin, (*path, str(k))) for k, v in value.items()}, origin, path)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return Node(tuple(nest(v, origin, (*path, i)) for i, v in enumerate(value)), origin, path)
    return Node(value, origin, path, str(value))


def graft(node: Node) -> Node:
    """The maps around a node, from the root down to its path."""
    for depth in range(len(node.path) - 1, -1, -1):
        node = Node({node.path[depth]: node}, node.origin, node.path[:depth])
    return node


def find(node: Node, path: KeyPath) -> tuple[Node, KeyPath]:
    """The deepest existing node along a path, and the rest of the path that is not there."""
    for depth, part in enumerate(path):
        child = node.child(part)
        if child is None:
            return node, path[depth:]
        node = child
    return node, ()


def merge(lower: Node, upper: Node, problems: list[ConfigProblem]) -> Node:
    """Lay `upper` over `lower`: maps merge, anything else replaces. A section left empty changes nothing; any other
    value in place of a section is a problem, and the section stays as it was."""
    if not lower.is_map:
        return upper
    if upper.value is None:
        return lower
    if not upper.is_map:
        problems.append(upper.problem(f"must be {a_map(lower.value)}, but is {described(upper)}"))
        return lower
    children = dict(lower.value)
    for key, node in upper.value.items():
        children[key] = merge(children[key], node, problems) if key in children else node
    return Node(children, upper.origin, upper.path)


def a_map(keys: Sequence[str] | Mapping[str, Any]) -> str:
    """The words for a map with such keys."""
    some = ", ".join(list(keys)[:3])
    return f"a map of indented keys such as {some}" if some else "a map of indented keys"


def described(node: Node) -> str:
    """A value in words; whatever looks like a credential is left out."""
    if node.value is None:
        return "empty"
    if isinstance(node.value, dict):
        return "a map of keys"
    if isinstance(node.value, tuple):
        return "a list"
    text = node.text or str(node.value)
    if any(mark in text for mark in _CREDENTIALS):
        return "a text that is not shown here"
    short = text if len(text) <= 60 else text[:57] + "…"
    return f"the text {short!r}" if isinstance(node.value, str) else short
