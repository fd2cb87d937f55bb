"""Skipped tests are listed, and in CI they fail the run. So are tests that pass at their second go only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLUGINS = ("-p", "tests.plugins.skips", "-p", "tests.plugins.unsteady")


def run_pytest(folder: Path, source: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGINS, "--rootdir", folder, *options, folder],
        check=False,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


SKIPPING = """
import pytest

def test_passes(): pass

@pytest.mark.skip(reason="needs dovecot")
def test_skipped(): pass
"""


def test_a_skip_is_listed_with_its_reason_and_tolerated_on_a_developers_machine(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, SKIPPING)

    assert run.returncode == 0
    assert "   1 needs dovecot" in run.stdout


def test_a_skip_fails_the_run_in_ci(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, SKIPPING, CI="true")

    assert run.returncode == 1
    assert "skipped tests: a failure in CI" in run.stdout


@pytest.mark.parametrize(
    "test", ["def test_passes(): pass", "import pytest\n@pytest.mark.xfail\ndef test_x(): assert 0"]
)
def test_a_run_without_skips_passes_in_ci(tmp_path: Path, test: str) -> None:
    run = run_pytest(tmp_path, test, CI="true")

    assert run.returncode == 0
    assert "skipped tests" not in run.stdout


UNSTEADY = """
import pytest

seen = set()

@pytest.mark.parametrize("number", range({count}))
def test_missed_its_moment(number):
    first = number not in seen
    seen.add(number)
    assert not first, "the moment was missed"
"""


@pytest.mark.parametrize(("count", "exit_code"), [(1, 0), (2, 0), (3, 1)])
@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_few_tests_may_need_a_second_go_and_are_named(
    tmp_path: Path, count: int, exit_code: int, processes: str
) -> None:
    run = run_pytest(tmp_path, UNSTEADY.format(count=count), "--reruns", "1", "-n", processes)

    assert run.returncode == exit_code
    for number in range(count):
        assert f"test_it.py::test_missed_its_moment[{number}]\n" in run.stdout
    assert run.stdout.count("AssertionError: the moment was missed") >= count


def test_what_fails_twice_fails_the_run_and_is_not_called_unsteady(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, "def test_wrong(): assert 0", "--reruns", "1")

    assert run.returncode == 1
    assert "second go" not in run.stdout


def test_without_a_second_go_the_first_failure_counts(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, UNSTEADY.format(count=1))

    assert run.returncode == 1
