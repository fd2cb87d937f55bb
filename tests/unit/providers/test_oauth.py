"""Tokens: one request at a time, rotation without loss, errors by what they say and not by their text."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio

from providers.base import AuthFailed, RateLimited, Transient
from providers.gmail import auth
from providers.oauth import AccessToken, Minted, ask_consent, stored_token
from providers.web import new_session
from tests.simulators.google import GoogleSimulator, google


class Drawer:
    """A vault in memory, as several processes share it."""

    def __init__(self, secret: Mapping[str, Any]) -> None:
        self.kept = dict(secret)
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[Drawer]:
        async with self._lock:
            self.secret = dict(self.kept)
            yield self

    async def store(self, secret: Mapping[str, Any]) -> None:
        self.kept = dict(secret)


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[GoogleSimulator]:
    async with google() as running:
        yield running


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session() as session:
        yield session


def user_secret(simulator: GoogleSimulator) -> dict[str, str]:
    return {
        "kind": "user",
        "client_id": simulator.oauth.client_id,
        "client_secret": simulator.oauth.client_secret,
        "refresh_token": simulator.oauth.grant("help@example.org"),
    }


async def test_many_at_once_ask_for_one_token() -> None:
    asked = 0

    async def grant() -> AccessToken:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return AccessToken(f"token-{asked}", datetime.now(UTC) + timedelta(hours=1))

    source = Minted(grant)
    assert set(await asyncio.gather(*(source.token() for _ in range(50)))) == {"token-1"}
    assert set(await asyncio.gather(*(source.token(refused="token-1") for _ in range(50)))) == {"token-2"}
    assert asked == 2


async def test_a_token_is_renewed_minutes_before_it_ends() -> None:
    tokens = [
        AccessToken("ending", datetime.now(UTC) + timedelta(minutes=4)),
        AccessToken("fresh", datetime.now(UTC) + timedelta(hours=1)),
    ]

    async def grant() -> AccessToken:
        return tokens.pop(0)

    source = Minted(grant)
    assert [await source.token(), await source.token(), await source.token()] == ["ending", "fresh", "fresh"]


async def test_two_processes_share_one_refresh_and_the_rotated_token_is_kept(
    simulator: GoogleSimulator, http: aiohttp.ClientSession
) -> None:
    simulator.oauth.rotates = True
    drawer = Drawer(user_secret(simulator))
    first = drawer.kept["refresh_token"]
    processes = [
        auth.token_source(http, simulator.endpoints(), "help@example.org", drawer.kept, drawer) for _ in range(5)
    ]
    tokens = await asyncio.gather(*(process.token() for process in processes))
    assert len(set(tokens)) == 1
    assert simulator.oauth.issued == 1
    assert drawer.kept["refresh_token"] != first
    # What was stored is what the next refresh needs.
    again = await processes[0].token(refused=tokens[0])
    assert again != tokens[0]
    assert await processes[1].token(refused=tokens[0]) == again
    assert simulator.oauth.issued == 2


async def test_an_answer_without_a_refresh_token_keeps_the_old_one(
    simulator: GoogleSimulator, http: aiohttp.ClientSession
) -> None:
    drawer = Drawer(user_secret(simulator))
    before = drawer.kept["refresh_token"]
    await auth.token_source(http, simulator.endpoints(), "help@example.org", drawer.kept, drawer).token()
    assert drawer.kept["refresh_token"] == before
    stored = stored_token(drawer.kept)
    assert stored is not None
    assert stored.usable


async def test_a_token_of_a_refresh_that_could_not_be_stored_is_not_handed_out(
    simulator: GoogleSimulator, http: aiohttp.ClientSession
) -> None:
    class Full(Drawer):
        async def store(self, secret: Mapping[str, Any]) -> None:
            raise OSError("no space")

    drawer = Full(user_secret(simulator))
    source = auth.token_source(http, simulator.endpoints(), "help@example.org", drawer.kept, drawer)
    with pytest.raises(OSError, match="no space"):
        await source.token()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "invalid_grant"}, AuthFailed),
        (401, {"error": "unauthorized_client"}, AuthFailed),
        (401, {"error": "invalid_client"}, AuthFailed),
        (400, {"error": "temporarily_unavailable"}, Transient),
        (500, {"error": "internal_failure"}, Transient),
        (503, None, Transient),
        (429, {"error": "rate_limit"}, RateLimited),
        (400, "a text", Transient),
        (200, {"access_token": ""}, Transient),
        (200, {"access_token": "x", "expires_in": "soon"}, Transient),
    ],
)
async def test_only_refused_credentials_are_refused_credentials(
    simulator: GoogleSimulator, http: aiohttp.ClientSession, status: int, body: Any, expected: type[Exception]
) -> None:
    simulator.faults.answer("/token", status, body)
    secret = {**simulator.oauth.service_account_key(), "kind": "service_account"}
    source = auth.token_source(http, simulator.endpoints(), "help@example.org", secret, Drawer(secret))
    with pytest.raises(expected):
        await source.token()
    assert await source.token()


async def test_a_token_server_that_is_away_is_transient(http: aiohttp.ClientSession) -> None:
    async with google() as gone:
        endpoints, secret = gone.endpoints(), {**gone.oauth.service_account_key(), "kind": "service_account"}
    with pytest.raises(Transient):
        await auth.token_source(http, endpoints, "help@example.org", secret, Drawer(secret)).token()


async def test_delegation_that_does_not_cover_the_scope_says_what_to_grant(
    simulator: GoogleSimulator, http: aiohttp.ClientSession
) -> None:
    simulator.oauth.delegated_scopes = {"https://mail.google.com/"}
    secret = {**simulator.oauth.service_account_key(), "kind": "service_account"}
    source = auth.token_source(http, simulator.endpoints(), "help@example.org", secret, Drawer(secret))
    with pytest.raises(AuthFailed, match=r"domain-wide delegation.*gmail\.readonly"):
        await source.token()


async def test_a_broken_private_key_is_a_refused_credential_and_is_not_quoted(
    simulator: GoogleSimulator, http: aiohttp.ClientSession
) -> None:
    secret = {**simulator.oauth.service_account_key(), "kind": "service_account", "private_key": "not-a-key"}
    source = auth.token_source(http, simulator.endpoints(), "help@example.org", secret, Drawer(secret))
    with pytest.raises(AuthFailed) as caught:
        await source.token()
    assert "not-a-key" not in str(caught.value)


async def test_consent_is_bound_by_state_and_pkce(simulator: GoogleSimulator, http: aiohttp.ClientSession) -> None:
    endpoints = simulator.endpoints()
    asked = auth.consent(endpoints, simulator.oauth.client_id, "http://127.0.0.1:9/done", "help@example.org")
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked.url).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(asked.verifier.encode()).digest()).rstrip(b"=").decode()
    assert query["code_challenge"] == challenge
    assert query["code_challenge_method"] == "S256"
    assert query["access_type"] == "offline"
    assert query["prompt"] == "consent"
    async with http.get(asked.url, allow_redirects=False) as answer:
        back = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    assert back["state"] == asked.state
    client = (simulator.oauth.client_id, simulator.oauth.client_secret)
    stolen = ask_consent(endpoints.google_consent, asked.redirect_uri, {})
    with pytest.raises(AuthFailed):
        await auth.redeem(http, endpoints, *client, stolen, back["code"])


async def test_a_consent_without_the_mail_scope_or_without_lasting_access_is_refused(
    simulator: GoogleSimulator, http: aiohttp.ClientSession
) -> None:
    endpoints, client = simulator.endpoints(), (simulator.oauth.client_id, simulator.oauth.client_secret)

    async def consented() -> AccessToken:
        asked = auth.consent(endpoints, client[0], "http://127.0.0.1:9/done", "help@example.org")
        async with http.get(asked.url, allow_redirects=False) as answer:
            code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        return await auth.redeem(http, endpoints, *client, asked, code)

    assert (await consented()).refresh_token
    simulator.oauth.granted_scopes = "openid"
    with pytest.raises(AuthFailed, match="consent page"):
        await consented()


def test_tokens_never_show_in_a_representation() -> None:
    token = AccessToken("ya29.secret", datetime.now(UTC), "1//secret")
    consent = ask_consent("https://consent.example", "http://127.0.0.1", {})
    assert "secret" not in repr(token)
    assert consent.verifier not in repr(consent)
