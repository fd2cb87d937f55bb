"""The feed of events: whoever reads on from the last one has seen all before it, whichever transaction ends first."""

from __future__ import annotations

from typing import Any

from storage import events, mailboxes
from storage.database import Database
from workers import admin


async def test_an_event_of_a_transaction_that_ends_later_is_not_passed_over(db: Database) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    second = await admin.add_smtp_mailbox(db, tenant.tenant_id, "sales@postroom.test")

    async def states(session: Any, after: int) -> list[tuple[int, str]]:
        found = await events.listed(session, tenant.tenant_id, after=after, kinds=["mailbox.status"])
        return [(event["seq"], event["data"]["state"]) for event in found]

    async with db.tenant(tenant.tenant_id) as reader:
        begin = (await states(reader, 0))[-1][0]
    async with db.tenant(tenant.tenant_id) as slow:
        await mailboxes.set_state(slow, tenant.tenant_id, tenant.mailbox_id, "paused")
        async with db.tenant(tenant.tenant_id) as quick:
            await mailboxes.set_state(quick, tenant.tenant_id, second, "needs_reauth")
        async with db.tenant(tenant.tenant_id) as reader:
            assert await states(reader, begin) == []
            assert await events.before_last(reader, tenant.tenant_id, 0) == begin
    async with db.tenant(tenant.tenant_id) as reader:
        assert [state for _, state in await states(reader, begin)] == ["paused", "needs_reauth"]


async def test_what_another_transaction_emits_many_of_holds_one_lock(db: Database) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    async with db.tenant(tenant.tenant_id) as session:
        for state in ("paused", "active") * 50:
            await mailboxes.set_state(session, tenant.tenant_id, tenant.mailbox_id, state)
        held = await session.fetchval("select count(*) from pg_locks where locktype = 'advisory' and classid = 7")
    assert held == 1
