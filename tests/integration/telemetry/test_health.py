"""A worker that no longer polls is not ready, and in the end not live, however well it looks from inside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client

from tests.integration.telemetry.conftest import Fleet, until
from workers import polling
from workers.polling import ACTIVITIES, Polling


@asynccontextmanager
async def watching(client: Client, queue: str, limit: float) -> AsyncIterator[Polling]:
    found = Polling(client, [(queue, ACTIVITIES)], limit=limit)
    watch = asyncio.create_task(found.watch())
    try:
        yield found
    finally:
        watch.cancel()


async def test_each_role_is_live_and_ready_while_all_is_well(fleet: Fleet) -> None:
    for role in fleet.ports:
        assert (await fleet.page(role, "/health/live"))[0] == 200, role
        assert (await fleet.page(role, "/health/ready"))[0] == 200, role


async def test_a_worker_without_temporal_is_not_ready_and_says_so_and_comes_back(fleet: Fleet) -> None:
    fleet.temporal.kill()
    try:

        async def not_ready() -> bool:
            status, text = await fleet.page("worker", "/health/ready")
            return status == 503 and "Temporal does not answer" in json.loads(text)["causes"].get("polls", "")

        await until(not_ready, "a worker that is not ready")
        # Mail is still taken in, and the console still shows it.
        assert (await fleet.page("webhooks", "/health/ready"))[0] == 200
        assert (await fleet.page("web", "/health/ready"))[0] == 200
    finally:
        fleet.temporal.start()

    async def ready() -> bool:
        return (await fleet.page("worker", "/health/ready"))[0] == 200

    await until(ready, "a worker that is ready again")


async def test_a_worker_whose_pollers_are_gone_is_not_live(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client still reaches Temporal; the server says that nobody polls."""
    client = await Client.connect(fleet.temporal.address, identity="stuck worker")
    monkeypatch.setattr(polling, "_EVERY", 0.2)
    async with watching(client, "queue-of-the-stuck", 1.0) as found:

        async def dead() -> bool:
            return await found.alive() is not None

        await until(dead, "a worker that is not live")
        assert await found.ready() == "it does not poll the task queue queue-of-the-stuck"
        assert "it does not poll" in (await found.alive() or "")


async def test_a_watch_that_died_is_not_live_either(fleet: Fleet) -> None:
    client = await Client.connect(fleet.temporal.address)
    found = Polling(client, [], limit=0.0)
    await asyncio.sleep(0.01)
    assert await found.alive() is not None
