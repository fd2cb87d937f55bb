"""Schema migrations: numbered `.sql` files, checksummed, applied by one runner at a time.

A database that is newer than the code is refused, and so is an applied file that was edited since.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

DIRECTORY = Path(__file__).parent / "migrations"
_LOCK = 0x706F7374726F6F6D  # "postroom"


class MigrationError(Exception):
    """The schema cannot be brought to this code's version; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def available(directory: Path = DIRECTORY) -> list[Migration]:
    """The migrations of this code, in order. Raises MigrationError on a gap or a double number."""
    found = []
    for path in sorted(directory.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        if match is None:
            raise MigrationError(f"{path.name} is not named NNNN_words.sql.")
        found.append(Migration(int(match[1]), match[2], path.read_text("utf-8")))
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise MigrationError("Migration numbers must run from 0001 without gaps.")
    return found


async def migrate(url: str, directory: Path = DIRECTORY) -> list[Migration]:
    """Applies what is missing and returns it. `url` logs in as a role that may create tables and roles."""
    migrations = available(directory)
    connection = await asyncpg.connect(url, timeout=10)
    try:
        # Polled, not awaited: a session that waits inside pg_advisory_lock() would block a holder's
        # CREATE INDEX CONCURRENTLY for ever.
        while not await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        await _ensure_roles(connection)
        pending = await _pending(connection, migrations)
        for migration in pending:
            await _apply(connection, migration)
        return pending
    finally:
        await connection.close()


async def check(url: str, directory: Path = DIRECTORY) -> None:
    """Raises MigrationError unless the schema is exactly this code's."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        pending = await _pending(connection, available(directory))
    finally:
        await connection.close()
    if pending:
        raise MigrationError(f"The database lacks {len(pending)} migration(s): run `postroom migrate` first.")


async def _pending(connection: asyncpg.Connection[asyncpg.Record], migrations: list[Migration]) -> list[Migration]:
    if await connection.fetchval("select to_regclass('schema_migrations')") is None:
        return migrations
    applied = {
        row["version"]: row["checksum"]
        for row in await connection.fetch("select version, checksum from schema_migrations")
    }
    newest = max(applied, default=0)
    if newest > len(migrations):
        raise MigrationError(
            f"The database is at schema {newest}, newer than this postroom knows ({len(migrations)}): "
            "start the newer release, or restore the backup made before the upgrade."
        )
    for migration in migrations:
        if migration.version in applied and applied[migration.version] != migration.checksum:
            raise MigrationError(
                f"Migration {migration.version:04}_{migration.name} was edited after it was applied: "
                "restore the file, and put the change into a new migration."
            )
    return [m for m in migrations if m.version not in applied]


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute("set local lock_timeout = '10s'")
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
            migration.version,
            migration.name,
            migration.checksum,
        )


async def _ensure_roles(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """The roles live outside the migrations: they belong to the cluster, which may hold several databases."""
    for role in ("postroom_app", "postroom_directory", "postroom_search"):
        # Where an administrator made the roles, the login that migrates need not be one that may.
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
            await connection.execute(f"""
                do $$ begin
                  create role {role} nologin nosuperuser nobypassrls;
                exception when duplicate_object or unique_violation then null;
                end $$""")
        # It may also run the application: it acts as the role, never as itself. Since Postgres 16 who creates a role
        # is a member of it, but may not act as it.
        right = "set" if connection.get_server_version().major >= 16 else "member"
        if not await connection.fetchval("select pg_has_role(current_user, $1, $2)", role, right):
            await connection.execute(f"grant {role} to current_user")
    await connection.execute("grant usage on schema public to postroom_app, postroom_directory, postroom_search")
    await connection.execute("""
        create table if not exists schema_migrations (
          version integer primary key, name text not null, checksum text not null,
          applied_at timestamptz not null default now())""")
    await connection.execute("grant select on schema_migrations to postroom_app")
