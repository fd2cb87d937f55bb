"""What a tenant's policy lets go: one batch at a time, in transactions that hold nobody up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from domain.policy import Retention
from storage import deletions

if TYPE_CHECKING:
    from storage.database import Session

# Rows of each kind in one transaction.
BATCH = 500
# Webhook ids are refused for five minutes by their time alone; the rest is for clocks.
_WEBHOOK_IDS = timedelta(days=1)


async def apply(session: Session, tenant_id: UUID, policy: Retention) -> int:
    """Lets one batch of each kind go; how many rows. Less than BATCH of every kind means that nothing is left."""
    gone = [
        await _raw(session, tenant_id, policy.raw_days),
        await _content(session, tenant_id, policy.content_days),
        await _attachments(session, tenant_id, policy.attachments_days),
        await _sessions(session, tenant_id, timedelta(days=policy.sessions_days)),
        await _audit(session, tenant_id, policy.audit_days),
    ]
    return max(gone)


async def _raw(session: Session, tenant_id: UUID, days: int | None) -> int:
    if days is None:
        return 0
    rows = await session.fetch(
        """update emails set raw_deleted_at = now(), timeline = timeline || step('raw deleted')
            where tenant_id = $1 and email_id = any(array(
              select email_id from emails
               where tenant_id = $1 and done_at < now() - $2::interval
                 and raw_sha256 is not null and raw_deleted_at is null limit $3))
           returning raw_sha256""",
        tenant_id,
        timedelta(days=days),
        BATCH,
    )
    await deletions.owe(session, tenant_id, [row["raw_sha256"] for row in rows], [])
    return len(rows)


async def _content(session: Session, tenant_id: UUID, days: int | None) -> int:
    if days is None:
        return 0
    rows = await session.fetch(
        """delete from email_contents where tenant_id = $1 and email_id = any(array(
             select c.email_id from emails e join email_contents c using (tenant_id, email_id)
              where e.tenant_id = $1 and e.done_at < now() - $2::interval limit $3))
           returning email_id""",
        tenant_id,
        timedelta(days=days),
        BATCH,
    )
    return len(rows)


async def _attachments(session: Session, tenant_id: UUID, days: int | None) -> int:
    if days is None:
        return 0
    rows = await session.fetch(
        """update attachments set state = 'skipped', reason = 'retention'
            where tenant_id = $1 and attachment_id = any(array(
              select a.attachment_id from attachments a join emails e using (tenant_id, email_id)
               where a.tenant_id = $1 and a.state in ('stored', 'infected', 'unscanned')
                 and e.done_at < now() - $2::interval limit $3))
           returning sha256""",
        tenant_id,
        timedelta(days=days),
        BATCH,
    )
    await deletions.owe(session, tenant_id, [], [row["sha256"] for row in rows])
    return len(rows)


async def _sessions(session: Session, tenant_id: UUID, after: timedelta) -> int:
    """Sessions and sign-in links that have ended, and webhook ids that no replay could use any more."""
    gone = 0
    for table, ended, kept in (
        ("sessions", "expires_at", after),
        ("login_links", "expires_at", after),
        ("webhook_ids", "seen_at", _WEBHOOK_IDS),
    ):
        rows = await session.fetch(
            f"""delete from {table} where ctid = any(array(
                  select ctid from {table} where tenant_id = $1 and {ended} < now() - $2::interval
                   limit $3 for update skip locked)) returning 1""",  # noqa: S608 (constants only)
            tenant_id,
            kept,
            BATCH,
        )
        gone = max(gone, len(rows))
    return gone


async def _audit(session: Session, tenant_id: UUID, days: int | None) -> int:
    if days is None:
        return 0
    gone: int = await session.fetchval(
        "select directory_prune_audit($1, now() - $2::interval, $3)", tenant_id, timedelta(days=days), BATCH
    )
    return gone
