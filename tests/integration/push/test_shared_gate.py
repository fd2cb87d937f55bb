"""What several workers ask of one Gmail mailbox at the same time: together no more than one may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio

from activities.sources import Sources
from providers.base import RateLimited
from providers.gmail.mailbox import GmailMailbox
from storage import push
from tests.integration.push.stand import Stand

ADDRESS = "help@example.org"


@pytest_asyncio.fixture
async def workers(doors: Stand) -> AsyncIterator[list[Sources]]:
    """What two worker processes reach their sources by."""
    house = doors.house
    opened = [
        Sources(
            house.db, house.keyring, house.objects, endpoints=house.endpoints, max_message_bytes=1 << 20,
            allow_private_hosts=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    yield opened
    for sources in opened:
        await sources.close()


async def opened(stand: Stand, workers: list[Sources], mailbox_id: UUID) -> list[GmailMailbox]:
    found = [await sources.get(stand.house.tenant_id, mailbox_id) for sources in workers]
    return [mailbox for mailbox in found if isinstance(mailbox, GmailMailbox)]


async def test_all_workers_together_make_four_requests_at_once(doors: Stand, workers: list[Sources]) -> None:
    held = doors.google.faults.hold("/profile")
    mailbox_id = await doors.gmail(ADDRESS, pushed=False, start=False)
    asking = [
        asyncio.create_task(mailbox.profile()) for mailbox in await opened(doors, workers, mailbox_id) for _ in range(4)
    ]

    async def four_wait() -> bool:
        return doors.google.faults.waiting >= 4

    await doors.house.until(four_wait, "four held requests")
    held.set()
    assert set(await asyncio.gather(*asking)) == {ADDRESS}
    assert doors.google.faults.most_waiting == 4


async def test_a_silence_that_one_worker_was_asked_for_is_kept_by_all(doors: Stand, workers: list[Sources]) -> None:
    mailbox_id = await doors.gmail(ADDRESS, pushed=False, start=False)
    first, second = await opened(doors, workers, mailbox_id)
    assert await second.profile() == ADDRESS
    doors.google.faults.answer("/profile", 429, None, {"Retry-After": "60"})
    with pytest.raises(RateLimited):
        await first.profile()
    asked = len(doors.google.faults.requests)
    with pytest.raises(RateLimited) as silent:
        await second.profile()
    assert silent.value.until is not None
    assert len(doors.google.faults.requests) == asked


async def test_throttling_without_a_time_is_waited_for_longer_each_time(doors: Stand, workers: list[Sources]) -> None:
    mailbox_id = await doors.gmail(ADDRESS, pushed=False, start=False)
    (mailbox, _) = await opened(doors, workers, mailbox_id)
    doors.google.faults.answer("/profile", 429, None, times=None)
    house, pauses = doors.house, []
    for _ in range(8):
        with pytest.raises(RateLimited):
            await mailbox.profile()
        async with house.db.tenant(house.tenant_id) as session:
            state = await push.sync_state(session, house.tenant_id, mailbox_id)
            assert state.blocked_until is not None
            pauses.append(await session.fetchval("select extract(epoch from $1 - now())::float8", state.blocked_until))
            await push.set_sync_state(session, house.tenant_id, mailbox_id, blocked_until=None)
    assert pauses[0] <= 2
    assert 10 < pauses[4] <= 32
    assert 20 < pauses[-1] <= 60


async def test_no_minute_sees_more_units_than_its_own_however_many_workers_spend_them(doors: Stand) -> None:
    house = doors.house
    mailbox_id = await doors.gmail(ADDRESS, pushed=False, start=False)
    began, moments = time.monotonic(), [0.0]
    while moments[-1] < 150:
        wait = await push.spend(house.db, house.tenant_id, mailbox_id, 100, 6000)
        moments.append(time.monotonic() - began + wait)
    for start in moments:
        assert sum(100 for at in moments[1:] if start <= at < start + 59.9) <= 6000
    assert len(moments) * 100 > 150 / 60 * 6000 * 0.8, "and hardly less"
