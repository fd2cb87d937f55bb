"""What people change on tickets: status, assignee, priority, tags, notes between colleagues. Everything is audited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from storage import audit
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

Status = Literal["open", "pending", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
MAX_TAGS = 20


class Unchangeable(Exception):
    """This ticket was merged into another one: what is changed, is changed there. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What to set; None leaves a property as it is. `assignee_id` counts when `assign` is True: None is nobody."""

    status: Status | None = None
    priority: Priority | None = None
    assign: bool = False
    assignee_id: UUID | None = None
    tags: list[str] | None = None


async def change(session: Session, tenant_id: UUID, ticket_id: UUID, changes: Changes, *, actor: str) -> None:
    """Sets what differs, and records each property before and after. Raises LookupError, Unchangeable."""
    ticket = await _locked(session, tenant_id, ticket_id)
    wanted: dict[str, Any] = {}
    if changes.status is not None:
        wanted["status"] = changes.status
    if changes.priority is not None:
        wanted["priority"] = changes.priority
    if changes.assign:
        wanted["assignee_id"] = changes.assignee_id
    if changes.tags is not None:
        wanted["tags"] = tidy_tags(changes.tags)
    changed = {name: [ticket[name], value] for name, value in wanted.items() if ticket[name] != value}
    if not changed:
        return
    if changed.get("assignee_id", (None, None))[1] is not None and not await session.fetchval(
        "select true from users where tenant_id = $1 and user_id = $2 and active", tenant_id, changes.assignee_id
    ):
        raise LookupError(f"no user {changes.assignee_id}")
    after = {name: wanted.get(name, ticket[name]) for name in ("status", "priority", "assignee_id", "tags")}
    await session.execute(
        """update tickets set status = $3, priority = $4, assignee_id = $5, tags = $6, updated_at = now()
            where tenant_id = $1 and ticket_id = $2""",
        tenant_id,
        ticket_id,
        *after.values(),
    )
    readable = {name: [_plain(value) for value in pair] for name, pair in changed.items()}
    await audit.record(session, tenant_id, actor, "change_ticket", f"ticket/{ticket_id}", {"changed": readable})


async def add_note(
    session: Session, tenant_id: UUID, ticket_id: UUID, text: str, *, name: str, address: str, actor: str
) -> UUID:
    """The id of a comment that only colleagues see. Raises LookupError, Unchangeable."""
    await _locked(session, tenant_id, ticket_id)
    comment_id = new_id()
    await session.execute(
        """insert into comments (tenant_id, comment_id, ticket_id, author_name, author_address, text, internal)
           values ($1, $2, $3, $4, $5, $6, true)""",
        tenant_id,
        comment_id,
        ticket_id,
        name,
        address,
        text.replace("\0", ""),
    )
    await audit.record(session, tenant_id, actor, "add_note", f"ticket/{ticket_id}", {"comment_id": str(comment_id)})
    return comment_id


def tidy_tags(tags: list[str]) -> list[str]:
    """Tags in lower case without repetition, at most 20 of at most 50 characters, in the order given."""
    clean = (" ".join(tag.replace("\0", "").lower().split())[:50] for tag in tags)
    return list(dict.fromkeys(tag for tag in clean if tag))[:MAX_TAGS]


async def _locked(session: Session, tenant_id: UUID, ticket_id: UUID) -> Any:
    ticket = await session.fetchrow(
        """select status, priority, assignee_id, tags, merged_into from tickets
            where tenant_id = $1 and ticket_id = $2 for update""",
        tenant_id,
        ticket_id,
    )
    if ticket is None:
        raise LookupError(f"no ticket {ticket_id}")
    if ticket["merged_into"] is not None:
        raise Unchangeable
    return ticket


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
