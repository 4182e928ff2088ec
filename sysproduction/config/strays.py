"""Environment variables that look as if they were meant for us but are read by nobody."""

from collections.abc import Iterable, Mapping

from sysproduction.config.home import HOME_VARIABLE
from sysproduction.config.problems import ConfigProblem, closest
from sysproduction.config.tree import KeyPath
from sysproduction.config.vocabulary import VARIABLE

_PREFIX = "SYSPRODUCTION_"
_OURS = (HOME_VARIABLE, "SYSPRODUCTION_SHARED")
_TESTS = "SYSPRODUCTION_TEST_"


def stray_variables(
    environ: Mapping[str, str], known: Iterable[KeyPath]
) -> tuple[list[ConfigProblem], list[ConfigProblem]]:
    """Problems for variables that resemble one of ours, warnings for others that begin with our name."""
    names = {VARIABLE + "__".join(map(str, path)).upper() for path in known} | {HOME_VARIABLE}
    tails = {_tail(name): name for name in names}
    problems, warnings = [], []
    for name in sorted(environ):
        if not name.upper().startswith(_PREFIX) or name.upper().startswith((VARIABLE, _TESTS)) or name in _OURS:
            continue
        near = closest(_tail(name), tails, cutoff=0.75)
        source = f"environment variable {name}"
        if near is None:
            warnings.append(ConfigProblem(source, None, "", "is not read by sysproduction"))
        else:
            problems.append(ConfigProblem(source, None, "", "is not a setting", tails[near]))
    return problems, warnings


def _tail(name: str) -> str:
    return "_".join(part for part in name.upper().removeprefix(_PREFIX).split("_") if part)
