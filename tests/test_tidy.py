"""The rules that hold everywhere in the tree: who may import whom, sizes, ambient time, names, dead files."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400

TOP_LEVEL = {
    *("pyproject.toml", "sysproduction", "config", "private_config.yaml.example", "scripts", "tests", "Makefile"),
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "docs"),
}
CORE = {"domain", "ports", "stores"}
FEATURES = {"markets", "capital", "strategies", "orders", "live", "reports", "upkeep", "workflows"}
PURE = {"systems", "exchange", "engine"}
NUMERIC = {"numpy", "pandas"}
ANY_VENDOR = {"*"}

# sysproduction/… -> (what else of sysproduction it may import, vendor libraries it may import)
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "": ({"ops"}, set()),
    "domain": (set(), NUMERIC),
    "systems": ({"domain"}, NUMERIC | {"numba"}),
    "exchange": ({"domain"}, NUMERIC),
    "engine": ({"domain", "exchange", "ports", "systems"}, NUMERIC | {"numba"}),
    "ports": ({"domain"}, NUMERIC),
    "config": ({"domain"}, {"pydantic", "pydantic_core", "yaml"}),
    "stores": ({"domain", "ports"}, NUMERIC),
    "markets": (CORE, NUMERIC),
    "capital": (CORE, NUMERIC),
    "strategies": (CORE | {"systems"}, NUMERIC),
    "orders": (CORE, NUMERIC | {"exchange_calendars", "pandas_market_calendars"}),
    "live": (CORE | {"engine", "orders"}, NUMERIC),
    "reports": (CORE | {"systems"}, NUMERIC | {"plotly", "matplotlib"}),
    "upkeep": (CORE, NUMERIC | {"pyarrow"}),
    "workflows": (CORE | {"systems", "engine", "orders"}, NUMERIC | {"schedule"}),
    "supervisor": (CORE, {"schedule", "psutil"}),
    "simulation": (CORE | {"supervisor", "orders", "exchange", "control"}, NUMERIC),
    "control": (CORE | FEATURES | {"supervisor"}, NUMERIC),  # status asks the planner
    "processes": (CORE | FEATURES | PURE | {"config", "supervisor", "control"}, NUMERIC),
    "adapters": ({"domain", "ports", "exchange", "engine"}, ANY_VENDOR),
    "wiring": ({"adapters", "config", "ports", "domain", "stores"}, set()),  # adapters that keep leases, incidents
    "web": (CORE | FEATURES | PURE | {"config", "supervisor", "control", "processes", "wiring"}, ANY_VENDOR),
    "ops": (
        CORE | FEATURES | PURE | {"config", "supervisor", "control", "processes", "wiring", "web", "simulation"},
        NUMERIC | {"typer", "rich", "textual", "prompt_toolkit", "click", "tenacity"},
    ),
}
NEVER_LOADS_PANDAS = (
    "sysproduction.supervisor",
    "sysproduction.ports",
    "sysproduction.wiring",
    "sysproduction.ops.main",
)
NAMES_WORLD = {"ports", "wiring", "processes", "web", "ops"}
BROAD_HANDLERS = {"sysproduction/supervisor/runner.py", "sysproduction/web/app.py"}  # process and web boundary
ENTRY_POINTS = {"sysproduction.__main__", "sysproduction.ops.main"}  # console script and `python -m`
BANNED_WORDS = {
    *("util", "utils", "helper", "helpers", "manager", "managers", "handler", "handlers"),
    *("abstract", "impl", "misc", "common"),
}
OWNERS_WORDS = {"run_stack_handler"}
"""Names that operators know."""

AMBIENT = re.compile(
    r"time\.\w+|datetime\.(datetime|date)\.(now|utcnow|today)|uuid\.uuid[14]|secrets\.\w+|os\.urandom"
    r"|random\.(?!Random$)\w+|numpy\.random\.(?!(default_rng|Generator|PCG64|SeedSequence)$)\w+"
    r"|pandas\.Timestamp\.(now|utcnow|today)"
)
SEEDED = {"random.Random", "numpy.random.default_rng"}
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(wor" r"k|roo" r"t)\b(?!:)|/\.lib" r"rary\b|\bfar" r"m-\d")
Violation = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the root."""

    path: str
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str | None:
        """The row of MAY_IMPORT that this file falls under; None outside sysproduction."""
        first, *rest = self.module.split(".")
        if first != "sysproduction":
            return None
        return rest[0] if rest and rest[0] != "__main__" else ""

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        """Line and dotted name of everything imported, lazily too; `from a import b` gives a.b."""
        found = [(n.lineno, a.name) for n in self.nodes if isinstance(n, ast.Import) for a in n.names]
        froms = [n for n in self.nodes if isinstance(n, ast.ImportFrom) and not n.level]
        return found + [(n.lineno, f"{n.module}.{a.name}") for n in froms for a in n.names]

    def names(self) -> Iterator[tuple[ast.expr, str]]:
        """Every expression that is a chain of names, with what its first name was imported as."""
        known = {a.asname or a.name: a.name for n in self.nodes if isinstance(n, ast.Import) for a in n.names}
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom):
                known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        for node in self.nodes:
            parts: list[str] = []
            chain = node
            while isinstance(chain, ast.Attribute):
                parts.insert(0, chain.attr)
                chain = chain.value
            if isinstance(chain, ast.Name) and chain.id in known and isinstance(node, ast.expr):
                yield node, ".".join((known[chain.id], *parts))


