"""Fixtures that every level of test shares."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real prices and reference numbers; skips the test where it is not."""
    folder = Path(os.environ.get("SYSPRODUCTION_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("needs the shared folder: put it beside the checkout or set SYSPRODUCTION_SHARED")
    return folder
