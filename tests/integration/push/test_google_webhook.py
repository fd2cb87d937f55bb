"""The push endpoint: who may wake a mailbox, what is acknowledged, and what a push never does."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import RSAKey

from storage import mailbox_admin
from tests.integration.push.stand import Stand
from tests.simulators.google import PUSH_ACCOUNT, TOPIC

ADDRESS = "help@example.org"


class Pusher:
    """Pushes what a test makes up; every part of a good push can be replaced."""

    def __init__(self, stand: Stand, mailbox_id: Any, http: aiohttp.ClientSession) -> None:
        self.stand, self.mailbox_id, self.http = stand, mailbox_id, http
        self.url = f"{stand.webhooks_url}/webhooks/google/{mailbox_id}"

    def token(self, **claims: Any) -> str:
        usual = {"aud": self.url, "email": PUSH_ACCOUNT}
        wanted = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return self.stand.google.oauth.push_token(**wanted)

    async def push(self, token: str | None = None, body: bytes | None = None, url: str | None = None) -> int:
        data = base64.b64encode(json.dumps({"emailAddress": ADDRESS, "historyId": 9}).encode()).decode()
        body = json.dumps({"message": {"data": data, "messageId": "1"}}).encode() if body is None else body
        headers = {"Authorization": f"Bearer {token or self.token()}"} if token != "" else {}
        async with self.http.post(url or self.url, data=body, headers=headers) as response:
            return response.status

    async def hinted(self) -> bool:
        return (await self.stand.row(self.mailbox_id))["hinted_at"] is not None


@pytest_asyncio.fixture
async def pusher(doors: Stand) -> AsyncIterator[Pusher]:
    mailbox_id = await doors.gmail(ADDRESS, pushed=False, start=False, topic=TOPIC, push_service_account=PUSH_ACCOUNT)
    async with aiohttp.ClientSession() as http:
        yield Pusher(doors, mailbox_id, http)


async def test_an_authentic_push_is_acknowledged_once_its_hint_is_durable(pusher: Pusher) -> None:
    assert await pusher.push() == 204
    assert await pusher.hinted()


@pytest.mark.parametrize("form", ["wrapped", "unwrapped", "url-safe", "padding", "text id"])
async def test_every_form_of_push_is_understood(pusher: Pusher, form: str) -> None:
    notice = json.dumps(
        {"emailAddress": "Help@Example.org", "historyId": "77" if form == "text id" else 77, "x": "??>>~~"}
    )
    data = base64.b64encode(notice.encode()).decode()
    if form == "url-safe":
        data = data.replace("+", "-").replace("/", "_")
    if form == "padding":
        data = data.rstrip("=")
    body = notice.encode() if form == "unwrapped" else json.dumps({"message": {"data": data}}).encode()
    assert await pusher.push(body=body) == 204
    assert await pusher.hinted()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://another.example/webhooks/google"},
        {"aud": ["https://another.example"]},
        {"aud": None},
        {"iss": "https://accounts.example.com"},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"exp": "9999999999"},
        {"iat": int(time.time()) + 600},
        {"email": "other@postroom-test.iam.gserviceaccount.example"},
        {"email": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
    ],
)
async def test_a_token_of_anybody_else_is_refused(pusher: Pusher, claims: dict[str, Any]) -> None:
    forged = {name: value for name, value in claims.items() if value is not None}
    token = pusher.token(**claims) if forged else _without(pusher, *claims)
    assert await pusher.push(token) == 401
    assert not await pusher.hinted()


def _without(pusher: Pusher, *names: str) -> str:
    oauth, now = pusher.stand.google.oauth, int(time.time())
    claims = {"iss": "https://accounts.google.com", "aud": pusher.url, "email": PUSH_ACCOUNT, "email_verified": True,
              "iat": now, "exp": now + 3600}  # fmt: skip
    header = {"alg": "RS256", "kid": str(oauth.signing.kid)}
    return jwt.encode(header, {n: v for n, v in claims.items() if n not in names}, oauth.signing)


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


async def test_a_token_signed_otherwise_is_refused(pusher: Pusher) -> None:
    claims = {"iss": "https://accounts.google.com", "aud": pusher.url, "email": PUSH_ACCOUNT, "email_verified": True,
              "iat": int(time.time()), "exp": int(time.time()) + 3600}  # fmt: skip
    oauth = pusher.stand.google.oauth
    kid = str(oauth.signing.kid)
    stranger = RSAKey.generate_key(2048, {"kid": kid}, private=True)
    none = f"{_part({'alg': 'none', 'kid': kid})}.{_part(claims)}"
    confused = f"{_part({'alg': 'HS256', 'kid': kid})}.{_part(claims)}"
    public = oauth.signing.as_pem(private=False)
    mac = base64.urlsafe_b64encode(hmac.digest(public, confused.encode(), "sha256")).rstrip(b"=").decode()
    good = pusher.token()
    for token in (
        jwt.encode({"alg": "RS256", "kid": kid}, claims, stranger),
        jwt.encode({"alg": "RS256", "kid": "unknown"}, claims, oauth.signing),
        f"{confused}.{mac}",
        none + ".",
        good[:-8] + "AAAAAAAA",
        "not-a-token",
        "x" * 4000,
    ):
        assert await pusher.push(token) == 401
    assert await pusher.push("") == 401
    assert not await pusher.hinted()


async def test_a_push_for_a_mailbox_that_was_removed_is_acknowledged_when_google_sent_it(pusher: Pusher) -> None:
    house = pusher.stand.house
    async with house.db.tenant(house.tenant_id) as session:
        await mailbox_admin.remove(session, house.tenant_id, pusher.mailbox_id, actor="ann@example.com")
    unknown = f"{pusher.stand.webhooks_url}/webhooks/google/{uuid4()}"
    for url in (pusher.url, unknown):
        assert await pusher.push(pusher.token(aud=url), url=url) == 204
        assert await pusher.push(pusher.token(aud=url, iss="https://example.com"), url=url) == 401
        assert await pusher.push(pusher.token(aud=url, exp=int(time.time()) - 3600), url=url) == 401
        assert await pusher.push("", url=url) == 401
    assert not await pusher.hinted()


async def test_a_mailbox_that_takes_no_pushes_answers_like_a_wrong_token(pusher: Pusher) -> None:
    nonsense = f"{pusher.stand.webhooks_url}/webhooks/google/nonsense"
    assert await pusher.push(pusher.token(aud=nonsense), url=nonsense) == 401
    smtp = f"{pusher.stand.webhooks_url}/webhooks/google/{pusher.stand.house.mailbox_id}"
    assert await pusher.push(pusher.token(aud=smtp), url=smtp) == 401
    quiet = await pusher.stand.gmail("quiet@example.org", pushed=False, start=False)
    silent = f"{pusher.stand.webhooks_url}/webhooks/google/{quiet}"
    assert await pusher.push(pusher.token(aud=silent), url=silent) == 401


async def test_a_token_for_one_mailbox_wakes_no_other(pusher: Pusher) -> None:
    other = await pusher.stand.gmail("other@example.org", pushed=False, start=False, topic=TOPIC,
                                     push_service_account=PUSH_ACCOUNT)  # fmt: skip
    assert await pusher.push(url=f"{pusher.stand.webhooks_url}/webhooks/google/{other}") == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"message": {}}',
        b'{"message": {"data": "%%%"}}',
        b'{"message": {"data": "e30="}}',
        b'{"emailAddress": "other@example.org", "historyId": 1}',
        b'{"emailAddress": "help@example.org", "historyId": true}',
        b'{"emailAddress": "help@example.org", "historyId": 1.5}',
        b"[" * 50_000,
    ],
)
async def test_what_redelivery_cannot_mend_is_acknowledged_and_wakes_nobody(pusher: Pusher, body: bytes) -> None:
    assert await pusher.push(body=body) == 204
    assert not await pusher.hinted()


async def test_a_push_that_is_too_large_is_not_read_and_does_not_come_again(pusher: Pusher) -> None:
    assert await pusher.push(body=b" " * 70_000) == 204
    assert not await pusher.hinted()


async def test_one_token_comes_with_many_pushes(pusher: Pusher) -> None:
    token = pusher.token()
    assert {await pusher.push(token) for _ in range(20)} == {204}
    assert pusher.stand.google.faults.count("/oauth2/v3/certs") == 1


async def test_a_new_key_is_fetched_at_most_twice_a_minute(pusher: Pusher) -> None:
    assert await pusher.push() == 204
    pusher.stand.google.oauth.rotate_keys()
    rotated = pusher.token()
    # The keys were fetched a moment ago: a stranger's key ids must not make us ask for each of them.
    assert {await pusher.push(rotated) for _ in range(10)} == {401}
    assert pusher.stand.google.faults.count("/oauth2/v3/certs") == 1


async def test_without_any_key_nothing_is_accepted_and_nothing_is_lost(pusher: Pusher) -> None:
    pusher.stand.google.faults.answer("/oauth2/v3/certs", 500, None, times=None)
    assert await pusher.push() == 503
    assert not await pusher.hinted()
