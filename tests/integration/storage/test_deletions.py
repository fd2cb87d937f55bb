"""Objects are shared: one goes when nobody refers to it, and never while somebody is about to."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from domain.policy import Retention
from storage import audit, deletions, ledger, retention
from storage.database import Database
from storage.deletions import Vanished
from storage.objects import Objects, raw_key
from tests.integration.storage.tenants import Tenant, tenant

RAW = b"From: a@example.com\r\n\r\nhello"
SHA = hashlib.sha256(RAW).hexdigest()


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects((tmp_path / "objects").as_uri())


@pytest_asyncio.fixture
async def alpha(db: Database) -> Tenant:
    return await tenant(db, "alpha")


async def receive(db: Database, objects: Objects, to: Tenant, locator: str, raw: bytes = RAW) -> None:
    """As every way in does: put, then hold and list in one transaction."""
    sha256 = hashlib.sha256(raw).hexdigest()
    await objects.put(raw_key(to.tenant_id, sha256), raw)
    async with db.tenant(to.tenant_id) as session:
        await deletions.hold(session, objects, [raw_key(to.tenant_id, sha256)])
        await ledger.list_emails(
            session, to.tenant_id, to.mailbox_id, "smtp",
            [ledger.Sighting(locator, f"<{locator}@ids.example>", raw_sha256=sha256, raw_size=len(raw))],
        )  # fmt: skip


async def let_go(db: Database, of: Tenant, locator: str) -> None:
    async with db.tenant(of.tenant_id) as session:
        await session.execute(
            "update emails set raw_deleted_at = now() where tenant_id = $1 and locator = $2", of.tenant_id, locator
        )
        await deletions.owe(session, of.tenant_id, [SHA], [])


async def owed(db: Database, of: Tenant) -> int:
    async with db.tenant(of.tenant_id) as session:
        count: int = await session.fetchval("select count(*) from object_deletions")
    return count


async def test_an_object_goes_with_its_last_reference(db: Database, objects: Objects, alpha: Tenant) -> None:
    key = raw_key(alpha.tenant_id, SHA)
    for locator in ("one", "two"):
        await receive(db, objects, alpha, locator)
    await let_go(db, alpha, "one")
    await deletions.work_off(db, objects, alpha.tenant_id)
    assert await objects.exists(key)
    assert await owed(db, alpha) == 0
    await let_go(db, alpha, "two")
    await deletions.work_off(db, objects, alpha.tenant_id)
    assert not await objects.exists(key)


async def test_another_tenants_object_of_the_same_content_stays(db: Database, objects: Objects, alpha: Tenant) -> None:
    beta = await tenant(db, "beta")
    for owner in (alpha, beta):
        await receive(db, objects, owner, "one")
    await let_go(db, alpha, "one")
    await deletions.work_off(db, objects, alpha.tenant_id)
    assert await objects.exists(raw_key(beta.tenant_id, SHA))


async def test_one_that_is_being_referred_to_waits(db: Database, objects: Objects, alpha: Tenant) -> None:
    await receive(db, objects, alpha, "one")
    await let_go(db, alpha, "one")
    async with db.tenant(alpha.tenant_id) as session:
        await deletions.hold(session, objects, [raw_key(alpha.tenant_id, SHA)])
        await deletions.work_off(db, objects, alpha.tenant_id)
        assert await objects.exists(raw_key(alpha.tenant_id, SHA))
    assert await owed(db, alpha) == 1
    await deletions.work_off(db, objects, alpha.tenant_id)
    assert not await objects.exists(raw_key(alpha.tenant_id, SHA))


async def test_who_comes_after_the_deletion_puts_it_again(db: Database, objects: Objects, alpha: Tenant) -> None:
    async with db.tenant(alpha.tenant_id) as session:
        with pytest.raises(Vanished):
            await deletions.hold(session, objects, [raw_key(alpha.tenant_id, SHA)])
    await receive(db, objects, alpha, "one")
    assert await objects.exists(raw_key(alpha.tenant_id, SHA))


async def test_whatever_happens_at_once_a_reference_never_points_to_nothing(
    db: Database, objects: Objects, alpha: Tenant
) -> None:
    """Mails with the same bytes come in while others of them are let go and deletions run, all the time."""

    async def arriving(number: int) -> None:
        for turn in range(15):
            done = False
            while not done:
                with contextlib.suppress(Vanished):
                    await receive(db, objects, alpha, f"{number}-{turn}")
                    done = True
            async with db.tenant(alpha.tenant_id) as session:
                # What refers to it now finds it, whatever else is going on.
                await deletions.hold(session, objects, [raw_key(alpha.tenant_id, SHA)])
            await let_go(db, alpha, f"{number}-{turn}")

    async def deleting() -> None:
        while True:
            await deletions.work_off(db, objects, alpha.tenant_id)
            await asyncio.sleep(0)

    cleaner = asyncio.create_task(deleting())
    try:
        await asyncio.gather(*(arriving(number) for number in range(4)))
    finally:
        cleaner.cancel()


async def test_the_audit_log_loses_its_oldest_rows_and_can_still_be_verified(db: Database, alpha: Tenant) -> None:
    async with db.tenant(alpha.tenant_id) as session:
        for number in range(4):
            await audit.record(session, alpha.tenant_id, "ann", f"did {number}", "thing/1")
    pruned = "select directory_prune_audit($1, now(), 100)"
    async with db.tenant(alpha.tenant_id) as session:
        # Whoever asks for more than that gets no further than thirty days.
        assert await session.fetchval(pruned, alpha.tenant_id) == 0
        assert await retention.apply(session, alpha.tenant_id, Retention(audit_days=30)) == 0
        assert (await audit.verify(session, alpha.tenant_id)).broken is None


async def test_only_its_beginning_is_old_enough(db_url: str, db: Database, alpha: Tenant) -> None:
    owner = await asyncpg.connect(db_url)
    for days, action in ((50, "older"), (40, "old"), (0, "new")):
        await owner.execute(
            """insert into audit (tenant_id, at, actor, action, object)
               values ($1, now() - make_interval(days => $2), 'ann', $3, 'thing/1')""",
            alpha.tenant_id,
            days,
            action,
        )
    await owner.close()
    async with db.tenant(alpha.tenant_id) as session:
        assert await retention.apply(session, alpha.tenant_id, Retention(audit_days=30)) == 2
        left = [row["action"] for row in await session.fetch("select action from audit order by audit_id")]
        assert "new" in left
        assert not {"old", "older"} & set(left)
        assert (await audit.verify(session, alpha.tenant_id)).broken is None
