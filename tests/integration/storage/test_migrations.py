"""The migrations runner: one at a time, in order, each once, and never against what the code does not know."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from storage import audit, mailboxes, migrate
from storage.database import Database
from storage.migrate import MigrationError
from tests import postgres
from tests.integration.storage.tenants import tenant

ALL = len(migrate.available())


@pytest_asyncio.fixture
async def empty(postgres_server: postgres.PostgresServer) -> AsyncIterator[str]:
    """The URL of a database without a schema."""
    name = f"empty_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres_server.url("postgres"))
    await connection.execute(f"create database {name}")
    yield postgres_server.url(name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of the real migrations, to be tampered with."""
    return Path(shutil.copytree(migrate.DIRECTORY, tmp_path / "migrations"))


def add(files: Path, number: int, sql: str = "create table more (tenant_id uuid primary key);") -> Path:
    path = files / f"{number:04}_more.sql"
    path.write_text(sql, "utf-8")
    return path


async def test_a_fresh_database_gets_every_migration_and_a_second_run_none(empty: str) -> None:
    applied = await migrate.migrate(empty)
    assert [m.version for m in applied] == list(range(1, ALL + 1))
    assert await migrate.migrate(empty) == []
    await migrate.check(empty)


async def test_three_runners_at_once_apply_each_migration_once(empty: str) -> None:
    runs = await asyncio.gather(*(migrate.migrate(empty) for _ in range(3)))
    assert sorted(len(applied) for applied in runs) == [0, 0, ALL]


async def test_a_schema_that_lacks_a_migration_is_refused_by_the_processes(empty: str, files: Path) -> None:
    await migrate.migrate(empty)
    add(files, ALL + 1)
    with pytest.raises(MigrationError, match="lacks 1 migration"):
        await migrate.check(empty, files)
    await migrate.migrate(empty, files)
    await migrate.check(empty, files)


async def test_a_file_that_was_edited_after_it_was_applied_is_refused(empty: str, files: Path) -> None:
    await migrate.migrate(empty, files)
    first = next(files.glob("0001_*.sql"))
    first.write_text(first.read_text("utf-8") + "\n-- a small correction", "utf-8")
    with pytest.raises(MigrationError, match="0001_house was edited"):
        await migrate.migrate(empty, files)
    with pytest.raises(MigrationError, match="0001_house was edited"):
        await migrate.check(empty, files)


async def test_a_database_that_is_newer_than_the_code_is_refused(empty: str, files: Path) -> None:
    add(files, ALL + 1)
    await migrate.migrate(empty, files)
    for run in (migrate.migrate, migrate.check):
        with pytest.raises(MigrationError, match="newer than this postroom"):
            await run(empty)


async def test_a_gap_in_the_numbers_is_refused_before_anything_is_applied(empty: str, files: Path) -> None:
    add(files, ALL + 2)
    with pytest.raises(MigrationError, match="without gaps"):
        await migrate.migrate(empty, files)
    connection = await asyncpg.connect(empty)
    assert await connection.fetchval("select to_regclass('tenants')") is None
    await connection.close()


@pytest.mark.parametrize("name", ["1_short.sql", "0001_Upper.sql", "0001-dash.sql"])
def test_a_file_with_another_kind_of_name_is_refused(files: Path, name: str) -> None:
    (files / name).write_text("select 1;", "utf-8")
    with pytest.raises(MigrationError, match="is not named"):
        migrate.available(files)


async def test_a_migration_that_fails_leaves_nothing_of_itself(empty: str, files: Path) -> None:
    broken = add(files, ALL + 1, "create table half (tenant_id uuid primary key); select 1/0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate.migrate(empty, files)
    connection = await asyncpg.connect(empty)
    assert await connection.fetchval("select to_regclass('half')") is None
    await connection.close()
    broken.write_text("create table half (tenant_id uuid primary key);", "utf-8")
    assert [m.version for m in await migrate.migrate(empty, files)] == [ALL + 1]


# An owner that is no superuser, as managed Postgres gives out ---------------------------------------------------


@pytest.fixture(scope="module")
def managed() -> Iterator[postgres.PostgresServer]:
    """A cluster of its own: postroom's roles belong to the cluster, and here nobody has made them yet."""
    with postgres.server() as server:
        yield server


async def _owned(managed: postgres.PostgresServer, database: str) -> str:
    """The URL of a new database, by which its owner logs in."""
    superuser = await asyncpg.connect(managed.url("postgres"))
    if not await superuser.fetchval("select true from pg_roles where rolname = 'landlord'"):
        await superuser.execute("create role landlord login nosuperuser createrole nobypassrls")
    await superuser.execute(f"create database {database} owner landlord")
    await superuser.close()
    return managed.url(database).replace("postgres@", "landlord@")


async def test_what_was_audited_before_there_was_a_chain_becomes_its_beginning(
    managed: postgres.PostgresServer, tmp_path: Path
) -> None:
    url, old = await _owned(managed, "grown"), tmp_path / "old"
    old.mkdir()
    for path in sorted(migrate.DIRECTORY.glob("*.sql"))[:5]:
        shutil.copy(path, old)
    await migrate.migrate(url, old)
    db = await Database.connect(url)
    tenants = [uuid4(), uuid4()]
    for tenant_id in tenants:
        async with db.tenant(tenant_id) as session:
            await session.execute("insert into tenants (tenant_id, name) values ($1, 'Old')", tenant_id)
            for n in range(3):
                await audit.record(session, tenant_id, "ann", "set_policy", f"mailbox/{n}", {"n": n})
    await migrate.migrate(url)
    for tenant_id in tenants:
        async with db.tenant(tenant_id) as session:
            await audit.record(session, tenant_id, "ann", "set_policy", "tenant")
        async with db.tenant(tenant_id) as session:
            verified = await audit.verify(session, tenant_id)
        assert (verified.links, verified.broken) == (4, None)
    await db.close()


async def test_an_owner_that_is_no_superuser_migrates_and_runs_postroom(managed: postgres.PostgresServer) -> None:
    url = await _owned(managed, "house")

    assert len(await migrate.migrate(url)) == ALL
    assert await migrate.migrate(url) == []

    db = await Database.connect(url)
    alpha, beta = await tenant(db, "alpha"), await tenant(db, "beta")
    assert {m.mailbox_id for m in await mailboxes.locate_all(db)} == {alpha.mailbox_id, beta.mailbox_id}
    (located,) = await mailboxes.locate_address(db, "support@alpha.example")
    assert located.tenant_id == alpha.tenant_id
    async with db.tenant(alpha.tenant_id) as session:
        assert await session.fetchval("select count(*) from mailboxes") == 1
    await db.close()
