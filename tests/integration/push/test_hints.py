"""Hints: durable before they are acknowledged, one signal for many, told whatever dies in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain.runs import NotRunning
from storage import push
from storage.database import Database
from tests.integration.push.stand import Stand
from tests.simulators.google import PUSH_ACCOUNT, TOPIC
from webhooks import hints as hints_module
from webhooks import teller as teller_module
from webhooks.hints import Hints
from webhooks.teller import Teller
from workers import admin


class Telephone:
    """Takes the place of Temporal; `out_of_order` is what it answers while it is down."""

    def __init__(self) -> None:
        self.told: list[UUID] = []
        self.out_of_order: Exception | None = None
        self.busy = asyncio.Event()
        self.busy.set()

    async def change_mailbox(self, mailbox_id: UUID, signal: str, *arguments: object) -> None:
        await self.busy.wait()
        if self.out_of_order is not None:
            raise self.out_of_order
        assert signal == "notify"
        self.told.append(mailbox_id)


@asynccontextmanager
async def telling(db: Database, telephone: Telephone) -> AsyncIterator[Hints]:
    teller = Teller(db, telephone)  # type: ignore[arg-type]
    running = asyncio.create_task(teller.run())
    try:
        yield Hints(db, teller)
    finally:
        running.cancel()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests is not what is asked here."""
    monkeypatch.setattr(hints_module, "PATIENCE", 30)


async def boxes(db: Database, count: int) -> list[UUID]:
    tenant = await admin.ensure_default_tenant(db)
    return [await admin.add_smtp_mailbox(db, tenant.tenant_id, f"box{n}@example.org") for n in range(count)]


async def settled(db: Database) -> None:
    while await push.hints_owed(db):
        await asyncio.sleep(0.01)


async def test_a_thousand_hints_for_one_mailbox_are_a_few_signals(db: Database) -> None:
    (box,) = await boxes(db, 1)
    telephone = Telephone()
    telephone.busy.clear()
    async with telling(db, telephone) as hints:
        await asyncio.gather(*(hints.push(box) for _ in range(1000)))
        telephone.busy.set()
        await asyncio.wait_for(settled(db), 10)
    assert 1 <= len(telephone.told) <= 4


async def test_a_hint_that_comes_during_a_signal_asks_for_another(db: Database) -> None:
    (box,) = await boxes(db, 1)
    telephone = Telephone()
    async with telling(db, telephone) as hints:
        await hints.push(box)
        await asyncio.wait_for(settled(db), 10)
        await hints.push(box)
        await asyncio.wait_for(settled(db), 10)
    assert telephone.told == [box, box]


async def test_a_mailbox_that_was_told_rests_and_the_others_do_not_wait_for_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller_module, "REST", 60)
    busy, other = await boxes(db, 2)
    telephone = Telephone()
    async with telling(db, telephone) as hints:
        for _ in range(20):
            await hints.push(busy)
        await hints.push(other)
        while other not in telephone.told:
            await asyncio.sleep(0.01)
        # What came meanwhile stays owed: a process that dies now leaves it to the next.
        assert busy in await push.hints_owed(db)
    assert telephone.told == [busy, other]


async def test_while_temporal_is_away_hints_are_taken_and_told_when_it_is_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller_module, "RETRY", 0.05)
    many = await boxes(db, 20)
    telephone = Telephone()
    telephone.out_of_order = RuntimeError("no server")
    async with telling(db, telephone) as hints:
        began = time.monotonic()
        await asyncio.gather(*(hints.push(box) for box in many))
        assert time.monotonic() - began < 1
        assert set(await push.hints_owed(db)) == set(many)
        telephone.out_of_order = None
        await asyncio.wait_for(settled(db), 10)
    assert set(telephone.told) == set(many)


async def test_hints_of_a_process_that_died_are_told_by_the_next(db: Database) -> None:
    (box,) = await boxes(db, 1)
    await push.hint(db, [box])
    telephone = Telephone()
    async with telling(db, telephone):
        await asyncio.wait_for(settled(db), 10)
    assert telephone.told == [box]


async def test_a_hint_for_a_mailbox_without_a_workflow_stays_owed_and_holds_up_nobody(db: Database) -> None:
    box, other = await boxes(db, 2)
    telephone = Telephone()
    telephone.out_of_order = NotRunning("mailbox")
    async with telling(db, telephone) as hints:
        await hints.push(box)
        telephone.out_of_order = None
        await hints.push(other)
        while other not in telephone.told:
            await asyncio.sleep(0.01)


async def test_what_cannot_be_stored_is_not_acknowledged_within_a_second(
    doors: Stand, db_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints_module, "PATIENCE", 0.9)
    mailbox_id = await doors.gmail("help@example.org", pushed=False, start=False, topic=TOPIC,
                                   push_service_account=PUSH_ACCOUNT)  # fmt: skip
    await push.hint(doors.house.db, [mailbox_id])
    blocker: Any = await asyncpg.connect(db_url)
    await blocker.execute("begin; lock table mailbox_syncs in access exclusive mode")
    began = time.monotonic()
    doors.google.subscribe(f"{doors.webhooks_url}/webhooks/google/{mailbox_id}")
    doors.google.pubsub.publish(TOPIC, b'{"emailAddress": "help@example.org", "historyId": 1}')
    while not doors.google.pubsub.answers:
        await asyncio.sleep(0.01)
    assert doors.google.pubsub.answers[0] == 503
    assert time.monotonic() - began < 2
    await blocker.close()
    await asyncio.wait_for(doors.google.pubsub.idle(), 20)
    assert doors.google.pubsub.answers[-1] == 204
