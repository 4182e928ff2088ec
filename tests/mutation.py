"""Mutates one module, one change at a time, and counts the changes that its tests notice.

`python tests/mutation.py MODULE TEST…` runs the tests (files) once for each mutant of the module (a dotted name), in
a fork of this process, and prints the survivors and one line of JSON: module, mutants, killed, share.
"""

import ast
import contextlib
import importlib.util
import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS_MAX = 60
SWAPS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.USub: (ast.UAdd,),
}


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What a node could be instead."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in SWAPS.get(type(operator), ()):
                changed = deepcopy(node)
                changed.ops[place] = other()
                yield changed
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.UnaryOp):
        for other in SWAPS.get(type(node.op), ()):
            changed = deepcopy(node)
            changed.op = other()
            yield changed
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node.operand
        if isinstance(node, ast.BoolOp):
            yield from node.values
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            changed = deepcopy(node)
            changed.test = ast.Constant(value)
            yield changed
    elif isinstance(node, ast.Return) and node.value is not None:
        none = isinstance(node.value, ast.Constant) and node.value.value is None
        yield ast.Return(ast.Constant("mutant" if none else None))
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Continue):
        yield ast.Break()
    elif isinstance(node, ast.Tuple) and len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        for place in range(len(node.elts)):
            yield ast.Tuple([deepcopy(e) for n, e in enumerate(node.elts) if n != place], ast.Load())
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("min", "max", "any", "all"):
            changed = deepcopy(node)
            changed.func.id = {"min": "max", "max": "min", "any": "all", "all": "any"}[node.func.id]  # type: ignore[attr-defined]
            yield changed
        if node.func.id in ("abs", "floor") and node.args:
            yield node.args[0]


def skipped(tree: ast.Module) -> set[int]:
    """Nodes that no test could judge: texts for people, types, decorators, asserts that narrow types."""
    found: set[int] = set()
    for node in ast.walk(tree):
        texts = isinstance(node, ast.JoinedStr | ast.Assert)
        parts: list[ast.AST] = [node] if texts else []
        if isinstance(node, ast.FunctionDef):
            parts += [a.annotation for a in node.args.args if a.annotation] + ([node.returns] if node.returns else [])
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts += node.decorator_list
        if isinstance(node, ast.AnnAssign):
            parts.append(node.annotation)
        if isinstance(node, ast.Subscript):
            parts.append(node)  # types, here
        found |= {id(inner) for part in parts for inner in ast.walk(part)}
    return found


def mutants(source: str) -> Iterator[tuple[str, ast.Module]]:
    """What was changed where, and the module with it."""
    tree = ast.parse(source)
    spared = skipped(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in spared:
            continue
        for change in changes(node):
            mutant = deepcopy(tree)
            old = list(ast.walk(mutant))[number]
            place = f"{getattr(node, 'lineno', 0)}: {ast.unparse(node)[:70]!r} -> {ast.unparse(change)[:70]!r}"
            yield place.replace("\n", " "), replaced(mutant, old, change)


def replaced(tree: ast.Module, old: ast.AST, new: ast.AST) -> ast.Module:
    """The tree with one node put in place of another."""
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                setattr(parent, name, [new if item is old else item for item in value])
    return ast.fix_missing_locations(tree)


def is_killed(name: str, tree: ast.Module, tests: list[str]) -> bool:
    """Whether the tests fail with this mutant in the module's place."""
    child = os.fork()
    if child == 0:
        os._exit(_run(name, tree, tests))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def _run(name: str, tree: ast.Module, tests: list[str]) -> int:
    signal.alarm(SECONDS_MAX)
    found = importlib.util.find_spec(name)
    assert found is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        exec(compile(tree, str(found.origin), "exec"), module.__dict__)
    except Exception:
        return 1  # a mutant that cannot be imported is noticed by everybody
    setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]))


def main(name: str, tests: list[str]) -> int:
    """Every mutant; exit code 1 if the tests fail without one."""
    source = (ROOT / (name.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    if is_killed(name, ast.parse(source), tests):
        print(f"{name}: the tests fail already", file=sys.stderr)
        return 1
    killed = total = 0
    for place, tree in mutants(source):
        total += 1
        if is_killed(name, tree, tests):
            killed += 1
        else:
            print(f"survived {name}:{place}", flush=True)
    print(json.dumps({"module": name, "mutants": total, "killed": killed, "share": round(killed / total, 4)}))
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1], sys.argv[2:]))
