"""Wrong configuration ends with one clear sentence and a status, whatever the process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.house import MASTER_KEYS


def _run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("POSTROOM_", "TEMPORAL_"))}
    return subprocess.run(
        [sys.executable, "-m", "workers.cli", *command.split()],
        env={**inherited, "PYTHONPATH": str(Path.cwd()), "POSTROOM_LOG_LEVEL": "ERROR", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def environment(db_url: str, tmp_path: Path) -> dict[str, str]:
    """A configuration that holds, for the test to spoil."""
    return {
        "POSTROOM_DATABASE_URL": db_url,
        "POSTROOM_OBJECTS_URL": (tmp_path / "objects").as_uri(),
        "POSTROOM_MASTER_KEYS": MASTER_KEYS,
        "POSTROOM_WEB_PORT": "0",
        "POSTROOM_WEBHOOKS_PORT": "0",
        "POSTROOM_SMTP_PORT": "0",
    }


def _one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("postroom: ")
    assert all(word in lines[0] for word in words), lines[0]
    assert result.returncode == 1


@pytest.mark.parametrize("command", ["worker", "listener", "webhooks", "web", "migrate", "mailbox list"])
def test_missing_settings_are_all_named(command: str) -> None:
    result = _run(command, {})
    _one_sentence(result, "POSTROOM_DATABASE_URL", "POSTROOM_OBJECTS_URL", "POSTROOM_MASTER_KEYS", "missing")


def test_a_wrong_setting_is_named_without_its_value(environment: dict[str, str]) -> None:
    _one_sentence(_run("worker", {**environment, "POSTROOM_WEB_PORT": "sesame"}), "POSTROOM_WEB_PORT", "not valid")


@pytest.mark.parametrize("keys", ["", "k1", "k1:!!!", "k1:c2hvcnQ="])
def test_a_key_that_is_none_is_said_without_showing_it(environment: dict[str, str], keys: str) -> None:
    result = _run("worker", {**environment, "POSTROOM_MASTER_KEYS": keys})
    _one_sentence(result, "POSTROOM_MASTER_KEYS")
    assert "c2hvcnQ" not in result.stderr


@pytest.mark.parametrize("command", ["worker", "listener", "webhooks", "web", "migrate", "mailbox list"])
def test_an_unreachable_database(environment: dict[str, str], command: str) -> None:
    environment["POSTROOM_DATABASE_URL"] = "postgresql://nobody:hidden@127.0.0.1:1/nowhere"
    result = _run(command, environment)
    _one_sentence(result, "Postgres", "POSTROOM_DATABASE_URL")
    assert "hidden" not in result.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [("not a url", ("not a valid",)), ("postgresql://postgres@{host}/absent", ("does not exist",))],
)
def test_a_database_url_that_leads_nowhere(environment: dict[str, str], url: str, words: tuple[str, ...]) -> None:
    host = environment["POSTROOM_DATABASE_URL"].split("@")[1].split("/")[0]
    _one_sentence(_run("worker", {**environment, "POSTROOM_DATABASE_URL": url.format(host=host)}), *words)


@pytest.mark.parametrize("command", ["worker", "listener", "webhooks", "web", "migrate"])
async def test_a_database_that_is_newer_than_the_code(environment: dict[str, str], db_url: str, command: str) -> None:
    connection = await asyncpg.connect(db_url)
    await connection.execute("insert into schema_migrations (version, name, checksum) values (9999, 'later', 'x')")
    await connection.close()
    _one_sentence(_run(command, environment), "9999", "newer")


@pytest.mark.parametrize("command", ["worker", "listener", "webhooks", "web"])
async def test_a_database_that_was_never_migrated(environment: dict[str, str], db_url: str, command: str) -> None:
    """The systemd units rely on it."""
    connection = await asyncpg.connect(db_url)
    await connection.execute("drop table schema_migrations")
    await connection.close()
    _one_sentence(_run(command, environment), "postroom migrate")


@pytest.mark.parametrize(
    ("command", "variable"),
    [("webhooks", "POSTROOM_WEBHOOKS_PORT"), ("webhooks", "POSTROOM_SMTP_PORT"), ("web", "POSTROOM_WEB_PORT")],
)
def test_a_port_in_use(environment: dict[str, str], command: str, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _one_sentence(_run(command, {**environment, variable: str(port)}), str(port), "POSTROOM_*_PORT")


@pytest.mark.parametrize("command", ["", "nonsense", "mailbox", "mailbox add pigeon x@example.com", "deliver x"])
def test_wrong_usage_is_status_two(command: str) -> None:
    result = _run(command, {})
    assert result.returncode == 2
    assert "usage: postroom" in result.stderr


def test_help_teaches_and_needs_no_settings() -> None:
    result = _run("--help", {})
    assert result.returncode == 0
    for command in ("postroom dev --demo", "migrate", "worker", "listener", "webhooks", "web", "parse", "trace"):
        assert command in result.stdout
