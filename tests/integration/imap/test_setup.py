"""`postroom mailbox add imap` from the command to credentials that Dovecot takes."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from providers.imap.check import Step, check
from providers.imap.settings import ImapSettings
from storage import mailboxes
from storage.database import Database
from storage.secrets import KeyRing
from tests.house import MASTER_KEYS
from tests.simulators.dovecot import PASSWORD, Dovecot
from tests.simulators.google import google
from tests.simulators.token_server import CLIENT_SECRET, TokenServer, token_server
from tests.unit.providers.test_oauth import Drawer
from workers import admin, imap_setup, mailbox_commands, mailbox_setup
from workers.admin import AdminError
from workers.arguments import add as add_commands
from workers.settings import Settings


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    return parser.parse_args(["mailbox", "add", "imap", *words])


@pytest.fixture
def settings(db_url: str, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"database_url": db_url, "objects_url": tmp_path.as_uri(), "master_keys": MASTER_KEYS,
         "allow_private_hosts": True}
    )  # fmt: skip


@pytest_asyncio.fixture
async def tokens(dovecot: Dovecot) -> AsyncIterator[TokenServer]:
    async with token_server(dovecot.tokens) as running:
        yield running


async def added(db: Database, settings: Settings, *words: str) -> tuple[ImapSettings, dict[str, Any]]:
    """The settings and the opened secret as they were stored."""
    tenant = await admin.ensure_default_tenant(db)
    mailbox_id = await imap_setup.add(arguments(*words), settings, db, tenant.tenant_id)
    async with db.tenant(tenant.tenant_id) as session:
        mailbox = await mailboxes.get(session, tenant.tenant_id, mailbox_id)
    assert mailbox is not None
    return ImapSettings.model_validate(mailbox.settings), mailbox.secret(KeyRing(MASTER_KEYS))


async def tried(imap: ImapSettings, secret: dict[str, Any], dovecot: Dovecot) -> list[Step]:
    from providers.imap.oauth import credentials

    trusted = imap.model_copy(update={"ca_file": str(dovecot.ca_file)})
    login = credentials(trusted, secret, Drawer(secret), allow_private=True)
    return [step async for step in check(trusted, login, allow_private=True)]


async def test_a_password(
    db: Database, settings: Settings, dovecot: Dovecot, user: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    imap, secret = await added(
        db, settings, user, "--host", "127.0.0.1", "--port", str(dovecot.tls_port), "--password-file", str(file)
    )
    assert secret == {"password": PASSWORD}
    assert all(step.works for step in await tried(imap, secret, dovecot))
    await mailbox_commands.show(argparse.Namespace(), settings, db)
    (shown,) = [line for line in capsys.readouterr().out.splitlines() if user in line]
    assert "not read yet" in shown


async def test_a_token_server_of_ones_own_and_the_consent_of_the_user(
    db: Database, settings: Settings, dovecot: Dovecot, user: str, tokens: TokenServer, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The user agrees in a browser; the code comes back to this machine, and is exchanged for a lasting grant."""
    opened: list[asyncio.Task[None]] = []

    async def agree(url: str) -> None:
        async with aiohttp.ClientSession() as browser, browser.get(url) as page:
            assert "You can close this page" in await page.text()

    monkeypatch.setattr(mailbox_setup, "show", lambda url: opened.append(asyncio.create_task(agree(url))))
    file = tmp_path / "secret"
    file.write_text(CLIENT_SECRET)
    imap, secret = await added(
        db, settings, user, "--oauth", "other", "--host", "127.0.0.1", "--port", str(dovecot.tls_port),
        "--token-url", f"{tokens.url}/token", "--authorize-url", f"{tokens.url}/authorize", "--scope", "imap",
        "--client-id", "postroom", "--client-secret-file", str(file),
    )  # fmt: skip
    await asyncio.gather(*opened)
    steps = await tried(imap, secret, dovecot)
    assert [step.name for step in steps] == [
        "address", "connection", "token", "login", "capabilities", "folder", "idle"
    ]  # fmt: skip
    assert all(step.works for step in steps)
    tokens.revoke(user)
    *_, last = await tried(imap, secret, dovecot)
    assert (last.name, last.works) == ("token", False)
    assert "--oauth" in last.advice


async def test_google_gives_lasting_access_for_imap(
    db: Database, settings: Settings, user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[asyncio.Task[None]] = []

    async def agree(url: str) -> None:
        async with aiohttp.ClientSession() as browser, browser.get(url) as page:
            assert page.status == 200

    monkeypatch.setattr(mailbox_setup, "show", lambda url: opened.append(asyncio.create_task(agree(url))))
    async with google() as simulator:
        own = simulator.endpoints()
        pointed = settings.model_copy(
            update={"google_oauth_url": own.google_oauth, "google_consent_url": own.google_consent}
        )
        client = tmp_path / "client.json"
        client.write_text(
            json.dumps({"installed": {
                "client_id": simulator.oauth.client_id, "client_secret": simulator.oauth.client_secret
            }})
        )  # fmt: skip
        imap, secret = await added(db, pointed, user, "--oauth", "google", "--client-file", str(client))
        await asyncio.gather(*opened)
        assert simulator.oauth.refresh_tokens[secret["refresh_token"]] == user
    assert (imap.host, imap.auth) == ("imap.gmail.com", "xoauth2")
    assert imap.oauth is not None
    assert imap.oauth.scope == "https://mail.google.com/"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--password-file"),
        (["--oauth", "microsoft", "--client-id", "c"], "--directory"),
        (["--oauth", "google"], "--client-file"),
        (["--oauth", "google", "--application", "--client-id", "c"], "leave --application out"),
        (["--oauth", "microsoft", "--directory", "d", "--application", "--client-id", "c"], "--client-secret-file"),
        (["--oauth", "other", "--client-id", "c"], "--token-url"),
        (
            [
                "--oauth",
                "other",
                "--client-id",
                "c",
                "--host",
                "imap.example.com",
                "--token-url",
                "http://a.example.com/t",
                "--authorize-url",
                "https://a.example.com/a",
            ],
            "https://",
        ),
    ],
)
async def test_what_is_missing_is_named(db: Database, settings: Settings, words: list[str], says: str) -> None:
    with pytest.raises(AdminError, match=says):
        await added(db, settings, "u@example.com", *words)
