"""deploy/postgres/roles.sh: one login owns the schema, another runs the application, and neither is a superuser."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from storage.database import Database
from storage.migrate import available, check, migrate
from tests import postgres

SCRIPT = Path(__file__).parents[3] / "deploy" / "postgres" / "roles.sh"


@pytest.fixture(scope="module")
def production() -> Iterator[postgres.PostgresServer]:
    """A Postgres on which only roles.sh has run, as in compose.prod.yaml."""
    with postgres.server() as server:
        port = urlsplit(server.url("postgres")).port
        environment = {
            "PATH": f"{postgres.BIN}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGPORT": str(port),
            "POSTROOM_OWNER_PASSWORD": "owner1", "POSTROOM_DB_PASSWORD": "app1", "TEMPORAL_DB_PASSWORD": "temporal1",
            "POSTROOM_BACKUP_PASSWORD": "backup1",
        }  # fmt: skip
        subprocess.run(["/bin/sh", SCRIPT], check=True, env=environment)
        yield server


def as_login(server: postgres.PostgresServer, login: str) -> str:
    return server.url("postroom").replace("postgres@", f"{login}@")


@pytest_asyncio.fixture
async def migrated(production: postgres.PostgresServer) -> AsyncIterator[postgres.PostgresServer]:
    await migrate(as_login(production, "postroom_owner"))
    yield production


async def test_owner_migrates_without_being_superuser(migrated: postgres.PostgresServer) -> None:
    assert await migrate(as_login(migrated, "postroom_owner")) == []
    await check(as_login(migrated, "postroom"))
    connection = await asyncpg.connect(as_login(migrated, "postroom_owner"))
    assert await connection.fetchval("select max(version) from schema_migrations") == len(available())
    assert not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user")
    await connection.close()


async def test_application_acts_as_its_role_and_owns_nothing(migrated: postgres.PostgresServer) -> None:
    db = await Database.connect(as_login(migrated, "postroom"))
    async with db.directory() as session:
        assert await session.fetchval("select current_user") == "postroom_app"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute("create table mine (n integer)")
    await db.close()


async def test_no_login_may_enter_the_database_of_the_other_service(migrated: postgres.PostgresServer) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(as_login(migrated, "temporal"))
