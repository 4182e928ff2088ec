"""What the template has ready for its children."""

import subprocess
import sys
from pathlib import Path

# Prepares as the template does; then looks at itself as a child would find it.
PROGRAM = """
import os, sys, threading
from pathlib import Path
from sysproduction.adapters.preload import preload_for, prepare
prepare(preload_for(sys.argv[1]))
assert threading.active_count() == 1, threading.enumerate()
imported = set(sys.modules)
from sysproduction.config import loading, remembered
from sysproduction.config.home import Home
loading.load = None  # nobody needs it: the configuration has been read
remembered.load(Home(Path(sys.argv[1])).as_accepted(), environ=os.environ)
from sysproduction.ops.main import rehearse
rehearse(sys.argv[1])
print(sorted(set(sys.modules) - imported))
"""


def test_a_child_finds_everything_done(tmp_path: Path) -> None:
    """The home's configuration is read and the command line has been parsed: nothing is imported for it any more. No
    thread runs that a fork could cut off."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "[]\n"


def test_a_bad_configuration_does_not_keep_the_template_from_starting(tmp_path: Path) -> None:
    """Each child says what is wrong with it instead."""
    (tmp_path / "private_config.yaml").write_text("nonsense: 1\n", encoding="utf-8")
    program = "import sys; from sysproduction.ops.main import rehearse; rehearse(sys.argv[1])"
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
