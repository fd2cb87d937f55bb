"""Figures of a tenant's mail as it stands: what is open, what waits for people, what an administrator should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session


async def backlog(session: Session, tenant_id: UUID) -> list[Any]:
    """Open messages by state: `state`, `n`, and since when the oldest is listed."""
    return await session.fetch(
        """select state, count(*) as n, min(listed_at) as oldest from emails
            where tenant_id = $1 and state <> 'done' group by state order by state""",
        tenant_id,
    )


async def oldest_waiting(session: Session, tenant_id: UUID, *, limit: int = 5) -> list[Any]:
    """The open messages that were listed first."""
    return await session.fetch(
        """select e.email_id, e.state, e.listed_at, m.address as mailbox from emails e
             join mailboxes m using (tenant_id, mailbox_id)
            where e.tenant_id = $1 and e.state <> 'done' order by e.listed_at limit $2""",
        tenant_id,
        limit,
    )


async def waiting_tasks(session: Session, tenant_id: UUID) -> list[Any]:
    """Open questions by kind: `kind`, `n`, how many were escalated, and since when the oldest waits."""
    return await session.fetch(
        """select kind, count(*) as n, count(*) filter (where stage = 'escalated') as escalated,
                  min(created_at) as oldest
             from tasks where tenant_id = $1 and state = 'open' group by kind order by min(created_at)""",
        tenant_id,
    )


async def installation(session: Session, tenant_id: UUID) -> Any:
    """What Postgres tells of the installation: its version, the schema, sealed secrets by master key, what runs out."""
    return await session.fetchrow(
        """select current_setting('server_version') as postgres,
                  (select max(version) from schema_migrations) as schema,
                  (select max(applied_at) from schema_migrations) as migrated_at,
                  (select count(*) from mailboxes where tenant_id = $1 and provider = 'imap'
                      and state in ('active', 'paused', 'needs_reauth')) as imap_mailboxes,
                  (select count(*) from mailboxes where tenant_id = $1 and state = 'needs_reauth') as refused,
                  (select coalesce(jsonb_object_agg(key_id, n), '{}') from (
                     select split_part(sealed_secret, ':', 2) as key_id, count(*) as n from mailboxes
                      where tenant_id = $1 and sealed_secret is not null group by 1) k) as sealed_by_key,
                  (select count(*) from api_tokens where tenant_id = $1 and revoked_at is null
                      and expires_at between now() and now() + interval '14 days') as tokens_ending,
                  (select min(created_at) from api_tokens where tenant_id = $1 and revoked_at is null
                      and (expires_at is null or expires_at > now())) as oldest_token,
                  (select count(*) from mailbox_watches w join mailboxes m using (tenant_id, mailbox_id)
                    where w.tenant_id = $1 and m.state = 'active'
                      and w.expires_at < now() + interval '12 hours') as watches_ending,
                  (select count(*) from mailbox_checks c join mailboxes m using (tenant_id, mailbox_id)
                    where c.tenant_id = $1 and m.state = 'active'
                      and (c.error <> '' or c.missing + c.stuck > c.repaired)) as unsound,
                  (select count(*) from mailboxes m left join mailbox_checks c using (tenant_id, mailbox_id)
                    where m.tenant_id = $1 and m.state = 'active'
                      and coalesce(c.finished_at, m.created_at) < now() - interval '2 days') as unchecked""",
        tenant_id,
    )
