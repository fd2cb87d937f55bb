"""The audit log: its chain shows every change made behind its back; people filter, read and take it with them."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from storage import audit
from tests.integration.console.site import Site
from tests.letters import letter
from workers import people_commands
from workers.command import Refused


@pytest_asyncio.fixture
async def owner(db_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who has the database in their hands."""
    connection = await asyncpg.connect(db_url)
    yield connection
    await connection.close()


async def note(site: Site, *things: str, detail: dict[str, Any] | None = None, actor: str = "ann") -> None:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        for thing in things:
            await audit.record(session, site.tenant.tenant_id, actor, "set_policy", thing, detail)


async def verify(site: Site, tenant_id: UUID | None = None) -> audit.Verified:
    tenant_id = tenant_id or site.tenant.tenant_id
    async with site.db.tenant(tenant_id) as session:
        return await audit.verify(session, tenant_id)


async def test_the_chain_holds_over_transactions_and_tenants(site: Site) -> None:
    other = await site.other_tenant()
    before = (await verify(site)).links
    await note(site, "tenant", "mailbox/1")
    await note(site, "mailbox/2")
    async with site.db.tenant(other.tenant_id) as session:
        await audit.record(session, other.tenant_id, "eve", "set_policy", "tenant")
    verified = await verify(site)
    assert (verified.links, verified.broken, verified.head[0]) == (before + 3, None, before + 3)
    assert (await verify(site, other.tenant_id)).broken is None


async def test_the_chain_holds_when_many_write_at_once(site: Site) -> None:
    before = (await verify(site)).links
    await asyncio.gather(*(note(site, f"mailbox/{n}", f"ticket/{n}") for n in range(20)))
    verified = await verify(site)
    assert (verified.links, verified.broken) == (before + 40, None)


async def test_what_was_rolled_back_leaves_no_gap(site: Site) -> None:
    async def fail() -> None:
        async with site.db.tenant(site.tenant.tenant_id) as session:
            await audit.record(session, site.tenant.tenant_id, "ann", "set_policy", "tenant")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await note(site, "tenant")
    assert (await verify(site)).broken is None


@pytest.mark.parametrize(
    "tampering",
    [
        "update audit set actor = 'nobody' where object = 'mailbox/2'",
        "update audit set detail = '{\"changed\": true}' where object = 'mailbox/2'",
        "update audit set at = at - interval '1 day' where object = 'mailbox/2'",
        "delete from audit where object = 'mailbox/2'",
        "delete from audit_chain where audit_id = (select audit_id from audit where object = 'mailbox/2')",
        "update audit_chain set hash = sha256(hash) where audit_id = (select audit_id from audit"
        " where object = 'mailbox/2')",
        "alter table audit disable trigger audit_chained;"
        "insert into audit (tenant_id, actor, action, object) select tenant_id, 'eve', 'x', 'y' from tenants",
    ],
)
async def test_whoever_changes_the_log_behind_its_back_is_seen(
    site: Site, owner: asyncpg.Connection, tampering: str
) -> None:
    await note(site, "mailbox/1", "mailbox/2", "mailbox/3")
    assert (await verify(site)).broken is None
    await owner.execute(tampering)
    assert (await verify(site)).broken is not None


async def test_what_retention_removed_from_the_beginning_breaks_nothing(site: Site, owner: asyncpg.Connection) -> None:
    await note(site, "mailbox/1", "mailbox/2", "mailbox/3")
    await owner.execute("delete from audit where audit_id < (select audit_id from audit where object = 'mailbox/2')")
    verified = await verify(site)
    assert verified.broken is None
    assert verified.retained_from > 1


async def test_the_application_cannot_rewrite_the_chain(site: Site) -> None:
    for statement in ("update audit_chain set position = 0", "delete from audit_chain", "truncate audit_chain"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with site.db.tenant(site.tenant.tenant_id) as session:
                await session.execute(statement)


async def test_the_command_verifies_and_knows_a_noted_head(
    site: Site, owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    await note(site, "mailbox/1", "mailbox/2")

    async def run(expect: str | None = None) -> int:
        return await people_commands.audit_verify(SimpleNamespace(expect=expect), None, site.db)  # type: ignore[arg-type]

    assert await run() == 0
    noted = capsys.readouterr().out.split()[-1]
    assert await run(noted) == 0
    with pytest.raises(Refused, match="POSITION:HASH"):
        await run("nonsense")
    # The end is cut off, and the links with it: only what was noted elsewhere tells.
    await owner.execute("delete from audit_chain where audit_id = (select max(audit_id) from audit)")
    await owner.execute("delete from audit where audit_id = (select max(audit_id) from audit)")
    assert await run() == 0
    assert await run(noted) == 1
    await owner.execute("update audit set actor = 'nobody'")
    assert await run() == 1
    assert "broken at entry" in capsys.readouterr().err


async def test_the_page_filters_by_actor_action_object_and_time(site: Site) -> None:
    await note(site, "mailbox/aaa", actor="ann")
    await note(site, "ticket/bbb", actor="bob")
    person = await site.person("admin")

    async def shown(query: str) -> tuple[bool, bool]:
        status, page = await person.get(f"/audit?{query}")
        assert status == 200
        return "mailbox/aaa" in page, "ticket/bbb" in page

    assert await shown("") == (True, True)
    assert await shown("actor=ann") == (True, False)
    assert await shown("object=ticket") == (False, True)
    assert await shown("object=tick") == (False, False)
    assert await shown("action=sign_in") == (False, False)
    assert await shown("since=2020-01-01&until=2020-01-02") == (False, False)
    assert await shown("since=nonsense&until=9999-12-31") == (True, True)
    assert await shown("before=1") == (False, False)


async def test_an_entry_shows_what_changed(site: Site) -> None:
    await note(site, "tenant", detail={"reopen": "7 days", "same": 1})
    await note(site, "tenant", detail={"reopen": "14 <b>days</b>", "same": 1})
    row = await site.row("select max(audit_id) from audit where tenant_id = $1")
    _, page = await (await site.person("admin")).get(f"/audit/{row[0]}")
    assert "<del>7 days</del>" in page
    assert "<ins>14 &lt;b&gt;days&lt;/b&gt;</ins>" in page


async def test_the_export_is_a_spreadsheet_that_computes_nothing(site: Site) -> None:
    for actor in ("=cmd()", "+1", "-1", "@sum", "\tx", 'plain, "quoted"'):
        await note(site, "report", actor=actor)
    http = (await site.person("admin")).http
    async with http.get("/audit/export?object=report") as response:
        assert response.headers["Content-Disposition"].startswith("attachment;")
        lines = list(csv.reader(io.StringIO(await response.text())))
    assert lines[0] == ["at", "actor", "action", "object", "detail"]
    assert [line[1] for line in lines[1:]] == ["'=cmd()", "'+1", "'-1", "'@sum", "'\tx", 'plain, "quoted"']


async def test_reading_a_whole_mail_is_noted(site: Site) -> None:
    email = await site.receive(letter("alice@example.com"))
    person = await site.person("agent")
    assert (await person.get(f"/emails/{email['email_id']}/raw"))[0] == 200
    row = await site.row("select * from audit where tenant_id = $1 and action = 'read_raw_mail'")
    assert (row["actor"], row["object"]) == (person.email, f"email/{email['email_id']}")
