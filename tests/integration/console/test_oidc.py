"""Signing in by OpenID Connect, against a provider of our own that can be bent."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from joserfc.jwk import RSAKey

from console.application import make_application
from console.calls import SERVICES
from console.oidc import Client, OpenIdConnect
from tests.integration.console.site import Site
from tests.simulators import oidc as simulator
from tests.simulators.oidc import CLIENT_ID, CLIENT_SECRET, Provider
from workers import admin

CALLBACK = "https://mail.example.com/login/oidc/callback"


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    async with simulator.provider() as simulated:
        yield simulated


@pytest_asyncio.fixture
async def url(site: Site, provider: Provider) -> AsyncIterator[str]:
    """The console, with single sign-on, and Ann who may sign in."""
    await admin.add_user(site.db, site.tenant.tenant_id, "ann@example.com", "Ann", "agent")
    async with aiohttp.ClientSession() as http:
        client = Client(provider.issuer, CLIENT_ID, CLIENT_SECRET, "Example ID")
        services = replace(site.server.app[SERVICES], oidc=OpenIdConnect(http, client, CALLBACK))
        server = TestServer(make_application(services, site.delivery), host="127.0.0.1")
        await server.start_server()
        yield str(server.make_url("")).rstrip("/")
        await server.close()


class Browser:
    """Somebody at the sign-in page."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def begin(self) -> dict[str, str]:
        """What the console asks the provider."""
        async with self.http.get("/login/oidc", allow_redirects=False) as response:
            assert response.status == 303, await response.text()
            return dict(parse_qsl(urlsplit(response.headers["Location"]).query))

    async def end(self, code: str, state: str) -> tuple[int, str]:
        """Back from the provider: status, and where to or what is said."""
        parameters = {"code": code, "state": state}
        async with self.http.get("/login/oidc/callback", params=parameters, allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()


@pytest_asyncio.fixture
async def browser(url: str) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(http)


async def test_a_known_person_signs_in(site: Site, provider: Provider, browser: Browser) -> None:
    asked = await browser.begin()
    assert (asked["response_type"], asked["redirect_uri"], asked["code_challenge_method"]) == ("code", CALLBACK, "S256")
    assert await browser.end(provider.authorize(asked), asked["state"]) == (303, "/")
    async with browser.http.get("/") as response:
        assert "Ann" in await response.text()
    row = await site.row("select detail from audit where tenant_id = $1 and action = 'sign_in'")
    assert row["detail"] == {"by": "oidc"}


async def test_it_leads_to_the_page_that_was_asked_for(provider: Provider, browser: Browser) -> None:
    async with browser.http.get("/tickets?q=door") as response:
        assert 'href="/login/oidc?next=%2Ftickets%3Fq%3Ddoor"' in await response.text()
    async with browser.http.get("/login/oidc?next=%2Ftickets%3Fq%3Ddoor", allow_redirects=False) as response:
        asked = dict(parse_qsl(urlsplit(response.headers["Location"]).query))
    assert await browser.end(provider.authorize(asked), asked["state"]) == (303, "/tickets?q=door")


async def test_each_request_has_a_state_a_nonce_and_a_challenge_of_its_own(browser: Browser) -> None:
    first, second = await browser.begin(), await browser.begin()
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


@pytest.mark.parametrize("state", ["", "wrong", "ä"])
async def test_an_answer_for_another_request_is_refused(provider: Provider, browser: Browser, state: str) -> None:
    code = provider.authorize(await browser.begin())
    assert (await browser.end(code, state))[0] == 403


async def test_an_answer_in_another_browser_is_refused(provider: Provider, browser: Browser, url: str) -> None:
    asked = await browser.begin()
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        assert (await Browser(http).end(provider.authorize(asked), asked["state"]))[0] == 403


async def test_a_stolen_code_is_of_no_use_in_another_browser(provider: Provider, browser: Browser, url: str) -> None:
    """PKCE: the thief has a request of their own, and the victim's code."""
    stolen = provider.authorize(await browser.begin())
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        thief = Browser(http)
        assert (await thief.end(stolen, (await thief.begin())["state"]))[0] == 403


async def test_a_code_is_used_once(provider: Provider, browser: Browser) -> None:
    asked = await browser.begin()
    code = provider.authorize(asked)
    assert (await browser.end(code, asked["state"]))[0] == 303
    assert (await browser.end(code, asked["state"]))[0] == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "other"], "azp": "other"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 4_000_000_000, "exp": 4_000_000_300},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"email": None},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
    ],
    ids=str,
)
async def test_a_token_that_does_not_prove_it_is_refused(
    provider: Provider, browser: Browser, claims: dict[str, object]
) -> None:
    provider.claims = claims
    asked = await browser.begin()
    assert (await browser.end(provider.authorize(asked), asked["state"]))[0] == 403


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_without_a_real_signature_is_refused(
    provider: Provider, browser: Browser, algorithm: str
) -> None:
    provider.algorithm = algorithm
    asked = await browser.begin()
    assert (await browser.end(provider.authorize(asked), asked["state"]))[0] == 403


