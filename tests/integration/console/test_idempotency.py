"""A request that is sent again with its key happens once, and gets the first one's answer."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.integration.console.site import Site


async def add(http: aiohttp.ClientSession, key: str, name: str = "Shop", path: str = "tokens") -> tuple[int, Any, str]:
    """Status, body, and whether the answer was the first one's."""
    async with http.post(path, json={"name": name, "scope": "read"}, headers={"Idempotency-Key": key}) as response:
        return response.status, await response.json(), response.headers.get("Idempotency-Replayed", "")


async def made(site: Site, name: str = "Shop") -> int:
    count: int = (await site.row("select count(*) from api_tokens where tenant_id = $1 and name = $2", name))[0]
    return count


async def test_it_happens_once(site: Site) -> None:
    http, key = await site.api("admin"), str(uuid4())
    status, first, replayed = await add(http, key)
    assert (status, replayed) == (200, "")
    assert await add(http, key) == (200, first, "true")
    assert await made(site) == 1


async def test_it_happens_once_for_many_at_the_same_moment(site: Site) -> None:
    http, key = await site.api("admin"), str(uuid4())
    answers = await asyncio.gather(*(add(http, key) for _ in range(6)))
    assert await made(site) == 1
    for status, body, _ in answers:
        assert status == 200 or body["type"] == "urn:postroom:problem:request-in-progress"


async def test_a_refusal_is_an_answer_too(site: Site) -> None:
    http, key = await site.api("admin"), str(uuid4())
    refused = await add(http, key, name="")
    assert (refused[0], refused[1]["type"]) == (422, "urn:postroom:problem:invalid-body")
    assert await add(http, key, name="") == (*refused[:2], "true")


async def test_a_key_is_for_one_request(site: Site) -> None:
    http, key = await site.api("admin"), str(uuid4())
    await add(http, key)
    status, problem, _ = await add(http, key, name="Other")
    assert (status, problem["type"]) == (422, "urn:postroom:problem:key-reused")
    assert await made(site, "Other") == 0


async def test_a_key_is_its_tokens_own(site: Site) -> None:
    one, other, key = await site.api("admin"), await site.api("admin"), str(uuid4())
    await add(one, key)
    assert (await add(other, key))[2] == ""
    assert await made(site) == 2


async def test_a_request_that_never_finished_is_not_done_twice(site: Site) -> None:
    http, key = await site.api("admin"), str(uuid4())
    await add(http, key)
    for age, kind in (("1 second", "request-in-progress"), ("3 minutes", "outcome-unknown")):
        async with site.db.tenant(site.tenant.tenant_id) as session:
            await session.execute(f"update idempotency_keys set status = null, created_at = now() - interval '{age}'")
        status, problem, _ = await add(http, key)
        assert (status, problem["type"]) == (409, f"urn:postroom:problem:{kind}")
    assert await made(site) == 1


async def test_keys_are_forgotten_after_a_day(site: Site) -> None:
    http, key = await site.api("admin"), str(uuid4())
    await add(http, key)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update idempotency_keys set created_at = now() - interval '25 hours'")
    assert (await add(http, key))[2] == ""
    assert await made(site) == 2


async def test_kept_answers_are_sealed(site: Site) -> None:
    http = await site.api("admin")
    _, first, _ = await add(http, str(uuid4()))
    row = await site.row("select body from idempotency_keys where tenant_id = $1")
    assert first["token"].startswith("pr_")
    assert "pr_" not in row["body"]
    assert "Shop" not in row["body"]


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "ü"])
async def test_a_key_is_printable_and_not_long(site: Site, key: str) -> None:
    status, problem, _ = await add(await site.api("admin"), key)
    assert (status, problem["type"]) == (400, "urn:postroom:problem:invalid-parameters")
