"""A data directory belongs to one process at a time, and its secrets are made once and kept private."""

import os
from pathlib import Path

import pytest

from workers.dev.data_dir import DataDir, write_private
from workers.dev.errors import DevError


def test_secrets_are_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    data = DataDir(tmp_path)

    made = data.secrets()

    assert DataDir(tmp_path).secrets() == made
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert made.master_keys.startswith("k1:")


def test_damaged_secrets_are_refused_rather_than_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")

    with pytest.raises(DevError, match=r"secrets\.json cannot be read.* restore that file"):
        DataDir(tmp_path).secrets()

    assert (tmp_path / "secrets.json").read_text() == "{"


def test_lost_secrets_are_not_made_anew_beside_data_that_needs_the_old_ones(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()

    with pytest.raises(DevError, match=r"secrets\.json cannot be read"):
        DataDir(tmp_path).secrets()

    assert not (tmp_path / "secrets.json").exists()


def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    refusal = rf"process {os.getpid()}\) is using {tmp_path}; .*--data-dir"
    with DataDir(tmp_path).locked(), pytest.raises(DevError, match=refusal), DataDir(tmp_path).locked():
        pass

    with DataDir(tmp_path).locked():
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DevError, match=rf"The data directory {tmp_path}/file cannot be used: "):
        DataDir(tmp_path / "file").create()


def test_what_is_remembered_is_private_and_found_again(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    assert data.remembered("api-token") is None

    data.remember("api-token", "secret")

    assert data.remembered("api-token") == "secret"
    assert (tmp_path / "api-token").stat().st_mode & 0o777 == 0o600


def test_a_private_file_replaces_a_public_one_with_its_own_mode(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text("old")
    path.chmod(0o644)

    write_private(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
