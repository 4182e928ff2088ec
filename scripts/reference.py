"""Writes docs/reference from the code: every key of the configuration, every command, the exit codes.

`make docs` runs it; a test fails while what it would write differs from what is there.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sysproduction.config.process_models import MethodModel, ProcessModel, nested
from sysproduction.config.settings import Settings
from sysproduction.config.vocabulary import SECTIONS_BY_NAME
from sysproduction.ops.main import EXIT_CODES, commands

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NAMES = "NAME"


def pages() -> dict[str, str]:
    """The text of each page by its file's name."""
    return {"configuration.md": configuration(), "commands.md": command_line()}


def configuration() -> str:
    """Keys in the order of the settings, then those of processes and methods."""
    lines = [
        "# Keys of the configuration",
        "",
        "Written by `make docs`. The values that are shipped stand, with their reasons, in `config/defaults.yaml` and",
        "`config/processes.yaml`; `sysproduction config show` tells what is in force in a home, and from where.",
        "",
        "| Key | What it may be |",
        "| --- | --- |",
        *(f"| `{'.'.join(path)}` | {about} |" for path, about in keys(Settings, ())),
        "",
        "## Of a process, in `process_configuration`",
        "",
        "`default` holds for every process that does not say otherwise.",
        "",
        "| Key | What it may be |",
        "| --- | --- |",
        *(f"| `{NAMES}.{'.'.join(path)}` | {about} |" for path, about in keys(ProcessModel, ())),
        "",
        "## Of a method, in `process_configuration_methods`",
        "",
        "| Key | What it may be |",
        "| --- | --- |",
        *(f"| `{NAMES}.METHOD.{'.'.join(path)}` | {about} |" for path, about in keys(MethodModel, ())),
    ]
    return "\n".join(lines) + "\n"


def keys(
    model: type[BaseModel], place: tuple[str, ...], like: type[BaseModel] | None = None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every key below a model, in order, with what may stand there; where the model does not say, as in `like`."""
    for name, field in model.model_fields.items():
        path = (*place, name)
        inner = SECTIONS_BY_NAME.get(path)
        below = inner or nested(model, name)
        if below is None:
            alike = like.model_fields.get(name) if like else None
            own = f"{alike.description}; null: as for all" if alike and alike.description else _kind(field.annotation)
            yield path, _cell(field.description or own)
        else:
            yield from keys(below, (*path, NAMES) if inner else path, model)


def _kind(annotation: Any) -> str:
    words = {"bool": "true or false", "str": "a text", "int": "a whole number", "float": "a number", "NoneType": "null"}
    found = re.findall(r"\b(bool|str|int|float|NoneType|None)\b", str(annotation))
    said = dict.fromkeys(words["NoneType" if word == "None" else word] for word in found)
    return " or ".join(said) or "see config/defaults.yaml"


def command_line() -> str:
    """Every command with its arguments and options."""
    codes = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    lines = ["# Commands", "", "Written by `make docs`.", "", "| Exit code | |", "| --- | --- |", *codes, ""]
    for words, command in leaves(commands(), ()):
        lines += [f"## {' '.join(words)}", "", _paragraph(command.help or ""), ""]
        rows = [_row(parameter) for parameter in command.params if not parameter.hidden]
        lines += ["| | |", "| --- | --- |", *rows, ""] if rows else []
    return "\n".join(lines).rstrip() + "\n"


def leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Commands that are no groups, in the order of the help."""
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for name, inner in below.items():
        if not inner.hidden:
            yield from leaves(inner, (*words, name))


def _row(parameter: Any) -> str:
    names = [name for name in parameter.opts if name.startswith("-")]
    shown = ", ".join(names) if names else parameter.name.upper()
    return f"| `{shown}` | {_cell(parameter.help or '')} |"


def _paragraph(text: str) -> str:
    return " ".join(text.replace("\b", "").split())


def _cell(text: str) -> str:
    return _paragraph(text).replace("|", "\\|")


def main() -> int:
    """Write what has changed; 1 with `--check` if anything has."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = [name for name, text in pages().items() if _read(FOLDER / name) != text]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is out of date: make docs")
        return int(bool(stale))
    for name in stale:
        (FOLDER / name).write_text(pages()[name], encoding="utf-8")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
