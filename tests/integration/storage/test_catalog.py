"""What the schema promises, read from Postgres' own catalog, so that a table of tomorrow is held to it as well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

# What belongs to nobody: which migrations were applied, and digests of failed sign-ins, also to unknown accounts.
NOT_OF_A_TENANT = {"schema_migrations", "sign_in_attempts"}

# Where the directory may write before a tenant is known: that a source said something, and when; how often a
# sign-in failed. No content. And the oldest of the audit log goes through one of its functions.
WRITTEN_BY_THE_DIRECTORY = {"audit", "mailbox_syncs", "sign_in_attempts"}


@pytest_asyncio.fixture
async def owner(db_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(db_url)
    yield connection
    await connection.close()


async def names(owner: Connection, sql: str) -> set[str]:
    return {row[0] for row in await owner.fetch(sql)}


TABLES = (
    """select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"""
)
TENANT_TABLES = f"{TABLES} and exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id')"


async def test_every_table_belongs_to_a_tenant(owner: Connection) -> None:
    assert await names(owner, TABLES) - await names(owner, TENANT_TABLES) == NOT_OF_A_TENANT


async def test_every_tenant_table_has_forced_row_level_security(owner: Connection) -> None:
    tables = await names(owner, TENANT_TABLES)
    assert len(tables) > 20
    assert await names(owner, f"{TENANT_TABLES} and c.relrowsecurity and c.relforcerowsecurity") == tables


async def test_every_tenant_table_has_one_policy_for_the_application_that_reads_and_writes_by_tenant(
    owner: Connection,
) -> None:
    policies = await owner.fetch(
        """select tablename, cmd, permissive, qual, with_check from pg_policies
            where schemaname = 'public' and roles && array['public', 'postroom_app']::name[]"""
    )
    assert {p["tablename"] for p in policies} == await names(owner, TENANT_TABLES)
    assert len({p["tablename"] for p in policies}) == len(policies)
    for policy in policies:
        assert policy["cmd"] == "ALL"
        for condition in (policy["qual"], policy["with_check"]):
            assert condition.startswith("(tenant_id = (NULLIF(current_setting('app.tenant_id'"), policy["tablename"]


async def test_other_policies_only_let_the_directory_and_searches_read(owner: Connection) -> None:
    others = await owner.fetch(
        """select tablename, roles, cmd from pg_policies
            where schemaname = 'public' and not roles && array['public', 'postroom_app']::name[]"""
    )
    assert {tuple(p["roles"]) for p in others} == {("postroom_directory",), ("postroom_search",)}
    assert {p["tablename"] for p in others if p["cmd"] != "SELECT"} == WRITTEN_BY_THE_DIRECTORY - NOT_OF_A_TENANT


async def test_every_primary_key_and_unique_index_begins_with_the_tenant(owner: Connection) -> None:
    """So uniqueness never tells one tenant of another, and the schema distributes by tenant."""
    late = await names(
        owner,
        f"""select i.indexrelid::regclass::text from pg_index i
             where i.indisunique and i.indrelid in (select c.oid from pg_class c where c.relname in ({TENANT_TABLES})
               and c.relnamespace = 'public'::regnamespace)
               and (select attname from pg_attribute where attrelid = i.indrelid and attnum = i.indkey[0])
                   is distinct from 'tenant_id'""",
    )
    assert late == set()


async def test_every_tenant_table_has_a_primary_key(owner: Connection) -> None:
    without = f"{TENANT_TABLES} and not exists (select from pg_index where indrelid = c.oid and indisprimary)"
    assert await names(owner, without) == set()


async def test_every_foreign_key_begins_with_the_tenant_on_both_sides(owner: Connection) -> None:
    """So no row can refer to another tenant's."""
    crossing = await names(
        owner,
        """select k.conname from pg_constraint k where k.contype = 'f' and k.connamespace = 'public'::regnamespace
             and ((select attname from pg_attribute where attrelid = k.conrelid and attnum = k.conkey[1]) <> 'tenant_id'
               or (select attname from pg_attribute where attrelid = k.confrelid and attnum = k.confkey[1])
                  <> 'tenant_id')""",
    )
    assert crossing == set()


