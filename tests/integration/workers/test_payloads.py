"""Encrypted payloads: nothing readable in Temporal, the same runs, and the UI shows them to whom it may."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.worker import Replayer

from console.calls import SERVICES
from storage.database import Database
from storage.secrets import KeyRing, SecretError
from tests.house import MASTER_KEYS, House, open_house
from tests.integration.console.site import Person, Site
from tests.letters import letter
from tests.temporal_server import TemporalServer
from workers.codec_endpoint import PATH, CodecEndpoint
from workers.payloads import ENCODING, EncryptedPayloads
from workers.temporal import plugin
from workers.worker import WORKFLOWS

NEW_KEY = "k2:" + base64.b64encode(bytes(range(32, 64))).decode()
UI = "http://temporal-ui.test:8233"


def codec(keys: str = MASTER_KEYS) -> EncryptedPayloads:
    return EncryptedPayloads(KeyRing(keys).derive("temporal-payload"))


def payload(value: Any) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


def payloads(message: Any) -> Iterator[Payload]:
    """Every payload of a protobuf message but those of search attributes, which Temporal itself must read."""
    for field, value in message.ListFields():
        if field.name in ("search_attributes", "header"):
            continue
        named = dict(value) if hasattr(value, "items") else {}
        # What the SDK notes of a local activity for itself: which one it was, and when.
        named.pop("data", None)
        entries = list(named.values()) if hasattr(value, "items") else value if field.is_repeated else [value]
        for entry in entries:
            if isinstance(entry, Payload):
                yield entry
            elif hasattr(entry, "ListFields"):
                yield from payloads(entry)


# Runs ---------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def encrypted_house(db: Database, temporal: TemporalServer, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(db, temporal.address, tmp_path / "objects", codec=codec()) as house:
        yield house


async def test_a_history_holds_nothing_readable_and_replays(encrypted_house: House, temporal: TemporalServer) -> None:
    house = encrypted_house
    await house.deliver(letter("ann@example.com", message_id="sealed@ids.example", attachments=[("a.bin", b"content")]))
    (email,) = await house.settled(1)
    await house.client.get_workflow_handle(email["workflow_id"]).result()
    # As whoever runs the cluster sees it.
    stranger = await Client.connect(temporal.address)
    history = await stranger.get_workflow_handle(email["workflow_id"]).fetch_history()
    found = [p for event in history.events for p in payloads(event)]
    assert len(found) > 8
    assert {p.metadata["encoding"] for p in found} == {ENCODING}
    for readable in (str(email["email_id"]), "ticket", "attachments"):
        assert all(readable.encode() not in p.SerializeToString() for p in found), readable
    opened = b"".join(p.data for p in await codec().decode(found))
    assert str(email["email_id"]).encode() in opened
    await Replayer(workflows=WORKFLOWS, plugins=[plugin(codec())]).replay_workflow(history)


# Keys ---------------------------------------------------------------------------------------------------------


async def test_after_a_rotation_old_payloads_open_and_new_ones_use_the_new_key() -> None:
    (old,) = await codec().encode([payload("before")])
    rotated = codec(f"{NEW_KEY},{MASTER_KEYS}")
    (new,) = await rotated.encode([payload("after")])
    assert [p.data for p in await rotated.decode([old, new])] == [b'"before"', b'"after"']
    assert (old.metadata["encryption-key-id"], new.metadata["encryption-key-id"]) == (b"k1", b"k2")
    with pytest.raises(SecretError):
        await codec(NEW_KEY).decode([old])


async def test_what_was_written_in_clear_is_read_as_it_is() -> None:
    assert await codec().decode([payload("clear")]) == [payload("clear")]


async def test_an_altered_payload_does_not_open() -> None:
    (sealed,) = await codec().encode([payload("before")])
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(SecretError):
        await codec().decode([sealed])


# The UI's endpoint --------------------------------------------------------------------------------------------


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[str]:
    services = replace(site.server.app[SERVICES], temporal_ui_url=UI)  # type: ignore[attr-defined]
    application = web.Application(client_max_size=1024)
    application.add_routes(CodecEndpoint(services, codec()).routes())
    async with TestServer(application) as server:
        yield f"http://127.0.0.1:{server.port}{PATH}"


async def ask(http: aiohttp.ClientSession, url: str, *wanted: Payload, origin: str | None = UI) -> tuple[int, Any, Any]:
    """As the UI does: payloads as JSON, bytes in base64."""
    body = {
        "payloads": [
            {
                "metadata": {name: base64.b64encode(value).decode() for name, value in p.metadata.items()},
                "data": base64.b64encode(p.data).decode(),
            }
            for p in wanted
        ]
    }
    headers = {"Origin": origin, "X-Namespace": "default"} if origin else {}
    async with http.post(url, json=body, headers=headers) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None, response.headers


async def test_an_admin_sees_what_is_encrypted_in_the_ui(site: Site) -> None:
    admin = await site.person("admin")
    value = {"tenant_id": str(site.tenant.tenant_id), "size": 4}
    (sealed,) = await codec().encode([payload(value)])
    async with served(site) as url:
        status, body, headers = await ask(admin.http, url, sealed)
    assert status == 200
    assert json.loads(base64.b64decode(body["payloads"][0]["data"])) == value
    assert headers["Access-Control-Allow-Origin"] == UI
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Cache-Control"] == "no-store"


async def test_another_tenants_payload_stays_closed(site: Site) -> None:
    admin = await site.person("admin")
    (sealed,) = await codec().encode([payload({"email": {"tenant_id": str(uuid4())}})])
    async with served(site) as url:
        status, body, _ = await ask(admin.http, url, sealed)
    assert status == 200
    assert base64.b64decode(body["payloads"][0]["data"]) == sealed.data


# What results of activities and failures look like: they name the mail, the ticket or nothing, and no tenant.
NAMELESS = ({"ticket_id": str(uuid4())}, "It failed.", ["m1@example.com"], {"tenant_id": None, "size": 4})


async def opened(site: Site, *values: Any) -> list[bool]:
    """Which of these an admin sees in the UI."""
    admin = await site.person("admin")
    sealed = await codec().encode([payload(value) for value in values])
    async with served(site) as url:
        status, body, _ = await ask(admin.http, url, *sealed)
    assert status == 200
    shown = [base64.b64decode(p["data"]) for p in body["payloads"]]
    return [data != p.data for data, p in zip(shown, sealed, strict=True)]


async def test_what_names_no_tenant_opens_only_where_there_is_one(site: Site) -> None:
    ours = {"tenant_id": str(site.tenant.tenant_id)}
    assert await opened(site, ours, *NAMELESS) == [True] * 5
    await site.other_tenant()
    assert await opened(site, ours, *NAMELESS) == [True] + [False] * 4


async def test_what_holds_nothing_of_a_tenant_opens_for_every_admin(site: Site) -> None:
    await site.other_tenant()
    assert await opened(site, None, True, 7, "", {}) == [True] * 5


async def test_what_cannot_be_read_stays_closed(site: Site) -> None:
    await site.other_tenant()
    admin, deep = await site.person("admin"), b"[" * 100_000
    sealed = await codec().encode([Payload(metadata={"encoding": b"binary/plain"}, data=d) for d in (b"\xff", deep)])
    async with served(site) as url:
        _, body, _ = await ask(admin.http, url, *sealed)
    assert [base64.b64decode(p["data"]) for p in body["payloads"]] == [p.data for p in sealed]


@pytest.mark.parametrize(("role", "expected"), [(None, 401), ("viewer", 403), ("agent", 403), ("owner", 200)])
async def test_only_admins_may_ask(site: Site, role: Any, expected: int) -> None:
    person: Person | None = await site.person(role) if role else None
    http = person.http if person else await site.browser()
    (sealed,) = await codec().encode([payload("x")])
    async with served(site) as url:
        assert (await ask(http, url, sealed))[0] == expected


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://temporal-ui.test"])
async def test_no_other_origin_may_ask(site: Site, origin: str) -> None:
    admin = await site.person("admin")
    async with served(site) as url:
        status, _, headers = await ask(admin.http, url, origin=origin)
        assert (status, headers.get("Access-Control-Allow-Origin")) == (403, None)
        async with admin.http.options(url, headers={"Origin": origin}) as preflight:
            assert (preflight.status, preflight.headers.get("Access-Control-Allow-Origin")) == (403, None)


async def test_the_browsers_first_question_is_answered_for_the_ui(site: Site) -> None:
    http = await site.browser()
    asked = {"Origin": UI, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-namespace"}
    async with served(site) as url, http.options(url, headers=asked) as preflight:
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == UI
        assert "x-namespace" in preflight.headers["Access-Control-Allow-Headers"]


async def test_what_is_no_request_is_refused(site: Site) -> None:
    admin = await site.person("admin")
    async with served(site) as url:
        async with admin.http.post(url, data=b"{nonsense", headers={"Origin": UI}) as response:
            assert response.status == 400
        async with admin.http.post(url, data=b" " * ((8 << 20) + 1), headers={"Origin": UI}) as response:
            assert response.status == 413
