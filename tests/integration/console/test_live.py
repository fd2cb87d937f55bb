"""What refreshes itself: it ends with its session, however much there is to tell, and keeps nobody signed in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from console.pages import live
from storage import replays
from tests.integration.console.site import Site


async def test_a_busy_stream_ends_with_its_session(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 2.5)
    person, tenant_id = await site.person("viewer"), site.tenant.tenant_id

    async def busy() -> None:
        """Something changes more often than a heartbeat comes."""
        while True:
            async with site.db.tenant(tenant_id) as session:
                await session.execute("update mailboxes set status = clock_timestamp()::text")
            await asyncio.sleep(0.2)

    changing = asyncio.create_task(busy())
    try:
        async with person.http.get("/live", headers={"Accept": "text/event-stream"}) as stream:
            told = 0
            async with asyncio.timeout(30):
                async for line in stream.content:
                    told += line.startswith(b"data:")
                    if told == 2:
                        async with site.db.tenant(tenant_id) as session:
                            await session.execute("delete from sessions")
    finally:
        changing.cancel()
    assert told < 10


async def test_a_replay_that_runs_keeps_nobody_signed_in(site: Site) -> None:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        replay_id = await replays.begin(session, site.tenant.tenant_id, datetime.now(UTC), 1, 5, actor="ann")
    _, page = await (await site.person("agent")).get(f"/rule-replays/{replay_id}")
    (progress,) = [line for line in page.splitlines() if 'hx-trigger="every' in line]
    assert """hx-headers='{"X-Background": "1"}'""" in progress
