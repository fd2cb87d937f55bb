"""Access tokens for IMAP: a real Dovecot that asks who a token is for, and a token server that rotates."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from domain import imap_oauth
from domain.endpoints import Endpoints
from providers.base import AuthFailed, Permanent, Transient
from providers.imap import oauth
from providers.imap.mailbox import ImapMailbox
from providers.imap.settings import ImapSettings, OAuthClient
from tests.integration.imap.conftest import StartListener
from tests.integration.imap.recording import FAST, RecordingSink
from tests.integration.imap.test_listener import deliver
from tests.simulators.dovecot import Dovecot
from tests.simulators.token_server import TokenServer, token_server
from tests.unit.providers.test_oauth import Drawer


@pytest_asyncio.fixture
async def tokens(dovecot: Dovecot) -> AsyncIterator[TokenServer]:
    async with token_server(dovecot.tokens) as running:
        yield running


def settings(dovecot: Dovecot, user: str, tokens: TokenServer, auth: str = "xoauth2") -> ImapSettings:
    return dovecot.settings(user, auth=auth, oauth=tokens.client)


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
async def test_a_mailbox_is_listened_to_and_fetched_from_with_tokens_that_end_again_and_again(
    dovecot: Dovecot, user: str, tokens: TokenServer, sink: RecordingSink,
    start_listener: StartListener, auth: str,
) -> None:  # fmt: skip
    tokens.seconds = 0.5
    drawer = Drawer(tokens.grant(user))
    how = settings(dovecot, user, tokens, auth)
    first = drawer.kept["refresh_token"]

    def own() -> oauth.Credentials:  # the listener and a worker are two processes that share the vault
        return oauth.credentials(how, drawer.kept, drawer, allow_private=True)

    await start_listener(sink, FAST).add("m", how, own(), [])
    await sink.until(lambda: sink.state == "idle")
    for number in range(3):
        await deliver(dovecot, user, f"{number}@example.org")
        await sink.until_listed(f"{number}@example.org")
        mailbox = ImapMailbox(how, own(), allow_private=True)
        content = b"".join([chunk async for chunk in mailbox.fetch(sink.messages[-1].locator)])
        assert f"<{number}@example.org>".encode() in content
        await mailbox.close()
    while tokens.issued < 6:
        await asyncio.sleep(0.05)
    assert drawer.kept["refresh_token"] not in (first, None)
    assert list(tokens.grants.values()).count(user) == 1
    assert not sink.refused
    assert "backoff" not in {status.state for status in sink.statuses}


async def test_a_token_that_the_mail_server_refuses_is_exchanged_once(
    dovecot: Dovecot, user: str, tokens: TokenServer, sink: RecordingSink,
    start_listener: StartListener,
) -> None:  # fmt: skip
    stale = {"access_token": "stale", "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    drawer = Drawer({**tokens.grant(user), **stale})
    how = settings(dovecot, user, tokens)
    secret = oauth.credentials(how, drawer.kept, drawer, allow_private=True)
    await start_listener(sink, FAST).add("m", how, secret, [])
    await sink.until(lambda: sink.state == "idle")
    assert tokens.issued == 1


async def test_a_revoked_grant_ends_as_refused_credentials_and_a_token_server_that_is_away_does_not(
    dovecot: Dovecot, user: str, tokens: TokenServer, sink: RecordingSink,
    start_listener: StartListener,
) -> None:  # fmt: skip
    drawer = Drawer(tokens.grant(user))
    how = settings(dovecot, user, tokens)
    secret = oauth.credentials(how, drawer.kept, drawer, allow_private=True)
    tokens.unavailable = True
    listener = start_listener(sink, FAST)
    await listener.add("m", how, secret, [])
    await sink.until(lambda: sink.state == "backoff")
    while tokens.asked < 5:  # three refusals would have been final
        await asyncio.sleep(0.01)
    assert not sink.refused
    tokens.unavailable = False
    await sink.until(lambda: sink.state == "idle")
    tokens.revoke(user)
    await listener.replace("m", how, secret, list(sink.states.values()))
    await sink.until(lambda: bool(sink.refused))
    assert "Connect the mailbox again" in sink.refused[0][1]


class TestTokenServers:
    def test_secrets_go_to_encrypted_servers_only(self) -> None:
        with pytest.raises(ValueError, match="https"):
            OAuthClient(token_url="http://tokens.example.com/token", client_id="c")

    async def test_a_token_server_on_a_private_network_is_not_asked(self, tokens: TokenServer) -> None:
        drawer = Drawer(tokens.grant("u@example.com"))
        how = ImapSettings(host="imap.example.com", username="u", auth="xoauth2", oauth=tokens.client)
        with pytest.raises(Permanent, match="private"):
            await oauth.credentials(how, drawer.kept, drawer).secret(refused=False)
        assert tokens.issued == 0

    async def test_only_the_address_that_was_checked_is_connected_to(
        self, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name whose server answers differently the second time leads nowhere else."""
        port, asked = urlsplit(tokens.client.token_url).port, []

        def lookup(host: str, *args: object, **options: object) -> list[object]:
            asked.append(host)
            address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        client = tokens.client.model_copy(update={"token_url": f"http://tokens.example.com:{port}/token"})
        drawer = Drawer(tokens.grant("u@example.com"))
        how = ImapSettings(host="imap.example.com", username="u").model_copy(
            update={"auth": "xoauth2", "oauth": client}
        )
        await oauth.credentials(how, drawer.kept, drawer, allow_private=True).secret(refused=False)
        assert (asked, tokens.issued) == (["tokens.example.com"], 1)

    async def test_what_it_says_is_understood(self, tokens: TokenServer) -> None:
        drawer = Drawer({**tokens.grant("u@example.com"), "client_secret": "wrong"})
        how = ImapSettings(host="imap.example.com", username="u", auth="xoauth2", oauth=tokens.client)
        secret = oauth.credentials(how, drawer.kept, drawer, allow_private=True)
        with pytest.raises(AuthFailed, match="does not know this client"):
            await secret.secret(refused=False)
        tokens.unavailable = True
        with pytest.raises(Transient):
            await secret.secret(refused=False)

    def test_google_and_microsoft_are_asked_for_imap(self) -> None:
        google = OAuthClient.model_validate(imap_oauth.google(Endpoints()).client("client", "refresh_token"))
        asked = oauth.consent(google, "http://127.0.0.1:1/", "help@example.org")
        assert "scope=https%3A%2F%2Fmail.google.com%2F" in asked.url
        assert "access_type=offline" in asked.url
        microsoft = imap_oauth.microsoft(Endpoints(), "common")
        assert microsoft.token_url == "https://login.microsoftonline.com/common/oauth2/v2.0/token"
        assert "IMAP.AccessAsUser.All offline_access" in microsoft.scope
        assert imap_oauth.microsoft(Endpoints(), "d", application=True).scope.endswith("/.default")

    async def test_an_application_asks_nobody(self) -> None:
        own = imap_oauth.microsoft(Endpoints(), "d", application=True).client("client", "client_credentials")
        with pytest.raises(AuthFailed, match="asks nobody"):
            oauth.consent(OAuthClient.model_validate(own), "http://127.0.0.1:1/", "help@example.org")


def test_a_mailbox_without_what_it_needs_says_so() -> None:
    plain = ImapSettings(host="imap.example.com", username="u")
    with pytest.raises(AuthFailed, match="no password"):
        oauth.credentials(plain, {}, Drawer({}))
    with pytest.raises(AuthFailed, match="no OAuth client"):
        oauth.credentials(plain.model_copy(update={"auth": "xoauth2"}), {}, Drawer({}))
