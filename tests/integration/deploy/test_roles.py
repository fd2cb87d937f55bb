"""deploy/postgres/roles.sh: one login owns the schema, another runs the application, and neither is a superuser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from storage.database import Database
from storage.migrate import available, check, migrate
from tests.integration.deploy.production import Production, production


@pytest.fixture(scope="module")
def migrated() -> Iterator[Production]:
    with production() as opened:
        asyncio.run(migrate(opened.url("postroom_owner")))
        yield opened


async def test_owner_migrates_without_being_superuser(migrated: Production) -> None:
    assert await migrate(migrated.url("postroom_owner")) == []
    await check(migrated.url("postroom"))
    connection = await asyncpg.connect(migrated.url("postroom_owner"))
    assert await connection.fetchval("select max(version) from schema_migrations") == len(available())
    assert not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user")
    await connection.close()


async def test_application_acts_as_its_role_and_owns_nothing(migrated: Production) -> None:
    db = await Database.connect(migrated.url("postroom"))
    async with db.directory() as session:
        assert await session.fetchval("select current_user") == "postroom_app"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute("create table mine (n integer)")
    await db.close()


async def test_no_login_may_enter_the_database_of_the_other_service(migrated: Production) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(migrated.url("temporal"))
