"""One tenant never meets another's rows, whatever happens to a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from storage import mailboxes
from storage.database import Database
from tests.integration.storage.tenants import Tenant, tenant

if TYPE_CHECKING:
    from storage.database import Session

TENANT_TABLES = """
select c.relname from pg_class c
 where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
   and exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id')"""


@pytest_asyncio.fixture
async def one(db_url: str) -> AsyncIterator[Database]:
    """A pool of one connection: what one caller leaves on it, the next one would find."""
    database = await Database.connect(db_url, max_size=1)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def alpha(one: Database) -> Tenant:
    return await tenant(one, "alpha")


@pytest_asyncio.fixture
async def beta(one: Database) -> Tenant:
    return await tenant(one, "beta")


async def visible(db: Database) -> int:
    """Tenants that a session sees in which none is set."""
    async with db.directory() as session:
        count: int = await session.fetchval("select count(*) from tenants")
    return count


async def test_with_no_tenant_set_every_table_reads_empty(one: Database, alpha: Tenant) -> None:
    async with one.directory() as session:
        tables = [row["relname"] for row in await session.fetch(TENANT_TABLES)]
        assert {t: await session.fetchval(f"select count(*) from {t}") for t in tables} == dict.fromkeys(tables, 0)


async def test_with_no_tenant_set_every_table_refuses_inserts(one: Database, alpha: Tenant) -> None:
    async with one.directory() as session:
        for row in await session.fetch(TENANT_TABLES):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await session.execute(f"insert into {row['relname']} (tenant_id) values ($1)", alpha.tenant_id)


async def test_an_insert_for_another_tenant_is_refused(one: Database, alpha: Tenant, beta: Tenant) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with one.tenant(alpha.tenant_id) as session:
            await session.execute(
                "insert into clients (tenant_id, client_id, name) values ($1, $2, 'x')", beta.tenant_id, uuid4()
            )


async def test_another_tenants_rows_can_be_neither_read_nor_changed(one: Database, alpha: Tenant, beta: Tenant) -> None:
    async with one.tenant(alpha.tenant_id) as session:
        assert await mailboxes.get(session, beta.tenant_id, beta.mailbox_id) is None
        await mailboxes.set_state(session, beta.tenant_id, beta.mailbox_id, "paused")
        assert await session.execute("delete from mailboxes where mailbox_id = $1", beta.mailbox_id) == "DELETE 0"
    async with one.tenant(beta.tenant_id) as session:
        found = await mailboxes.get(session, beta.tenant_id, beta.mailbox_id)
    assert found is not None
    assert found.state == "active"


async def test_a_row_cannot_be_moved_to_another_tenant(one: Database, alpha: Tenant, beta: Tenant) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with one.tenant(alpha.tenant_id) as session:
            await session.execute("update inbound_defaults set tenant_id = $1", beta.tenant_id)


async def test_a_row_cannot_refer_to_another_tenants(one: Database, alpha: Tenant, beta: Tenant) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with one.tenant(alpha.tenant_id) as session:
            await session.execute(
                "insert into folder_cursors (tenant_id, mailbox_id, folder, cursor) values ($1, $2, 'INBOX', '{}')",
                alpha.tenant_id,
                beta.mailbox_id,
            )


async def _pause_and(db: Database, of: Tenant, then: Callable[[Session], Awaitable[object]]) -> None:
    """A transaction that changes something and goes on to its end."""
    async with db.tenant(of.tenant_id) as session:
        await session.execute("update mailboxes set state = 'paused'")
        await then(session)


async def _running(db_url: str, statement: str) -> None:
    """Waits until some connection runs it."""
    watching = await asyncpg.connect(db_url)
    asked = "select count(*) from pg_stat_activity where state = 'active' and query = $1"
    while not await watching.fetchval(asked, statement):
        await asyncio.sleep(0.01)
    await watching.close()


# What a transaction leaves on its connection -------------------------------------------------------------------


async def test_a_committed_transaction_leaves_nothing(one: Database, alpha: Tenant) -> None:
    async with one.tenant(alpha.tenant_id) as session:
        assert await session.fetchval("select count(*) from mailboxes") == 1
    assert await visible(one) == 0


async def test_a_failed_transaction_leaves_nothing(one: Database, alpha: Tenant) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _pause_and(one, alpha, lambda session: session.execute("select 1/0"))
    assert await visible(one) == 0
    async with one.tenant(alpha.tenant_id) as session:
        assert await mailboxes.state(session, alpha.tenant_id, alpha.mailbox_id) == "active"


async def test_a_callers_own_error_rolls_back(one: Database, alpha: Tenant) -> None:
    async def fail(session: Session) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await _pause_and(one, alpha, fail)
    async with one.tenant(alpha.tenant_id) as session:
        assert await mailboxes.state(session, alpha.tenant_id, alpha.mailbox_id) == "active"


@pytest.mark.parametrize("at", ["a statement", "the caller's own work"])
async def test_a_cancelled_task_leaves_nothing(one: Database, alpha: Tenant, db_url: str, at: str) -> None:
    begun = asyncio.Event()

    async def go_on(session: Session) -> None:
        begun.set()
        await (session.execute("select pg_sleep(60)") if at == "a statement" else asyncio.Event().wait())

    task = asyncio.create_task(_pause_and(one, alpha, go_on))
    await begun.wait()
    if at == "a statement":
        await _running(db_url, "select pg_sleep(60)")
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert await visible(one) == 0
    async with one.tenant(alpha.tenant_id) as session:
        assert await mailboxes.state(session, alpha.tenant_id, alpha.mailbox_id) == "active"


async def test_many_tenants_at_once_on_a_small_pool_see_their_own_rows_only(db_url: str) -> None:
    db = await Database.connect(db_url, max_size=3)
    tenants = [await tenant(db, f"t{n}") for n in range(8)]

    async def look(t: Tenant) -> None:
        for _ in range(10):
            async with db.tenant(t.tenant_id) as session:
                rows = await session.fetch("select tenant_id, pg_sleep(0.001) from mailboxes")
            assert [row["tenant_id"] for row in rows] == [t.tenant_id]

    async with asyncio.TaskGroup() as group:
        for t in tenants:
            group.create_task(look(t))
    await db.close()


async def test_a_tenant_id_is_a_uuid_and_never_text(one: Database) -> None:
    with pytest.raises(TypeError):
        async with one.tenant("'; drop table tenants; --"):  # type: ignore[arg-type]
            pass


# The log of who did what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["update audit set actor = 'nobody'", "delete from audit", "truncate audit"])
async def test_the_audit_log_is_append_only(one: Database, alpha: Tenant, statement: str) -> None:
    add = "insert into audit (tenant_id, actor, action, object) values ($1, 'ann', 'sign_in', 'user/1')"
    async with one.tenant(alpha.tenant_id) as session:
        await session.execute(add, alpha.tenant_id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with one.tenant(alpha.tenant_id) as session:
            await session.execute(statement)
    async with one.tenant(alpha.tenant_id) as session:
        assert await session.fetchval("select actor from audit") == "ann"
