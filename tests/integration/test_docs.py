"""The documentation: every command that a page shows is there, those of docs/ are run as they stand, and the reference
is what the code says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysproduction.ops.main import commands
from tests.commands import COMMAND, environment, private_home

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"(?:^|[`|] ?)sysproduction ([a-z][^`|#\n]*)(?=[`|#\n])", re.MULTILINE)


def shown_commands() -> Iterator[tuple[str, str]]:
    """File and command line, for each that a page shows."""
    for page in [ROOT / "README.md", *PAGES]:
        for line in SHOWN.findall(page.read_text(encoding="utf-8")):
            yield page.name, line.strip()


def fault_of(line: str) -> str | None:
    """What of this line the program does not know."""
    words, command = shlex.split(line.replace("…", "x")), commands()
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if hasattr(command, "commands") and words and not words[0].startswith("-"):
        return f"no command {words[0]}"
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words if word.startswith("-") and not word[1:2].isdigit() and word not in options]
    return f"no option {unknown[0]}" if unknown and unknown[0] != "--help" else None


def test_shown_commands_exist() -> None:
    """In the README too: each group, command and option."""
    shown = list(shown_commands())
    assert len(shown) > 100
    assert [(page, line, fault) for page, line in shown if (fault := fault_of(line))] == []


def test_the_reference_is_what_the_code_says() -> None:
    """`make docs` would change nothing."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_links_lead_somewhere() -> None:
    """From page to page."""
    for page in [ROOT / "README.md", *PAGES]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.soak] if page.stem == "tutorial" else [], id=page.stem)  # walks a day
        for page in PAGES
        if "```sh\n" in page.read_text(encoding="utf-8")
    ],
)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path, shared: Path) -> None:
    """All of its shell blocks, one after the other, in a home of its own; each command must succeed."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "sysproduction").symlink_to(COMMAND)
    with private_home(tmp_path / "home") as home:
        script = "set -euo pipefail\n" + "\n".join(SHELL_BLOCK.findall(page.read_text(encoding="utf-8")))
        variables = environment(home, {"PRICES": str(shared / "data"), "PATH": f"{bin_folder}:{os.environ['PATH']}"})
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", script], env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr
