"""A pytest plugin: with the shared folder present, a skip that tests/allowed_skips.txt does not list fails the run."""

import os
import re
from pathlib import Path

import pytest


def shared_folder(root: Path) -> Path:
    """Where the shared folder is expected, present or not."""
    return Path(os.environ.get("SYSPRODUCTION_SHARED", root.parent / "shared"))


def read_allowed(path: Path) -> list[re.Pattern[str]]:
    """The patterns of "node id | reason" lines; a line without a reason is a usage error."""
    patterns = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, _, reason = line.rpartition(" | ")
        if not pattern.strip() or not reason.strip():
            raise pytest.UsageError(f'{path}:{number}: write "node id | reason", not "{line}"')
        patterns.append(re.compile(re.escape(pattern.strip()).replace(r"\*", ".*")))
    return patterns


class SkipRule:
    """Collects skips, also those that xdist's workers send, and turns an unexpected one into exit code 1."""

    def __init__(self, allowed: list[re.Pattern[str]]) -> None:
        self.allowed = allowed
        self.unexpected: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        expected_failure = hasattr(report, "wasxfail")
        if report.skipped and not expected_failure and not any(p.fullmatch(report.nodeid) for p in self.allowed):
            self.unexpected[report.nodeid] = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unexpected and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.unexpected:
            return
        terminalreporter.section("skips that tests/allowed_skips.txt does not list", red=True)
        for nodeid, reason in sorted(self.unexpected.items()):
            terminalreporter.line(f"{nodeid} | {reason}")


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if not is_worker and (shared_folder(config.rootpath) / "data").is_dir():
        config.pluginmanager.register(SkipRule(read_allowed(config.rootpath / "tests" / "allowed_skips.txt")))
