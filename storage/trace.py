"""What happened to a message: look-ups in the ledger with the decision record, and the mails that wait on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import identity
from storage.tickets import word_patterns

if TYPE_CHECKING:
    from storage.database import Session

_EMAIL = """
select e.*, m.address as mailbox, m.provider, t.number as ticket_number, t.subject as ticket_subject,
       d.record as decision, d.decided_at, p.subject, sender(p.sender_name, p.sender_address) as sender
  from emails e
  join mailboxes m using (tenant_id, mailbox_id)
  left join tickets t on t.tenant_id = e.tenant_id and t.ticket_id = e.ticket_id
  left join decisions d on d.tenant_id = e.tenant_id and d.email_id = e.email_id
  left join email_contents p on p.tenant_id = e.tenant_id and p.email_id = e.email_id
 where e.tenant_id = $1"""


async def page(
    session: Session,
    tenant_id: UUID,
    *,
    message_id: str | None = None,
    state: str | None = None,
    outcome: str | None = None,
    before: int | None,
    limit: int,
) -> list[Any]:
    """Messages newest first, ledger sequence below `before`. `message_id` with or without its brackets."""
    where = ["e.seq < coalesce($2, 9223372036854775807)"]
    arguments: list[Any] = [tenant_id, before, limit]
    if message_id is not None:
        # What is no Message-ID at all is nobody's key.
        arguments.append(identity.message_id(message_id) or "")
        where.append(f"e.message_key = ${len(arguments)}")
    for column, value in (("state", state), ("outcome", outcome)):
        if value is not None:
            arguments.append(value)
            where.append(f"e.{column} = ${len(arguments)}")
    return await session.fetch(f"{_EMAIL} and {' and '.join(where)} order by e.seq desc limit $3", *arguments)


async def get(session: Session, tenant_id: UUID, email_id: UUID) -> Any:
    """One message; None when there is none."""
    return await session.fetchrow(f"{_EMAIL} and e.email_id = $2", tenant_id, email_id)


async def content(session: Session, tenant_id: UUID, email_id: UUID) -> dict[str, Any] | None:
    """The parsed message as `domain.email.ParsedEmail` reads it; None before it was parsed."""
    parsed: dict[str, Any] | None = await session.fetchval(
        "select parsed from email_contents where tenant_id = $1 and email_id = $2", tenant_id, email_id
    )
    return parsed


async def several(session: Session, tenant_id: UUID, email_ids: list[UUID]) -> list[Any]:
    """These messages, newest first."""
    return await session.fetch(f"{_EMAIL} and e.email_id = any($2) order by e.seq desc", tenant_id, email_ids)


async def search(
    session: Session, tenant_id: UUID, query: str, *, before: int | None = None, limit: int = 50
) -> list[Any]:
    """Messages for what a person types: a Message-ID, a ticket number, the source's own id, an address, or words of
    subject and sender, newest first, ledger sequence below `before`."""
    query = query.replace("\0", " ").strip()
    by_id = await page(session, tenant_id, message_id=query, before=before, limit=limit) if query else []
    if by_id or not query:
        return by_id
    number = query.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 19:
        return await session.fetch(
            f"""{_EMAIL} and e.ticket_id = (select ticket_id from tickets where tenant_id = $1 and number = $2)
                and e.seq < coalesce($4, 9223372036854775807) order by e.seq desc limit $3""",  # noqa: S608
            tenant_id,
            int(number),
            limit,
            before,
        )
    by_place = await session.fetch(
        f"""{_EMAIL} and e.mailbox_id in (select mailbox_id from mailboxes where tenant_id = $1) and e.locator = $2
            and e.seq < coalesce($4, 9223372036854775807) order by e.seq desc limit $3""",  # noqa: S608 (constants only)
        tenant_id,
        query,
        limit,
        before,
    )
    if by_place:
        return by_place
    return await session.fetch(
        f"""{_EMAIL} and e.email_id in (select email_id from search_emails($2, $4, $3))
            order by e.seq desc""",  # noqa: S608 (constants only)
        tenant_id,
        word_patterns(query),
        limit,
        before,
    )


async def of_mailbox(session: Session, tenant_id: UUID, mailbox_id: UUID, *, limit: int) -> list[Any]:
    """The latest messages of one mailbox."""
    return await session.fetch(
        f"{_EMAIL} and e.mailbox_id = $2 order by e.seq desc limit $3", tenant_id, mailbox_id, limit
    )


async def of_ticket(session: Session, tenant_id: UUID, ticket_id: UUID) -> list[Any]:
    """Every message that came to this ticket, duplicates too, oldest first."""
    return await session.fetch(f"{_EMAIL} and e.ticket_id = $2 order by e.seq limit 200", tenant_id, ticket_id)


async def waiting_on(session: Session, tenant_id: UUID, email_id: UUID) -> list[Any]:
    """The mails that wait for this one, directly or behind one that does, oldest first."""
    return await session.fetch(
        f"""{_EMAIL} and e.email_id in (
               with recursive waiting (email_id, depth) as (
                 select email_id, 1 from emails where tenant_id = $1 and waits_for = $2
                 union
                 select w.email_id, depth + 1 from waiting
                   join emails w on w.tenant_id = $1 and w.waits_for = waiting.email_id where depth < 20)
               select email_id from waiting)
             order by e.seq limit 100""",  # noqa: S608 (constants only)
        tenant_id,
        email_id,
    )
