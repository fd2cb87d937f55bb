"""Lists every skipped test at the end of a run; in CI, where everything must run, a skip is a failure."""

import os
from collections import Counter
from typing import Any

import pytest


def skip_reasons(terminalreporter: Any) -> Counter[str]:
    """How often each reason for a skip occurred."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        # A skip is reported as (path, line, reason); an expected failure as a plain string, and is none.
        if isinstance(report.longrepr, tuple):
            reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1
    return reasons


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    reasons = skip_reasons(reporter)
    if reasons and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reasons = skip_reasons(terminalreporter)
    if not reasons:
        return
    verdict = "a failure in CI" if os.environ.get("CI") else "this machine lacks what they need"
    terminalreporter.section(f"skipped tests: {verdict}")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4} {reason}")
