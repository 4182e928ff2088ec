"""The supervisor's own log: bounded, and no harm when its disk is full."""

import logging
from pathlib import Path

from sysproduction.adapters.limited_log import Limits
from sysproduction.adapters.log_lines import BoundedFile


def logger(handler: logging.Handler) -> logging.Logger:
    made = logging.Logger("bounded")
    made.addHandler(handler)
    return made


def test_the_log_is_rotated(tmp_path: Path) -> None:
    """Files stay within their bound and hold whole lines; the newest line is in the file of that name."""
    handler = BoundedFile(tmp_path / "own.log", Limits(file_bytes_max=1000, files_kept=2))
    log = logger(handler)
    for number in range(500):
        log.info("line %d", number)
    handler.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["own.log", "own.log.1", "own.log.2"]
    assert all(0 < file.stat().st_size <= 1000 for file in files)
    assert (tmp_path / "own.log").read_text().endswith("line 499\n")
    assert (tmp_path / "own.log.1").read_text().startswith("line ")


def test_a_full_disk_is_counted(tmp_path: Path) -> None:
    """Lines that did not arrive are told with the next one that does; nothing is raised or printed."""
    path = tmp_path / "own.log"
    path.symlink_to("/dev/full")
    handler = BoundedFile(path)
    log = logger(handler)
    log.info("lost")
    log.info("lost too")
    path.unlink()
    log.info("kept")
    log.info("kept too")
    handler.close()
    assert path.read_text() == "[2 lines lost: No space left on device]\nkept\nkept too\n"


def test_a_line_goes_on_after_a_crash(tmp_path: Path) -> None:
    """What an earlier program left in the middle of a line is ended first."""
    path = tmp_path / "own.log"
    path.write_text("half a li")
    handler = BoundedFile(path)
    logger(handler).info("whole")
    handler.close()
    assert path.read_text() == "half a li\nwhole\n"
