"""What children and a person's shell are told."""

import os
import subprocess
from pathlib import Path

import pytest

from workers.dev.data_dir import DataDir, Secrets
from workers.dev.environment import base_environment, settings, shell_file
from workers.dev.leftovers import MARK
from workers.dev.ports import Ports

SECRETS = Secrets(master_keys="k1:a+/b=", database_password="secret", demo_imap_password="other")


def test_a_temporal_of_the_persons_own_shell_is_not_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "key of the production cluster")
    monkeypatch.setenv("POSTROOM_GOOGLE_API_URL", "http://127.0.0.1:1")

    environment = base_environment(DataDir(tmp_path))

    assert "TEMPORAL_API_KEY" not in environment
    assert environment["POSTROOM_GOOGLE_API_URL"] == "http://127.0.0.1:1"
    assert environment[MARK] == str(tmp_path)


def test_the_shell_file_gives_a_shell_the_settings_whatever_they_contain(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "it's $HOME")
    data.root.mkdir()
    expected = settings(data, Ports.from_base(9000), SECRETS, "postgresql://a:'b$c@127.0.0.1/d")
    data.shell_file.write_text(shell_file(expected))

    shell = subprocess.run(
        ["sh", "-c", '. "$0" && env && type postroom', str(data.shell_file)],
        check=True,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )

    assert {f"{name}={value}" for name, value in expected.items()} <= set(shell.stdout.splitlines())
    assert "postroom is a" in shell.stdout


def test_a_persons_shell_does_not_get_the_mark_by_which_leftovers_are_found_and_killed(tmp_path: Path) -> None:
    told = settings(DataDir(tmp_path), Ports.from_base(9000), SECRETS, "postgresql://a@127.0.0.1/d")

    assert MARK not in told