async def test_a_key_that_is_not_published_is_refused(provider: Provider, browser: Browser) -> None:
    provider.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
    asked = await browser.begin()
    assert (await browser.end(provider.authorize(asked), asked["state"]))[0] == 403
    assert provider.asked.count("keys") == 1  # asked again at most twice a minute


async def test_keys_are_asked_for_once(provider: Provider, browser: Browser) -> None:
    for _ in range(3):
        asked = await browser.begin()
        assert (await browser.end(provider.authorize(asked), asked["state"]))[0] == 303
    assert provider.asked == ["discovery", "keys"]


async def test_somebody_unknown_stays_outside(site: Site, provider: Provider, browser: Browser) -> None:
    provider.email = "stranger@example.com"
    asked = await browser.begin()
    status, page = await browser.end(provider.authorize(asked), asked["state"])
    assert (status, "Ask an admin" in page) == (403, True)


async def test_an_address_that_the_provider_gave_to_somebody_else_stays_outside(
    provider: Provider, browser: Browser
) -> None:
    """The subject is pinned at the first sign-in: addresses are given away again."""
    for subject, status in (("subject-1", 303), ("subject-2", 403), ("subject-1", 303)):
        provider.subject = subject
        asked = await browser.begin()
        assert (await browser.end(provider.authorize(asked), asked["state"]))[0] == status


async def test_while_the_provider_is_away_it_says_so(provider: Provider, browser: Browser) -> None:
    provider.away = True
    async with browser.http.get("/login/oidc", allow_redirects=False) as response:
        assert (response.status, "cannot be reached" in await response.text()) == (503, True)


async def test_without_single_sign_on_there_is_no_way_in_by_it(site: Site) -> None:
    http = await site.browser()
    async with http.get("/login/oidc", allow_redirects=False) as response:
        assert response.status == 404
    async with http.get("/login/oidc/callback?code=x&state=y", allow_redirects=False) as response:
        assert response.status == 403


async def test_somebody_of_two_tenants_chooses_and_both_are_theirs_from_then_on(
    site: Site, provider: Provider, browser: Browser
) -> None:
    other = await site.other_tenant()
    await admin.add_user(site.db, other.tenant_id, "ann@example.com", "Ann there", "agent")
    asked = await browser.begin()
    status, page = await browser.end(provider.authorize(asked), asked["state"])
    assert (status, "Where do you want to sign in?" in page) == (200, True)
    there = re.search(r'action="(/login/[^"]+)"><button class="primary">Other<', page)
    assert there is not None
    async with browser.http.post(there[1], headers={"Sec-Fetch-Site": "same-origin"}) as response:
        assert "Ann there" in await response.text()
    # The address belongs to another subject now: both accounts are pinned.
    provider.subject = "subject-2"
    asked = await browser.begin()
    status, page = await browser.end(provider.authorize(asked), asked["state"])
    assert (status, "You may not sign in here" in page) == (403, True)
