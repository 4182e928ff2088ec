"""YAML text into a tree with line numbers: one document of plain maps, lists and scalars, and nothing cleverer.

Scalars follow YAML 1.2, so 20:00 is a text, not 1200, and NO is Norway. Keys are always texts. Anchors, aliases
and tags are refused: every value stands where it is used, and no file can grow when it is read.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from sysproduction.config.problems import ConfigProblem
from sysproduction.config.tree import KeyPath, Node, Origin

DEPTH_MAX = 20
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9](_?[0-9])*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9](_?[0-9])*(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"([-+]?\.inf|\.nan)\Z", re.IGNORECASE)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_BARE_KEY = re.compile(r"\s*[\w-]+\s*\Z")
_WORD_MAX = 100
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """The text cannot be understood beyond `line`."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


def read_yaml(text: str, origin: Origin, problems: list[ConfigProblem], path: KeyPath = ()) -> Node | None:
    """The tree of the text's only document, None if it cannot be read; what is wrong is added to `problems`.

    With a line in `origin` lines are counted from there (a file); without one the text is a single value.
    """
    try:
        _refuse_unprintable(text)
        return _Reader(text, origin, problems).document(path)
    except yaml.MarkedYAMLError as error:
        line, reason = _syntax(error, text)
    except Unreadable as error:
        line, reason = error.line, error.reason
    problems.append(ConfigProblem(origin.source, line if origin.line else None, ".".join(map(str, path)), reason))
    return None


def scalar(text: str) -> Any:
    """A scalar without quotes: null, true or false, a number, else the text itself."""
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if len(text) > _WORD_MAX:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text) and not re.match(r"[-+]?0[0-9]", text):
        return float(text)
    if _SPECIAL.match(text):
        return float(text.lower().replace(".", ""))
    return text


class _Reader:
    """Turns the parser's events into nodes."""

    def __init__(self, text: str, origin: Origin, problems: list[ConfigProblem]) -> None:
        self._events = _events(text)
        self._origin = origin
        self._problems = problems

    def document(self, path: KeyPath) -> Node:
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, self._origin, path)
        event = next(self._events)
        node = self._node(event, path, _line(event))
        next(self._events)
        if not isinstance(end := next(self._events), yaml.StreamEndEvent):
            raise Unreadable(_line(end), "a second document starts here (---): a configuration is one document")
        return node

    def _node(self, event: Any, path: KeyPath, line: int) -> Node:
        self._refuse_cleverness(event)
        origin = self._at(line)
        if len(path) > DEPTH_MAX:
            raise Unreadable(line, f"is nested more than {DEPTH_MAX} deep")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path, origin)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(tuple(self._items(path)), origin, path)
        return Node(self._map(path), origin, path)

    def _items(self, path: KeyPath) -> Iterator[Node]:
        index = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, (*path, index), _line(event))
            index += 1

    def _map(self, path: KeyPath) -> dict[str, Node]:
        children: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, line = self._key(event), _line(event)
            node = self._node(next(self._events), (*path, key), line)
            if key in children:
                first = children[key].origin.line
                where = f"; the first is on line {first}" if self._origin.line else ""
                self._problems.append(node.problem(f"is given twice{where}: keep one"))
            children[key] = node
        return children

    def _key(self, event: Any) -> str:
        self._refuse_cleverness(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(_line(event), "a key must be a plain word, not a list or a map")
        if not event.value.strip() or len(event.value) > _WORD_MAX or _CONTROL.search(event.value):
            raise Unreadable(_line(event), "a key is missing before the colon, or is not a plain word")
        return str(event.value)

    def _scalar(self, event: Any, path: KeyPath, origin: Origin) -> Node:
        value = scalar(event.value) if not event.style else event.value
        node = Node(value, origin, path, event.value)
        if isinstance(value, str) and _CONTROL.search(value):
            self._problems.append(node.problem("holds a control character: remove it"))
        return node

    def _refuse_cleverness(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(_line(event), _clever("an alias", "*"))
        if getattr(event, "anchor", None):
            raise Unreadable(_line(event), _clever("an anchor", "&"))
        if getattr(event, "tag", None):
            raise Unreadable(_line(event), _clever("a tag", "!"))

    def _at(self, line: int) -> Origin:
        return Origin(self._origin.source, line if self._origin.line else None, self._origin.layer)


def _events(text: str) -> Iterator[Any]:
    """What the parser finds: libyaml's where PyYAML has it, for it is many times faster. A text that it cannot parse
    goes to PyYAML's own, whose words on what is wrong are the better ones."""
    try:
        return iter(list(yaml.parse(text, Loader=_FAST)))
    except yaml.YAMLError:
        return iter(yaml.parse(text, Loader=yaml.SafeLoader))


def _clever(what: str, mark: str) -> str:
    return f"{what} ({mark}name) is not allowed: write the value out, or put a text that begins with {mark} in quotes"


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _refuse_unprintable(text: str) -> None:
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise Unreadable(line, f"holds the control character U+{ord(found.group()):04X}: remove it")


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """The line to mend and the reason in plain words."""
    problem, context = error.problem or "", error.context or ""
    noticed = error.problem_mark.line + 1 if error.problem_mark else 1
    opened = error.context_mark.line + 1 if error.context_mark else noticed
    later = "" if noticed == opened else f" (noticed on line {noticed})"
    if "'\\t'" in problem:
        return noticed, "a tab is used for indentation: use spaces"
    if "mapping values are not allowed" in problem:
        return _stray_colon(error, text)
    if "could not find expected ':'" in problem:
        return opened, f"a colon is missing after the key{later}"
    if "quoted scalar" in context:
        return opened, f"a quoted text is not closed, or what follows its end is not allowed{later}"
    if "flow" in context:
        return opened, f"a bracket is not closed, or a comma is missing{later}"
    if "block" in context:
        return noticed, "the line does not fit the lines above: its indentation differs, or something is missing"
    return noticed, f"is not valid YAML: {problem}; a text with special characters must stand in quotes"


def _stray_colon(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """A colon too many: mostly an earlier line lost its own, or this one is indented too far."""
    lines = text.splitlines()
    mark = error.problem_mark
    here = mark.line if mark else 0
    before = [i for i in range(here) if lines[i].strip() and not lines[i].lstrip().startswith("#")]
    starts_line = mark is not None and _BARE_KEY.match(lines[here][: mark.column])
    if starts_line and before and ":" not in lines[before[-1]]:
        return before[-1] + 1, f"a colon is missing after the key (noticed on line {here + 1})"
    if starts_line:
        return here + 1, "is indented too far: the key above already has a value"
    return here + 1, "a second colon in one line: put a text that holds a colon in quotes"