def imports(source: Source) -> Iterator[Violation]:
    """The import table: packages by direction, vendor libraries where they belong."""
    if source.package is None:
        return
    if source.package not in MAY_IMPORT:
        yield 1, f"sysproduction/{source.package} is not in the import table"
        return
    ours, vendors = MAY_IMPORT[source.package]
    for line, name in source.imports:
        first, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if first == "sysproduction" and target in MAY_IMPORT and target not in {source.package, *ours}:
            yield line, f"{source.package or 'the package root'} must not import {target}"
        is_vendor = first not in sys.stdlib_module_names and first != "sysproduction"
        if is_vendor and first not in vendors and vendors is not ANY_VENDOR:
            yield line, f"{source.package or 'the package root'} must not import the library {first}"


def relative_imports(source: Source) -> Iterator[Violation]:
    """Imports name the whole path, so that one can search for them."""
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "a relative import: write the whole module name"


def sizes(source: Source) -> Iterator[Violation]:
    """Caps on files and functions; a function's docstring does not count."""
    if (lines := len(source.text.splitlines())) > FILE_LINES_MAX:
        yield lines, f"the file has {lines} lines, more than {FILE_LINES_MAX}: split it by noun"
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0] if ast.get_docstring(node) is not None else None
            spared = docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
            if (lines := (node.end_lineno or 0) - node.lineno + 1 - spared) > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"


def ambient(source: Source) -> Iterator[Violation]:
    """Time and randomness come from a Clock or a seed, outside adapters."""
    if source.package in {None, "adapters"}:
        return
    for node, name in source.names():
        if AMBIENT.fullmatch(name):
            yield node.lineno, f"{name} is ambient time or randomness: receive `now`, a Clock or a seed"
    called = {id(n.func): n for n in source.nodes if isinstance(n, ast.Call)}
    for node, name in source.names():
        if name in SEEDED and (call := called.get(id(node))) and not call.args and not call.keywords:
            yield node.lineno, f"{name}() has no seed"


def broad_handlers(source: Source) -> Iterator[Violation]:
    """Only the process boundary and the web boundary catch everything."""
    if source.package is None or source.path in BROAD_HANDLERS:
        return
    for node in source.nodes:
        caught: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler):
            caught = list(node.type.elts) if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"suppress", "contextlib.suppress"}:
            caught = list(node.args)
        if any(c is None or ast.unparse(c) in {"Exception", "BaseException"} for c in caught):
            yield node.lineno, "a broad exception handler: name what can be raised here"  # type: ignore[attr-defined]


def names(source: Source) -> Iterator[Violation]:
    """Names say what a thing is, not that it helps, manages or handles."""
    if source.package is None:
        return
    for part in source.module.split("."):
        if part in OWNERS_WORDS:
            continue
        if BANNED_WORDS & set(part.split("_")) or part == "data":
            yield 1, f"the name {part} says nothing: name the noun that it holds"
    for node in source.nodes:
        words = re.findall(r"[A-Z][a-z]+", node.name) if isinstance(node, ast.ClassDef) else []
        if banned := BANNED_WORDS & {w.lower() for w in words}:
            yield node.lineno, f"the class name {node.name} says nothing with {banned.pop()}"  # type: ignore[attr-defined]


def world_is_local(source: Source) -> Iterator[Violation]:
    """World is named only at the edges; what is inside receives the ports that it uses."""
    if source.package is None or source.package in NAMES_WORLD:
        return
    for node in source.nodes:
        named = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
        if named == "World":
            yield getattr(node, "lineno", 1), f"{source.package} names World: receive the one or two ports it uses"


def docstrings(source: Source) -> Iterator[Violation]:
    """Each module opens with a sentence; each test states a behaviour in one."""
    sentence = (ast.get_docstring(source.tree) or "").split("\n\n")[0]
    if not sentence.endswith("."):
        yield 1, "the module does not open with a sentence that ends in a full stop"
    for node in source.nodes:
        is_test = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if is_test and source.path.startswith("tests/") and not ast.get_docstring(node):  # type: ignore[arg-type]
            yield node.lineno, f"{node.name} has no docstring that states the behaviour"  # type: ignore[attr-defined]


