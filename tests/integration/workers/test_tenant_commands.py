"""Which tenant a command works for, and what the first command of a new installation leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from storage import tenants
from storage.database import Database
from tests.operator import operate
from workers.command import Refused


async def column(db: Database, sql: str) -> list[Any]:
    """Of all tenants."""
    found = []
    for tenant_id in await tenants.names(db):
        async with db.tenant(tenant_id) as session:
            found += [row[0] for row in await session.fetch(sql)]
    return found


async def test_the_first_commands_leave_only_who_and_what_was_added(db: Database) -> None:
    await operate(db, "user add ada@example.com --role owner")
    assert await column(db, "select email from users") == ["ada@example.com"]
    assert await column(db, "select address from mailboxes") == []
    assert await column(db, "select name from inbound_defaults where active") == ["Standard"]
    await operate(db, "mailbox add smtp help@example.com")
    assert await column(db, "select address from mailboxes where defaults_id is not null") == ["help@example.com"]


async def test_defaults_that_were_renamed_do_not_come_back(db: Database) -> None:
    await operate(db, "user add ada@example.com --role owner")
    for tenant_id in await tenants.names(db):
        async with db.tenant(tenant_id) as session:
            await session.execute("update inbound_defaults set name = 'First line'")
    lines = ("user add ben@example.com", "user list", "token add Shop", "token list", "mailbox add raw in@example.com")
    for line in lines:
        await operate(db, line)
    assert await column(db, "select name from inbound_defaults") == ["First line"]
    assert await column(db, "select email from users order by 1") == ["ada@example.com", "ben@example.com"]


async def test_the_only_owner_is_the_last_one(db: Database) -> None:
    await operate(db, "user add ada@example.com --role owner")
    with pytest.raises(Refused, match="last owner"):
        await operate(db, "user stop ada@example.com")


@pytest.mark.parametrize("line", ["user list", "token list", "user stop ada@example.com", "user link ada@example.com"])
async def test_what_adds_nothing_makes_no_tenant(db: Database, line: str) -> None:
    with pytest.raises(Refused, match="no tenant yet: `postroom user add`"):
        await operate(db, line)
    assert await tenants.names(db) == {}
