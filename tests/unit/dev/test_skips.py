"""Skipped tests are listed; in CI they fail the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run_pytest(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.plugins.skips", "--rootdir", folder, folder],
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
