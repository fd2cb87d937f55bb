"""Human tasks as people and other systems read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session

_TASK = """
select k.*, m.address as mailbox, m.provider, p.subject, sender(p.sender_name, p.sender_address) as sender,
       e.received_at, u.name as assignee_name, u.email as assignee_email,
       (select count(*) from emails w where w.tenant_id = k.tenant_id and w.waits_for = k.email_id) as waiting
  from tasks k
  join mailboxes m using (tenant_id, mailbox_id)
  left join emails e on e.tenant_id = k.tenant_id and e.email_id = k.email_id
  left join email_contents p on p.tenant_id = k.tenant_id and p.email_id = k.email_id
  left join users u on u.tenant_id = k.tenant_id and u.user_id = k.assignee_id
 where k.tenant_id = $1"""


async def page(
    session: Session,
    tenant_id: UUID,
    *,
    state: str | None = None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Any]:
    """Tasks newest first, those before `(created_at, task_id)`."""
    created_at, task_id = before or (None, None)
    return await session.fetch(
        f"""{_TASK} and ($2::text is null or k.state = $2)
               and ($3::timestamptz is null or (k.created_at, k.task_id) < ($3, $4::uuid))
             order by k.created_at desc, k.task_id desc limit $5""",
        tenant_id,
        state,
        created_at,
        task_id,
        limit,
    )


async def open_tasks(session: Session, tenant_id: UUID, *, limit: int = 200) -> list[Any]:
    """What waits for a person, oldest first."""
    return await session.fetch(
        f"{_TASK} and k.state = 'open' order by k.created_at, k.task_id limit $2", tenant_id, limit
    )


async def count_open(session: Session, tenant_id: UUID) -> int:
    count: int = await session.fetchval("select count(*) from tasks where tenant_id = $1 and state = 'open'", tenant_id)
    return count


async def get(session: Session, tenant_id: UUID, task_id: UUID) -> Any:
    """One task; None when there is none."""
    return await session.fetchrow(f"{_TASK} and k.task_id = $2", tenant_id, task_id)


async def answered(session: Session, tenant_id: UUID, task_ids: Sequence[UUID], actor: str) -> list[Any]:
    """Those of the tasks that this person has answered."""
    if not task_ids:
        return []
    return await session.fetch(
        """select task_id, options, resolution, held_until, delivered_at from tasks
            where tenant_id = $1 and task_id = any($2) and state = 'resolved' and resolved_by = $3
            order by resolved_at, task_id""",
        tenant_id,
        list(task_ids),
        actor,
    )


async def of_email(session: Session, tenant_id: UUID, email_id: UUID) -> list[Any]:
    """Every question that was asked about a message, oldest first."""
    return await session.fetch(f"{_TASK} and k.email_id = $2 order by k.created_at, k.task_id", tenant_id, email_id)