async def test_the_application_role_has_no_way_round(owner: Connection) -> None:
    roles = await owner.fetch(
        "select * from pg_roles where rolname in ('postroom_app', 'postroom_directory', 'postroom_search')"
    )
    assert len(roles) == 3
    for role in roles:
        assert not any(
            role[right] for right in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolcanlogin")
        )
    assert await names(owner, f"{TABLES} and pg_get_userbyid(c.relowner) like 'postroom%'") == set()
    memberships = """select m.roleid::regrole::text from pg_auth_members m
                      where m.member::regrole::text in ('postroom_app', 'postroom_directory', 'postroom_search')"""
    assert await names(owner, memberships) == set()


@pytest.mark.parametrize("right", ["TRUNCATE", "REFERENCES", "TRIGGER"])
async def test_the_application_may_change_rows_and_nothing_else(owner: Connection, right: str) -> None:
    assert await names(owner, f"{TABLES} and has_table_privilege('postroom_app', c.oid, '{right}')") == set()


async def test_the_application_creates_nothing_in_the_schema(owner: Connection) -> None:
    for role in ("postroom_app", "postroom_directory", "postroom_search"):
        assert not await owner.fetchval("select has_schema_privilege($1, 'public', 'CREATE')", role)


async def test_the_directory_reads_only_the_columns_that_locate(owner: Connection) -> None:
    columns = await owner.fetch(
        """select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
            where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
              and has_column_privilege('postroom_directory', c.oid, a.attnum, 'SELECT')"""
    )
    readable = {f"{row['relname']}.{row['attname']}" for row in columns}
    assert "mailboxes.mailbox_id" in readable
    assert not {c for c in readable if c.endswith(("sealed_secret", "subject", "parsed", "text", "email", "record"))}
    writable = f"""{TABLES} and (has_any_column_privilege('postroom_directory', c.oid, 'INSERT,UPDATE')
                                 or has_table_privilege('postroom_directory', c.oid, 'DELETE'))"""
    assert await names(owner, writable) == WRITTEN_BY_THE_DIRECTORY


async def test_searches_read_what_they_look_at_and_write_nothing(owner: Connection) -> None:
    columns = await owner.fetch(
        """select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
            where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
              and has_column_privilege('postroom_search', c.oid, a.attnum, 'SELECT')"""
    )
    assert {row["relname"] for row in columns} == {"tickets", "email_contents"}
    assert not {row["attname"] for row in columns} & {"parsed", "subject_key", "contact_id"}
    writable = f"""{TABLES} and (has_any_column_privilege('postroom_search', c.oid, 'INSERT,UPDATE')
                                 or has_table_privilege('postroom_search', c.oid, 'DELETE'))"""
    assert await names(owner, writable) == set()


async def test_functions_that_run_as_another_role_are_pinned_and_not_public(owner: Connection) -> None:
    definers = await owner.fetch(
        """select oid::regprocedure::text as name, proconfig, pg_get_userbyid(proowner) as owner,
                  exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner)))
                           where grantee = 0) as public
             from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"""
    )
    assert len(definers) >= 8
    for function in definers:
        assert function["proconfig"] == ["search_path=public, pg_temp"], function["name"]
        role = "postroom_search" if function["name"].startswith("search_") else "postroom_directory"
        assert function["owner"] == role, function["name"]
        assert not function["public"], function["name"]


async def test_every_view_sees_as_its_caller(owner: Connection) -> None:
    views = """select c.relname from pg_class c
                where c.relnamespace = 'public'::regnamespace and c.relkind in ('v', 'm')
                  and not coalesce('security_invoker=true' = any(c.reloptions), false)"""
    assert await names(owner, views) == set()


async def test_the_schema_has_no_enumerated_types(owner: Connection) -> None:
    """Text with a CHECK can be widened in a migration that locks nothing for long."""
    enums = "select typname from pg_type where typtype = 'e' and typnamespace = 'public'::regnamespace"
    assert await names(owner, enums) == set()
