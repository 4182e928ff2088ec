"""The year that reports are made of."""

from pathlib import Path

import pytest

from tests.report_year import Year, recorded_year


@pytest.fixture(scope="session")
def year(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Year:
    """Played once a session; tests only look at it."""
    return recorded_year(shared / "data", tmp_path_factory.mktemp("year"))
