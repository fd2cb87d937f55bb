"""Names every test that passed at its second go only. Each is a fault to mend; more than a few fail the run.

`.ci/run` gives that second go (`--reruns 1`): thousands of tests with real servers and a real browser on two cores miss
a moment now and then, and whoever lands next is not the one to suffer for it.
"""

from __future__ import annotations

from typing import Any

import pytest

TOLERATED = 2


def unsteady(terminalreporter: Any) -> list[str]:
    """The tests that went twice and passed then."""
    again = {report.nodeid for report in terminalreporter.stats.get("rerun", [])}
    failed = {report.nodeid for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, [])}
    return sorted(again - failed)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and len(unsteady(reporter)) > TOLERATED and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    tests = unsteady(terminalreporter)
    if not tests:
        return
    verdict = "" if len(tests) <= TOLERATED else f": more than {TOLERATED} are a failure"
    terminalreporter.section(f"passed at the second go only{verdict}")
    for report in terminalreporter.stats["rerun"]:
        if report.nodeid in tests:
            terminalreporter.line(f"{report.nodeid}\n{report.longreprtext}")
