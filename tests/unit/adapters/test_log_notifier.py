"""The log channel: one line for each thing told, whatever the text."""

import logging

import pytest

from sysproduction.adapters.log_notifier import LogNotifier
from sysproduction.domain.alerts import Alert, Severity


@pytest.mark.parametrize(
    ("severity", "level"),
    [(Severity.INFO, logging.INFO), (Severity.WARNING, logging.WARNING), (Severity.CRITICAL, logging.CRITICAL)],
)
def test_an_alert_is_one_line_at_its_level(severity: Severity, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks and quotes in a text stay within the one line, and the fields are there for other formats."""
    caplog.set_level(logging.DEBUG)
    LogNotifier(logging.getLogger("alerts")).alert(Alert("k/1", 'said "no"', "a\nb %s é", severity))
    (record,) = caplog.records
    assert record.levelno == level
    assert record.getMessage() == r'alert key="k/1" title="said \"no\"" text="a\nb %s é"'
    assert record.__dict__["fields"]["text"] == "a\nb %s é"


def test_a_recovery_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """A recovery is logged with its key at level info."""
    caplog.set_level(logging.INFO)
    LogNotifier(logging.getLogger("alerts")).recover("k/1", "works again")
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.INFO, 'recovery key="k/1" text="works again"')
    ]
