"""`make venv` finds a Python that works, says so when there is none, and does its work once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that needs no library, so that making its environment takes seconds."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").write_text("")
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The suite itself may run under make, with variables of its own.
    ours = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "PYTHON", "VENV"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        ["make", *arguments],
        check=False,
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def shim(checkout: Path, body: str) -> str:
    program = checkout / f"python-{abs(hash(body))}"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_a_python_that_exists_but_does_not_run_is_passed_over(checkout: Path) -> None:
    broken = shim(checkout, "echo 'pyenv: python3.13: command not found' >&2; exit 127")

    made = make(checkout, "venv", f"CANDIDATES={broken} {sys.executable}")

    assert made.returncode == 0, made.stderr
    assert f"making .venv with {sys.executable}" in made.stdout
    assert made.stderr == ""


def test_an_environment_is_made_anew_only_when_the_lock_changed(checkout: Path) -> None:
    make(checkout, "venv", f"CANDIDATES={sys.executable}")

    again = make(checkout, "venv", f"CANDIDATES={sys.executable}")
    (checkout / "requirements.lock").write_text("# changed\n")
    changed = make(checkout, "venv", f"CANDIDATES={sys.executable}")

    assert again.stdout == ""
    assert changed.stdout == "installing the libraries of requirements.lock (a minute or two the first time)\n"


@pytest.mark.parametrize("body", ["exit 127", f"exec {sys.executable} -c 'exit(1)'"])
def test_without_a_usable_python_one_sentence_says_what_is_needed(checkout: Path, body: str) -> None:
    refused = make(checkout, "venv", f"CANDIDATES={shim(checkout, body)}")

    assert refused.returncode == 2
    assert "postroom needs Python 3.11, 3.12 or 3.13 with its venv module" in refused.stderr
    assert not (checkout / ".venv").exists()
