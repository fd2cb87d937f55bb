"""Graph's endpoint: the handshake, who may wake a mailbox, and what one bad item does to the others."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from storage import push
from storage.push import StoredWatch
from tests.integration.push.stand import Stand

STATE = "a-random-client-state"


@dataclass
class Graph:
    """Sends what a test makes up to the endpoint, for the subscription `sub-1` of one mailbox."""

    stand: Stand
    mailbox_id: UUID
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"{self.stand.webhooks_url}/webhooks/microsoft"

    async def send(self, *items: Any, body: bytes | None = None) -> int:
        data = body if body is not None else json.dumps({"value": list(items)}).encode()
        async with self.http.post(self.url, data=data) as response:
            return response.status

    async def hinted(self) -> bool:
        return (await self.stand.row(self.mailbox_id))["hinted_at"] is not None


@pytest_asyncio.fixture
async def graph_push(doors: Stand) -> AsyncIterator[Graph]:
    mailbox_id = await doors.microsoft("help@example.net", start=False)
    await subscribe(doors, mailbox_id, "sub-1", STATE)
    async with aiohttp.ClientSession() as http:
        yield Graph(doors, mailbox_id, http)


async def subscribe(stand: Stand, mailbox_id: UUID, watch_id: str, state: str) -> None:
    until = datetime.now(UTC) + timedelta(days=2)
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        watch = StoredWatch("inbox", watch_id, until, until)
        await push.store_watch(session, stand.house.tenant_id, mailbox_id, watch, state)


def item(**more: Any) -> dict[str, Any]:
    return {
        "subscriptionId": "sub-1",
        "clientState": STATE,
        "changeType": "created",
        "resource": "Users/x/Messages/y",
        "resourceData": {"id": "y"},
        "tenantId": "z",
        **more,
    }


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize("token", ["plain", "Validation: Testing & <b>+%2B é", "x" * 4096])
async def test_the_handshake_gives_the_token_back_as_text(graph_push: Graph, verb: str, token: str) -> None:
    async with graph_push.http.request(verb, graph_push.url, params={"validationToken": token}) as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await response.text() == token


@pytest.mark.parametrize("token", ["", "x" * 4097, "a\r\nSet-Cookie: b", "a\x00b", "a\u202eb"])
async def test_the_handshake_reflects_nothing_that_could_do_harm(graph_push: Graph, token: str) -> None:
    async with graph_push.http.post(graph_push.url, params={"validationToken": token}) as response:
        assert response.status == 400
        assert await response.read() == b""


async def test_an_authentic_notification_is_accepted_once_its_hint_is_durable(graph_push: Graph) -> None:
    assert await graph_push.send(item()) == 202
    assert await graph_push.hinted()


@pytest.mark.parametrize(
    "forged",
    [
        item(clientState="another"),
        item(clientState=""),
        item(clientState=None),
        item(clientState=[STATE]),
        {name: value for name, value in item().items() if name != "clientState"},
        item(subscriptionId="sub-2"),
        item(subscriptionId=""),
        item(subscriptionId=7),
        item(subscriptionId="x" * 200),
        item(subscriptionId="sub-1' or true --"),
        {},
        "text",
        None,
    ],
)
async def test_an_item_that_is_not_authentic_is_dropped_and_the_others_count(graph_push: Graph, forged: Any) -> None:
    assert await graph_push.send(forged) == 202
    assert not await graph_push.hinted()
    assert await graph_push.send(forged, item(), forged) == 202
    assert await graph_push.hinted()


async def test_the_secret_of_one_subscription_opens_no_other(graph_push: Graph) -> None:
    other = await graph_push.stand.microsoft("other@example.net", start=False)
    await subscribe(graph_push.stand, other, "sub-2", "another-state")
    assert await graph_push.send(item(subscriptionId="sub-2")) == 202
    assert (await graph_push.stand.row(other))["hinted_at"] is None


@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved"])
async def test_a_forged_lifecycle_event_changes_no_subscription(graph_push: Graph, event: str) -> None:
    async def watches() -> list[Any]:
        return await graph_push.stand.house.rows("select * from mailbox_watches where tenant_id = $1")

    before = await watches()
    assert await graph_push.send(item(lifecycleEvent=event, clientState="forged")) == 202
    assert await watches() == before


@pytest.mark.parametrize("body", [b"", b"text", b"[]", b"{}", b'{"value": 5}', b"[" * 100_000])
async def test_what_is_no_notification_is_refused(graph_push: Graph, body: bytes) -> None:
    assert await graph_push.send(body=body) == 400


async def test_limits_are_kept(graph_push: Graph) -> None:
    assert await graph_push.send(body=b" " * (1 << 20) + b"{}") == 413
    assert await graph_push.send(*[item()] * 1001) == 400


async def test_while_storage_hangs_the_handshake_is_answered_and_notifications_are_asked_for_again(
    graph_push: Graph, db_url: str
) -> None:
    assert await graph_push.send(item()) == 202
    blocker: Any = await asyncpg.connect(db_url)
    await blocker.execute("begin; lock table mailbox_syncs in access exclusive mode")
    began = time.monotonic()
    assert await graph_push.send(item()) == 503
    async with graph_push.http.post(graph_push.url, params={"validationToken": "token"}) as response:
        assert await response.text() == "token"
    assert time.monotonic() - began < 3
    await blocker.close()
    assert await graph_push.send(item()) == 202
