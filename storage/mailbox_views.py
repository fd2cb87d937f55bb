"""Mailboxes as people see them: how each one stands, and what has to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session

# Without the sealed secret: nobody who looks needs it.
_MAILBOX = """
select m.mailbox_id, m.address, m.provider, m.state, m.status, m.status_at, m.last_sync_at, m.created_at, m.settings,
       m.defaults_id, d.name as defaults_name, d.queue, s.auth_failures, s.blocked_until, s.hinted_at,
       w.expires_at as watch_expires_at, w.watches, y.listed, y.listed - p.open as done, p.open, y.last_message_at,
       c.finished_at as checked_at, c.error as check_error, c.missing + c.stuck - c.repaired as amiss,
       k.sent_at as canary_sent_at, k.arrived_at as canary_arrived_at, k.failure as canary_failure
  from mailboxes m
  left join inbound_defaults d on d.tenant_id = m.tenant_id and d.defaults_id = m.defaults_id and d.active
  left join mailbox_syncs s on s.tenant_id = m.tenant_id and s.mailbox_id = m.mailbox_id
  left join mailbox_checks c on c.tenant_id = m.tenant_id and c.mailbox_id = m.mailbox_id
  left join lateral (select min(expires_at) as expires_at, count(*) as watches from mailbox_watches w
                      where w.tenant_id = m.tenant_id and w.mailbox_id = m.mailbox_id) w on true
  left join lateral (select count(*) as open from emails e where e.tenant_id = m.tenant_id
                        and e.mailbox_id = m.mailbox_id and e.state <> 'done') p on true
  cross join lateral (select coalesce(sum(y.listed), 0)::bigint as listed, max(y.last_at) as last_message_at
                        from mailbox_tallies y where y.tenant_id = m.tenant_id and y.mailbox_id = m.mailbox_id) y
  left join lateral (select sent_at, arrived_at, failure from mailbox_canaries k where k.tenant_id = m.tenant_id
                        and k.mailbox_id = m.mailbox_id order by sent_at desc limit 1) k on true
 where m.tenant_id = $1"""


async def page(session: Session, tenant_id: UUID) -> list[dict[str, Any]]:
    """Every mailbox by address, those being set up too, with its counts: `listed = done + open`."""
    rows = await session.fetch(f"{_MAILBOX} and m.state <> 'removed' order by m.address", tenant_id)
    return [dict(row) for row in rows]


async def get(session: Session, tenant_id: UUID, mailbox_id: UUID) -> dict[str, Any] | None:
    """One mailbox; None when there is none, or it was removed."""
    row = await session.fetchrow(f"{_MAILBOX} and m.state <> 'removed' and m.mailbox_id = $2", tenant_id, mailbox_id)
    return dict(row) if row else None


async def canaries(session: Session, tenant_id: UUID, mailbox_id: UUID, *, limit: int = 12) -> list[Any]:
    """The last delivery canaries, the newest first."""
    return await session.fetch(
        """select sent_at, arrived_at, failure from mailbox_canaries
            where tenant_id = $1 and mailbox_id = $2 order by sent_at desc limit $3""",
        tenant_id,
        mailbox_id,
        limit,
    )


async def watches(session: Session, tenant_id: UUID, mailbox_id: UUID) -> list[Any]:
    return await session.fetch(
        """select what, expires_at, renew_at from mailbox_watches
            where tenant_id = $1 and mailbox_id = $2 order by what""",
        tenant_id,
        mailbox_id,
    )
