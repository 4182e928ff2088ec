"""The corpus of broken configurations: private files whose first comments say what must be reported.

    # expect: line=LINE key=KEY says=WORDS suggests=TEXT
    # expect: variable=NAME key=KEY says=WORDS
    # environment: NAME=VALUE

Every `expect` is one problem and there are no others. LINE counts from the top of the file, comments included; a KEY
that is left out is empty; `suggests=*` is some suggestion, and without `suggests` there may be any or none.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "corpus"


@dataclass(frozen=True, slots=True)
class Expected:
    """One problem that must be reported: at a line of the private file, or at a variable."""

    says: str
    line: int | None = None
    variable: str | None = None
    key: str = ""
    suggests: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One broken configuration."""

    name: str
    content: bytes
    expected: tuple[Expected, ...]
    environment: dict[str, str]


def read_cases() -> list[Case]:
    """All cases, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _read(path: Path) -> Case:
    content = path.read_bytes()
    expected: list[Expected] = []
    environment: dict[str, str] = {}
    for line in content.decode("utf-8-sig", "replace").splitlines():
        if line.startswith("# expect: "):
            expected.append(_expected(line.removeprefix("# expect: ")))
        elif line.startswith("# environment: "):
            name, _, value = line.removeprefix("# environment: ").partition("=")
            environment[name] = value
    assert expected, f"{path} expects nothing"
    return Case(path.stem, content, tuple(expected), environment)


def _expected(text: str) -> Expected:
    fields = dict(word.split("=", 1) for word in shlex.split(text))
    line = fields.pop("line", None)
    return Expected(line=int(line) if line else None, **fields)
