"""What the gauges say of checks, canaries and outgoing events."""

from __future__ import annotations

from uuid import uuid4

from storage import events, house_metrics
from storage.database import Database
from storage.secrets import KeyRing
from tests.house import MASTER_KEYS
from workers import admin


async def test_what_is_missing_late_or_given_up_is_counted(db: Database) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    tenant_id, mailbox_id = tenant.tenant_id, tenant.mailbox_id
    async with db.tenant(tenant_id) as session:
        endpoint_id, _ = await events.add_endpoint(
            session, KeyRing(MASTER_KEYS), tenant_id, "https://receiver.example/", ["ticket.created"]
        )
        for state in ("pending", "dead"):
            await session.execute("select emit_event($1, 'ticket.created', 'ticket/1', '{}')", tenant_id)
            await session.execute(
                """update event_deliveries set state = $2
                    where tenant_id = $1 and seq = (select max(seq) from events where tenant_id = $1)""",
                tenant_id,
                state,
            )
        await session.execute(
            "update events set created_at = now() - interval '1 hour' where tenant_id = $1", tenant_id
        )
        await session.execute(
            """insert into mailbox_checks (tenant_id, mailbox_id, started_at, missing, repaired, error)
               values ($1, $2, now(), 5, 3, 'unreachable')""",
            tenant_id,
            mailbox_id,
        )
        await session.execute(
            """insert into mailbox_canaries (tenant_id, mailbox_id, canary_id, sent_at)
               values ($1, $2, $3, now() - interval '10 minutes')""",
            tenant_id,
            mailbox_id,
            uuid4(),
        )
    figures = await house_metrics.count(db)
    assert (figures.missing, figures.failed_checks) == (2, 1)
    assert (figures.owed_events, figures.dead_events) == (1, 1)
    assert figures.oldest_owed_event >= 3600
    assert figures.canary["smtp"] >= 600

    async with db.tenant(tenant_id) as session:
        await events.set_state(session, tenant_id, endpoint_id, "paused")
        await session.execute("update mailbox_canaries set arrived_at = sent_at + interval '2 seconds'")
    figures = await house_metrics.count(db)
    assert (figures.owed_events, figures.oldest_owed_event) == (0, 0), "a paused endpoint is not late"
    assert figures.canary["smtp"] == 2
