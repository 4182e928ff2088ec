"""The layers of a configuration, lowest first: two shipped files, the private file, the environment, options."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysproduction.config.home import Home
from sysproduction.config.problems import ConfigProblem
from sysproduction.config.tree import KeyPath, Node, Origin, graft, merge, nest
from sysproduction.config.vocabulary import VARIABLE
from sysproduction.config.yaml_source import read_yaml
from sysproduction.domain.errors import ConfigError

SHIPPED = ("defaults.yaml", "processes.yaml")
ENVIRONMENT, OPTION = len(SHIPPED) + 1, len(SHIPPED) + 2
BYTES_MAX = 262_144


@dataclass(frozen=True, slots=True)
class Override:
    """A value from the command line: `key` is a dotted path, `option` what the operator typed, such as --feed."""

    key: str
    value: Any
    option: str


def shipped_folder() -> Path:
    """Where the shipped files are: inside an installed package, else beside the checkout; raises ConfigError."""
    package = Path(__file__).resolve().parent
    for folder in (package / "shipped", package.parents[1] / "config"):
        if all((folder / name).is_file() for name in SHIPPED):
            return folder
    raise ConfigError(f"the shipped configuration is not in {package / 'shipped'}: install sysproduction again")


def assemble(
    home: Home,
    *,
    environ: Mapping[str, str],
    overrides: Sequence[Override],
    problems: list[ConfigProblem],
) -> tuple[Node, Node] | None:
    """All layers merged, and the shipped ones alone; None if some text cannot be read: then see `problems`."""
    folder = shipped_folder()
    files = [folder / name for name in SHIPPED]
    files += [home.private_config] if _exists(home.private_config) else []
    layers = [read_file(path, layer, problems) for layer, path in enumerate(files)]
    tree = shipped = Node({}, Origin("the configuration"))
    for number, node in enumerate(layers):
        tree = merge(tree, node, problems) if node is not None else tree
        shipped = tree if number < len(SHIPPED) else shipped
    for node in _environment(environ, tree, problems):
        tree = merge(tree, node, problems)
    for override in overrides:
        path = tuple(override.key.split("."))
        tree = merge(
            tree, graft(nest(override.value, Origin(f"option {override.option}", None, OPTION), path)), problems
        )
    return None if None in layers else (tree, shipped)


def read_file(path: Path, layer: int, problems: list[ConfigProblem]) -> Node | None:
    """The tree of a file; None, and a problem added, if it cannot be read."""
    text = _text(path, problems)
    if text is None:
        return None
    if not text.strip():
        problems.append(_whole(path, "is empty, without even a comment: was a write cut short? Delete it or fill it"))
        return None
    return read_yaml(text, Origin(str(path), 1, layer), problems)


def _exists(path: Path) -> bool:
    """Whether something is there, be it only a broken link or what we may not see."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _text(path: Path, problems: list[ConfigProblem]) -> str | None:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not an ordinary file"
            problems.append(_whole(path, f"is {kind}, but a file with YAML is expected here"))
            return None
        if found.st_size > BYTES_MAX:
            problems.append(_whole(path, f"is larger than {BYTES_MAX} bytes: this is no configuration"))
            return None
        return _decoded(path.read_bytes(), path, problems)
    except OSError as error:
        problems.append(_whole(path, f"cannot be read: {error.strerror}"))
        return None


def _decoded(content: bytes, path: Path, problems: list[ConfigProblem]) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(ConfigProblem(str(path), line, "", "is not UTF-8 text: save the file as UTF-8"))
        return None


def _whole(path: Path, reason: str) -> ConfigProblem:
    return ConfigProblem(str(path), 1, "", reason)


def _environment(environ: Mapping[str, str], tree: Node, problems: list[ConfigProblem]) -> list[Node]:
    """A small tree for each variable, shallow ones first so that deep ones refine them."""
    names = sorted((n for n in environ if n.upper().startswith(VARIABLE)), key=lambda n: (n.count("__"), n))
    nodes, seen = [], dict[KeyPath, str]()
    for name in names:
        origin = Origin(f"environment variable {name}", None, ENVIRONMENT)
        path = _spelled_as(name[len(VARIABLE) :].lower().split("__"), tree)
        if "" in path:
            reason = "has an empty part: it should read SYSPRODUCTION__SECTION__KEY"
            problems.append(ConfigProblem(origin.source, None, "", reason))
        elif path in seen:
            problems.append(Node(None, origin, path).problem(f"is set by {seen[path]} too: unset one of them"))
        elif (node := read_yaml(environ[name], origin, problems, path)) is not None:
            nodes.append(graft(node))
        seen[path] = name
    return nodes


def _spelled_as(parts: list[str], tree: Node) -> KeyPath:
    """The path in the tree's own spelling, since variables have no case."""
    path: list[str] = []
    node: Node | None = tree
    for part in parts:
        keys = node.value if node is not None and node.is_map else {}
        key = next((key for key in keys if key.lower() == part), part)
        node = node.child(key) if node is not None else None
        path.append(key)
    return tuple(path)
