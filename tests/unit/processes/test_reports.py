"""The reports that are named in one place and made in others."""

from sysproduction.control.reporting import REPORTS
from sysproduction.domain.report_policies import REPORT_NAMES
from sysproduction.processes import run_reports


def test_each_report_is_a_method() -> None:
    """Names, what makes them, and the process agree, in this order."""
    assert tuple(REPORTS) == REPORT_NAMES == tuple(run_reports.__all__)
