"""Connecting a mailbox by command, as processes: what is refused, and what is said about it. See test_guides, too."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.house import MASTER_KEYS
from tests.integration.push.processes import ROOT
from tests.integration.push.stand import Stand
from tests.integration.push.test_microsoft_simulator import certificate
from tests.simulators.microsoft_login import DIRECTORY
from tests.temporal_server import TemporalServer

GMAIL, GRAPH = "help@example.org", "help@example.net"


@dataclass(frozen=True)
class Shell:
    """The `postroom` command with the settings of this installation, in a directory."""

    environment: Mapping[str, str]
    directory: Path = ROOT

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "workers.cli",
            *arguments,
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            cwd=self.directory,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def postroom(self, *arguments: str) -> tuple[int | None, str]:
        """Exit status and output."""
        process = await self.start(*arguments)
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    async def agree(self, *arguments: str) -> tuple[int | None, str]:
        """As `postroom`, with somebody at the browser who opens the printed page and agrees."""
        process = await self.start(*arguments)
        assert process.stdout is not None
        shown = ""
        while "http" not in shown:
            shown = (await process.stdout.readline()).decode()
        async with aiohttp.ClientSession() as browser, browser.get(shown.strip()) as page:
            assert "You can close this page" in await page.text()
        output, _ = await process.communicate()
        return process.returncode, output.decode()


@pytest.fixture
def shell(stand: Stand, db_url: str, temporal: TemporalServer, tmp_path: Path) -> Shell:
    endpoints = stand.house.endpoints
    return Shell(
        {
            "POSTROOM_DATABASE_URL": db_url,
            "POSTROOM_OBJECTS_URL": (tmp_path / "objects").as_uri(),
            "POSTROOM_MASTER_KEYS": MASTER_KEYS,
            "POSTROOM_WEBHOOKS_URL": stand.webhooks_url,
            "POSTROOM_GOOGLE_API_URL": endpoints.google_api,
            "POSTROOM_GOOGLE_OAUTH_URL": endpoints.google_oauth,
            "POSTROOM_GOOGLE_CONSENT_URL": endpoints.google_consent,
            "POSTROOM_GOOGLE_JWKS_URL": endpoints.google_jwks,
            "POSTROOM_GRAPH_URL": endpoints.graph,
            "POSTROOM_MICROSOFT_LOGIN_URL": endpoints.microsoft_login,
            "TEMPORAL_ADDRESS": temporal.address,
        }
    )


async def test_a_gmail_users_consent(stand: Stand, shell: Shell, tmp_path: Path) -> None:
    client = tmp_path / "client.json"
    oauth = stand.google.oauth
    client.write_text(json.dumps({"installed": {"client_id": oauth.client_id, "client_secret": oauth.client_secret}}))
    code, output = await shell.agree("mailbox", "add", "gmail", GMAIL, "--client-file", str(client))
    assert code == 0, output
    code, output = await shell.postroom("mailbox", "test", GMAIL)
    assert code == 0, output
    assert "the mailbox is polled" in output
    other = "sales@example.org"
    stand.google.oauth.consents_as = GMAIL
    code, output = await shell.agree("mailbox", "add", "gmail", other, "--client-file", str(client))
    assert code == 1, output
    assert f"opens the mailbox of {GMAIL}, not {other}" in output


async def test_a_microsoft_certificate_and_a_users_consent(stand: Stand, shell: Shell, tmp_path: Path) -> None:
    stand.graph.mailbox(GRAPH)
    pem = tmp_path / "postroom.pem"
    pem.write_text(certificate())
    stand.graph.login.certificate = pem.read_text()
    application = ("--directory", DIRECTORY, "--client-id", stand.graph.login.client_id)
    code, output = await shell.postroom(
        "mailbox", "add", "microsoft", GRAPH, *application, "--certificate-file", str(pem), "--no-notify"
    )
    assert code == 0, output
    code, output = await shell.agree(
        "mailbox", "add", "microsoft", GRAPH, *application, "--certificate-file", str(pem), "--consent"
    )
    assert code == 0, output
    code, output = await shell.postroom("mailbox", "test", GRAPH)
    assert code == 0, output
    assert len(stand.graph.login.refresh_tokens) == 1
    stand.graph.login.consents_as = "sales@example.net"
    code, output = await shell.agree(
        "mailbox", "add", "microsoft", GRAPH, *application, "--certificate-file", str(pem), "--consent"
    )
    assert (code, "sales@example.net agreed, not" in output) == (1, True), output


async def test_what_cannot_work_is_said_before_anything_is_kept(stand: Stand, shell: Shell, tmp_path: Path) -> None:
    key = tmp_path / "reader.json"
    key.write_text(json.dumps(stand.google.oauth.service_account_key()))
    stand.google.account(GMAIL).enabled = False
    code, output = await shell.postroom("mailbox", "add", "gmail", GMAIL, "--key-file", str(key))
    assert (code, "no Gmail mailbox" in output) == (1, True), output
    stand.google.account(GMAIL).enabled = True
    stand.google.oauth.delegated_scopes = set()
    code, output = await shell.postroom("mailbox", "add", "gmail", GMAIL, "--key-file", str(key))
    assert (code, "domain-wide delegation" in output) == (1, True)
    code, output = await shell.postroom("mailbox", "add", "gmail", GMAIL, "--key-file", str(key), "--topic", "mail")
    assert (code, "topic" in output) == (1, True)
    secret = tmp_path / "secret.txt"
    secret.write_text("wrong")
    application = ("--directory", DIRECTORY, "--client-id", stand.graph.login.client_id)
    code, output = await shell.postroom(
        "mailbox", "add", "microsoft", GRAPH, *application, "--client-secret-file", str(secret)
    )
    assert (code, "client secret is wrong" in output) == (1, True)
    assert await stand.house.rows("select 1 from mailboxes where tenant_id = $1 and provider <> 'smtp'") == []


async def test_a_test_ends_with_the_step_that_fails_and_what_to_do(stand: Stand, shell: Shell, tmp_path: Path) -> None:
    key = {**stand.google.oauth.service_account_key(), "kind": "service_account"}
    await stand.add("gmail", GMAIL, {"labels": ["Label_7"]}, key)
    code, output = await shell.postroom("mailbox", "test", GMAIL)
    assert code == 1
    assert "no label with the id Label_7" in output
    assert "notifications" not in output
    stand.google.oauth.revoke()
    code, output = await shell.postroom("mailbox", "test", GMAIL)
    assert code == 1
    assert "domain-wide delegation" in output
