"""What the gauges say of checks, canaries and outgoing events."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from domain.decision import CircuitKey
from storage import events, house_metrics, ledger, loops, mailboxes
from storage.database import Database
from storage.secrets import KeyRing
from tests.house import MASTER_KEYS
from workers import admin

if TYPE_CHECKING:
    from storage.database import Session


async def sends_canaries(session: Session, tenant_id: UUID, mailbox_id: UUID) -> None:
    """The mailbox sent one ten minutes ago, which has not come."""
    await session.execute(
        """update mailboxes set settings = settings || '{"canary_minutes": 30}'
            where tenant_id = $1 and mailbox_id = $2""",
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
        await sends_canaries(session, tenant_id, mailbox_id)
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


@pytest.mark.parametrize(("state", "counts"), [("active", True), ("paused", False), ("needs_reauth", False)])
async def test_only_mailboxes_that_are_read_can_be_in_trouble(db: Database, state: str, counts: bool) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    tenant_id, mailbox_id = tenant.tenant_id, tenant.mailbox_id
    async with db.tenant(tenant_id) as session:
        await mailboxes.set_state(session, tenant_id, mailbox_id, state)
        await session.execute(
            """insert into mailbox_checks (tenant_id, mailbox_id, started_at, missing, error)
               values ($1, $2, now(), 1, 'unreachable')""",
            tenant_id,
            mailbox_id,
        )
        await session.execute(
            """insert into mailbox_watches (tenant_id, mailbox_id, what, watch_id, secret_sha256, expires_at, renew_at)
               values ($1, $2, 'inbox', 'watch-1', sha256(''), now() + interval '1 hour', now())""",
            tenant_id,
            mailbox_id,
        )
    figures = await house_metrics.count(db)
    assert (figures.missing, figures.failed_checks) == ((1, 1) if counts else (0, 0))
    assert list(figures.watch_expiry) == (["smtp"] if counts else [])


async def test_the_last_canary_of_a_mailbox_that_sends_no_more_is_not_late(db: Database) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    async with db.tenant(tenant.tenant_id) as session:
        await sends_canaries(session, tenant.tenant_id, tenant.mailbox_id)
        await session.execute("update mailboxes set settings = settings - 'canary_minutes'")
    assert (await house_metrics.count(db)).canary == {}


@pytest.mark.parametrize(("state", "owed"), [("active", 1), ("paused", 1), ("draft", 0)])
async def test_a_mailbox_that_is_being_set_up_is_owed_no_hint(db: Database, state: str, owed: int) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    tenant_id, mailbox_id = tenant.tenant_id, tenant.mailbox_id
    async with db.tenant(tenant_id) as session:
        await mailboxes.set_state(session, tenant_id, mailbox_id, state)
        await session.execute(
            """insert into mailbox_syncs (tenant_id, mailbox_id, hinted_at) values ($1, $2, now())
               on conflict (tenant_id, mailbox_id) do update set hinted_at = now()""",
            tenant_id,
            mailbox_id,
        )
    assert (await house_metrics.count(db)).owed_hints == owed


async def test_a_storm_that_is_over_by_itself_is_no_open_circuit(db: Database) -> None:
    tenant = await admin.ensure_default_tenant(db, address="support@postroom.test")
    tenant_id, mailbox_id = tenant.tenant_id, tenant.mailbox_id
    async with db.tenant(tenant_id) as session:
        sighting = ledger.Sighting("sha256:1", "<storm@ids.example>")
        (row,) = await ledger.list_emails(session, tenant_id, mailbox_id, "smtp", [sighting])
        assert await loops.open_circuit(session, tenant_id, CircuitKey(scope="tenant", key=""), row.email.email_id)
    assert (await house_metrics.count(db)).open_circuits == {"tenant": 1}
    async with db.tenant(tenant_id) as session:
        await session.execute("update emails set outcome = 'discarded', state = 'done', done_at = now()")
    assert (await house_metrics.count(db)).open_circuits == {"tenant": 1}
    async with db.tenant(tenant_id) as session:
        await session.execute("update circuits set last_at = now() - interval '2 hours'")
    assert (await house_metrics.count(db)).open_circuits == {}
