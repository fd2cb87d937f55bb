"""What live pages watch: a token for each topic that changes when something of it does.

Asked for once a second for each tenant that somebody looks at. Not LISTEN/NOTIFY: a notifying commit takes a lock that
all commits of the database share. And no counter of changes: its one row would do the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session


@dataclass(frozen=True, slots=True)
class Pulse:
    """`waiting` is how many tasks are open. Tokens are opaque: equal ones mean that nothing has changed."""

    waiting: int
    tasks: str
    mails: str
    tickets: str
    mailboxes: str


async def read(session: Session, tenant_id: UUID) -> Pulse:
    """From the ends of indexes and what is open: the same cost in a long history as in a short one."""
    row = await session.fetchrow(
        """select t.waiting, t.waiting || '.' || t.hash as tasks, e.newest || '.' || o.open as mails, a.latest, m.hash
             from (select count(*) as waiting,
                          coalesce(sum(hashtext(concat(task_id, stage, assignee_id))), 0) as hash
                     from tasks where tenant_id = $1 and state = 'open') t,
                  (select coalesce(max(seq), 0) as newest from emails where tenant_id = $1) e,
                  (select concat(count(*), '.', coalesce(sum(seq), 0), '.', count(*) filter (where state = 'waiting'),
                                 '.', count(*) filter (where outcome is null)) as open
                     from emails where tenant_id = $1 and state <> 'done') o,
                  (select coalesce(max(audit_id), 0) as latest from audit where tenant_id = $1) a,
                  (select coalesce(sum(hashtext(concat(mailbox_id, state, status))), 0) as hash
                     from mailboxes where tenant_id = $1) m""",
        tenant_id,
    )
    assert row is not None
    mails, latest = row["mails"], row["latest"]
    return Pulse(
        waiting=row["waiting"],
        tasks=row["tasks"],
        mails=mails,
        tickets=f"{mails}.{latest}",
        mailboxes=f"{mails}.{latest}.{row['hash']}",
    )
