"""Circuits as a page shows them: what each is about in words, and the task that asks about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage import loops

if TYPE_CHECKING:
    from storage.database import Session


async def named(session: Session, tenant_id: UUID) -> list[dict[str, Any]]:
    """`loops.circuits`, each with `what` (a ticket's number, an address, a mailbox) and `task_id` while it is open."""
    rows = await loops.circuits(session, tenant_id)
    emails = [row["email_id"] for row in rows]
    things = [word for row in rows for word in row["key"].split() if _is_id(word)]
    names = await session.fetch(
        """select ticket_id as id, '#' || number as name from tickets where tenant_id = $1 and ticket_id = any($2)
           union all
           select mailbox_id, address from mailboxes where tenant_id = $1 and mailbox_id = any($2)""",
        tenant_id,
        [UUID(thing) for thing in things],
    )
    tasks = await session.fetch(
        "select email_id, task_id from tasks where tenant_id = $1 and email_id = any($2) and state = 'open'",
        tenant_id,
        emails,
    )
    name_of = {str(row["id"]): row["name"] for row in names}
    task_of = {row["email_id"]: row["task_id"] for row in tasks}
    return [
        {
            **row,
            "what": " → ".join(name_of.get(word, word) for word in row["key"].split()),
            "task_id": task_of.get(row["email_id"]),
        }
        for row in rows
    ]


def _is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True