RULES: tuple[Callable[[Source], Iterator[Violation]], ...] = (
    imports,
    relative_imports,
    sizes,
    ambient,
    broad_handlers,
    names,
    world_is_local,
    docstrings,
)


def dead(sources: list[Source], process_names: str) -> Iterator[str]:
    """Modules that no module and no script imports or names in a string, and that are no entry point; a process
    counts as used when the configuration names it, an adapter (a shipped fake) also when a test imports it."""
    used = set(ENTRY_POINTS)
    for source in sources:
        if source.path.startswith("tests/"):
            used |= {module for _, name in source.imports if "adapters" in (module := name.rpartition(".")[0])}
            continue
        used |= {name for _, name in source.imports} | {name.rpartition(".")[0] for _, name in source.imports}
        texts = (n.value for n in source.nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
        used |= {text.partition(":")[0] for text in texts if text.startswith("sysproduction.")}
    for source in sources:
        is_process = source.package == "processes" and source.module.rpartition(".")[2] in process_names
        if source.package and not source.path.endswith("__init__.py") and source.module not in used and not is_process:
            yield f"{source.path}:1: nothing imports this file"


def sources(*folders: str) -> list[Source]:
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def report(violations: list[str]) -> None:
    assert not violations, "\n" + "\n".join(dict.fromkeys(violations))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_is_tidy(rule: Callable[[Source], Iterator[Violation]]) -> None:
    """No file of the package, the tests or the scripts breaks the rule."""
    every = sources("sysproduction", "tests", "scripts")
    report([f"{source.path}:{line}: {sentence}" for source in every for line, sentence in rule(source)])


def test_no_file_is_dead() -> None:
    """Every module of the package is imported by another one or started by name."""
    processes = ROOT / "config" / "processes.yaml"
    named = processes.read_text(encoding="utf-8") if processes.exists() else ""
    report(list(dead(sources("sysproduction", "scripts", "tests"), named)))


def text_files() -> Iterator[Path]:
    tops = [ROOT / name for name in TOP_LEVEL] + [ROOT / ".ci", ROOT / ".gitignore"]
    for path in (p for top in tops for p in ([top] if top.is_file() else top.rglob("*"))):
        if path.is_file() and path.suffix in {"", ".py", ".md", ".toml", ".yaml", ".txt", ".example", ".csv", ".html"}:
            yield path


def test_nothing_is_left_over() -> None:
    """No file holds a mark of unfinished work or a path of one machine."""
    found = []
    for path in text_files():
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
            if match := LEFTOVER.search(line) or MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: take out {match.group()}")
    report(found)


def test_the_top_level_is_fixed() -> None:
    """The root holds what the architecture names, dot-files, and what git ignores."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()}
    strays = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")} - TOP_LEVEL - ignored
    report([f"{name}:1: does not belong at the top level" for name in sorted(strays)])


def test_the_quick_path_loads_no_pandas() -> None:
    """Importing the supervisor, the ports, the wiring and the command line loads neither numpy nor pandas."""
    modules = [s.module for s in sources("sysproduction") if s.module.startswith(NEVER_LOADS_PANDAS)]
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    heavy = {'numpy', 'pandas', 'pyarrow', 'arcticdb'} & set(sys.modules)\n"
        "    if heavy: sys.exit(f'{name} loads {sorted(heavy)}')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, *modules], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_importing_the_domain_opens_nothing() -> None:
    """Importing sysproduction.domain opens no file but modules, no socket, and starts no program."""
    modules = [s.module for s in sources("sysproduction") if s.package == "domain"]
    program = (
        "import importlib, numpy, pandas, sys\n"
        "def hook(event, arguments):\n"
        "    code = event == 'open' and str(arguments[0]).endswith(('.py', '.pyc'))\n"
        "    if event.split('.')[0] in {'open', 'socket', 'subprocess'} and not code: print(event, arguments)\n"
        "sys.addaudithook(hook)\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
    )
    command = [sys.executable, "-B", "-c", program, *modules]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout == ""


def test_every_dependency_is_pinned() -> None:
    """scripts/constraints.txt holds one exact version, within its bounds, of whatever pyproject.toml asks for."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "scripts/constraints.txt").read_text("utf-8"), re.MULTILINE))
    versions = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = asked["project"]["optional-dependencies"].values()
    wanted = [*asked["build-system"]["requires"], *asked["project"]["dependencies"], *(r for e in extras for r in e)]
    for requirement in map(Requirement, wanted):
        version = versions.get(re.sub(r"[-_.]+", "-", requirement.name).lower())
        assert version, f"scripts/constraints.txt pins no {requirement.name}"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} but pinned to {version}"
