"""Tickets as people and other systems read them: lists by key, conversations, attachments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session

# Text beyond this is a data dump, not something that is read on a page; the raw message has it all.
MAX_TEXT = 500_000

_TICKET = """
select t.*, c.name as client_name, p.name as contact_name, p.address as contact_address,
       u.name as assignee_name, u.email as assignee_email, m.address as mailbox,
       into_ticket.number as merged_into_number,
       linked.number as linked_number,
       (select count(*) from comments where tenant_id = t.tenant_id and ticket_id = t.ticket_id) as comment_count
  from tickets t
  join mailboxes m using (tenant_id, mailbox_id)
  left join clients c on c.tenant_id = t.tenant_id and c.client_id = t.client_id
  left join contacts p on p.tenant_id = t.tenant_id and p.contact_id = t.contact_id
  left join users u on u.tenant_id = t.tenant_id and u.user_id = t.assignee_id
  left join tickets into_ticket on into_ticket.tenant_id = t.tenant_id and into_ticket.ticket_id = t.merged_into
  left join tickets linked on linked.tenant_id = t.tenant_id and linked.ticket_id = t.linked_to
 where t.tenant_id = $1"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tickets a list shows. `words` is a ticket number (`42` or `#42`), or words of subject, contact or client.

    Merged tickets are left out unless `status` asks for them; `unassigned` asks for those that nobody has.
    """

    words: str = ""
    status: str | None = None
    client_id: UUID | None = None
    assignee_id: UUID | None = None
    unassigned: bool = False
    mailbox_id: UUID | None = None
    tag: str | None = None


async def page(
    session: Session, tenant_id: UUID, wanted: Filter = Filter(), *, before: int | None, limit: int
) -> list[Any]:
    """Tickets newest first, numbers below `before`."""
    number = wanted.words.strip().removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 19:
        row = await get(session, tenant_id, int(number))
        return [row] if row and wanted.status in (None, row["status"]) and before is None else []
    return await session.fetch(
        f"""{_TICKET} and t.ticket_id in (select ticket_id from search_tickets($2, $3, $4, $5, $6, $7, $8, $9, $10))
            order by t.number desc""",  # noqa: S608 (constants only)
        tenant_id,
        word_patterns(wanted.words),
        wanted.status,
        wanted.client_id,
        wanted.assignee_id,
        wanted.unassigned,
        wanted.mailbox_id,
        wanted.tag,
        before,
        limit,
    )


async def get(session: Session, tenant_id: UUID, ticket: UUID | int) -> Any:
    """One ticket by its id or number, merged ones too; None when there is none."""
    column = "ticket_id" if isinstance(ticket, UUID) else "number"
    return await session.fetchrow(f"{_TICKET} and t.{column} = $2", tenant_id, ticket)


async def comments(
    session: Session, tenant_id: UUID, ticket_ids: Sequence[UUID], *, newest: int | None = None, html: bool = False
) -> list[Any]:
    """The conversations of these tickets, oldest first; `newest` keeps that many of each. `html` loads HTML bodies."""
    return await session.fetch(
        """select c.*, left(c.text, $4) as text, left(ec.parsed ->> 'text', $4) as full_text,
                   coalesce(ec.parsed ->> 'html', '') <> '' as has_html,
                   case when $5 then ec.parsed ->> 'html' end as html,
                   ec.parsed ->> 'kind' as kind, ec.parsed -> 'to' as to, ec.parsed -> 'cc' as cc,
                   ec.parsed -> 'problems' as problems, ec.parsed -> 'authentication' as authentication,
                   ec.parsed -> 'signatures' as signatures, ec.parsed -> 'decrypted' as decrypted,
                   e.received_at, e.raw_size, e.raw_sha256, e.workflow_id
              from (select *, row_number() over (partition by ticket_id order by created_at desc, seq desc) as nth
                      from comments where tenant_id = $1 and ticket_id = any($2)) c
              left join emails e on e.tenant_id = $1 and e.email_id = c.email_id
              left join email_contents ec on ec.tenant_id = $1 and ec.email_id = c.email_id
             where c.nth <= coalesce($3, c.nth) order by c.created_at, c.seq""",
        tenant_id,
        list(ticket_ids),
        newest,
        MAX_TEXT,
        html,
    )


async def attachments(session: Session, tenant_id: UUID, comment_ids: Sequence[UUID]) -> list[Any]:
    """The manifests of these comments' mails, in the order of their parts."""
    return await session.fetch(
        "select * from attachments where tenant_id = $1 and comment_id = any($2) order by comment_id, position",
        tenant_id,
        list(comment_ids),
    )


async def inline_images(session: Session, tenant_id: UUID, email_id: UUID) -> list[Any]:
    """The stored parts of a mail that its HTML can refer to by Content-ID."""
    return await session.fetch(
        """select * from attachments
            where tenant_id = $1 and email_id = $2 and content_id is not null and state = 'stored' order by position""",
        tenant_id,
        email_id,
    )


def word_patterns(query: str) -> list[str]:
    """A LIKE pattern, in lower case, for each word that a person typed; what LIKE takes for special is itself."""
    words = query.lower().replace("\0", " ").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").split()
    # The index knows three letters in a row: shorter words are looked up where words begin, if their script has spaces.
    return [f"% {word}%" if len(word) < 3 and word.isascii() and word.isalnum() else f"%{word}%" for word in words[:10]]
