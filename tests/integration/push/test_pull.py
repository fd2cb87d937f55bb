"""Gmail's notifications by Pub/Sub pull, where the internet does not reach our webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from providers import web
from tests.integration.push.stand import SOON, Stand
from tests.letters import letter
from tests.simulators.google import SUBSCRIPTION, TOPIC
from tests.simulators.pubsub import PullQueue
from webhooks import pull as pull_module
from webhooks.hints import Hints
from webhooks.pull import Puller
from webhooks.teller import Teller

ADDRESS, OTHER = "help@example.org", "sales@example.org"
PULLED: dict[str, Any] = {"pushed": False, "topic": TOPIC, "subscription": SUBSCRIPTION}


@asynccontextmanager
async def pulling(stand: Stand) -> AsyncIterator[None]:
    """What `postroom webhooks` does about pull subscriptions."""
    house = stand.house
    teller = Teller(house.db, house.runs)
    async with web.new_session() as http:
        puller = Puller(house.db, house.keyring, Hints(house.db, teller), http, house.endpoints)
        running = [asyncio.create_task(teller.run()), asyncio.create_task(puller.run())]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_module, "LOOK", 0.2)
    monkeypatch.setattr(pull_module, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(pull_module, "LONGEST_PAUSE", 0.5)


def queue(stand: Stand) -> PullQueue:
    return stand.google.pubsub.pull_subscription(TOPIC, SUBSCRIPTION)


async def drained(of: PullQueue) -> None:
    while of.waiting:
        await asyncio.sleep(0.01)


async def test_one_subscription_wakes_every_mailbox_that_names_it(stand: Stand) -> None:
    pulled = queue(stand)
    boxes = [await stand.gmail(address, **PULLED) for address in (ADDRESS, OTHER)]
    async with pulling(stand):
        for box in boxes:
            await stand.status(box, "connected: notified")
        stand.google.account(ADDRESS).deliver(letter("alice@example.com").as_bytes())
        stand.google.account(OTHER).deliver(letter("bob@example.com").as_bytes())
        emails = await stand.house.settled(2)
        await asyncio.wait_for(drained(pulled), 10)
    assert {email["mailbox_id"] for email in emails} == set(boxes)


async def test_what_is_of_no_use_is_acknowledged_and_wakes_nobody(doors: Stand) -> None:
    pulled = queue(doors)
    box = await doors.gmail(ADDRESS, start=False, **PULLED)
    for data in (b"", b"[]", b"\xff", b'{"emailAddress": "nobody@example.org", "historyId": 1}'):
        doors.google.pubsub.publish(TOPIC, data)
    async with pulling(doors):
        await asyncio.wait_for(drained(pulled), 10)
    assert (await doors.row(box))["hinted_at"] is None


async def test_what_could_not_be_made_durable_is_not_acknowledged_and_comes_again(doors: Stand, db_url: str) -> None:
    pulled = queue(doors)
    pulled.deadline = 0.5
    box = await doors.gmail(ADDRESS, start=False, **PULLED)
    doors.google.pubsub.publish(TOPIC, b'{"emailAddress": "Help@example.org", "historyId": 1}')
    blocker: Any = await asyncpg.connect(db_url)
    await blocker.execute("begin; lock table mailbox_syncs in access exclusive mode")
    async with pulling(doors):
        while doors.google.faults.count(":pull") < 2:
            await asyncio.sleep(0.01)
        assert pulled.acknowledged == []
        await blocker.close()
        await asyncio.wait_for(drained(pulled), 20)
    assert (await doors.row(box))["hinted_at"] is not None


async def test_a_subscription_that_is_not_there_shows_and_the_mailbox_is_polled(stand: Stand) -> None:
    box = await stand.gmail(ADDRESS, reconcile=SOON, **PULLED)
    async with pulling(stand):
        await stand.status(box, "connected: polling, Pub/Sub has no such subscription")
        stand.google.account(ADDRESS).deliver(letter("alice@example.com").as_bytes())
        await stand.house.settled(1)
        queue(stand)
        await stand.status(box, "connected: notified")


async def test_a_users_mailbox_is_pulled_for_with_a_key_of_its_own(doors: Stand) -> None:
    pulled, oauth = queue(doors), doors.google.oauth
    grant = {"kind": "user", "client_id": oauth.client_id, "client_secret": oauth.client_secret,
             "refresh_token": oauth.grant(ADDRESS)}  # fmt: skip
    box = await doors.gmail(ADDRESS, start=False, secret=grant, **PULLED)
    doors.google.pubsub.publish(TOPIC, b'{"emailAddress": "help@example.org", "historyId": 1}')
    async with pulling(doors):
        while not (failure := await _failure(doors)):
            await asyncio.sleep(0.05)
        assert "key of a service account" in failure
        await doors.add_secret(box, {**grant, "puller": {**oauth.service_account_key(), "kind": "service_account"}})
        while await _failure(doors):
            await asyncio.sleep(0.05)
    assert pulled.waiting == 0


async def _failure(stand: Stand) -> str | None:
    rows = await stand.house.rows("select pull_failure from mailbox_syncs where tenant_id = $1")
    return str(rows[0]["pull_failure"]) if rows and rows[0]["pull_failure"] else None
