"""Undoing an append: a comment that does not belong on its ticket moves to one of its own, with all it brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import subjects
from domain.address import canonical
from domain.email import ParsedEmail
from storage import commit, senders, threads
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session


class NotSeparable(Exception):
    """This comment cannot be moved; the text says why to a person. Nothing was changed."""


async def split(session: Session, tenant_id: UUID, comment_id: UUID, *, actor: str) -> tuple[UUID, int]:
    """(id, number) of the new ticket, linked to the old one; audited.

    Comment, attachments, mail and Message-ID move; people who came in by this mail alone leave the old ticket; if it
    reopened the ticket and nobody wrote since, that is closed again. Raises LookupError, NotSeparable.
    """
    moved = await session.fetchrow(
        """select c.comment_id, c.email_id, c.created_at, c.ticket_id, t.queue, t.priority, t.status, t.closed_at,
                  t.reopened_at, e.mailbox_id, e.message_key, p.parsed,
                  not exists (select from comments n where n.tenant_id = $1 and n.ticket_id = c.ticket_id
                                 and (n.created_at, n.seq) > (c.created_at, c.seq)) as newest
             from comments c join tickets t using (tenant_id, ticket_id)
             left join emails e using (tenant_id, email_id) left join email_contents p using (tenant_id, email_id)
            where c.tenant_id = $1 and c.comment_id = $2 for update of t""",
        tenant_id,
        comment_id,
    )
    if moved is None:
        raise LookupError(f"no comment {comment_id}")
    if moved["parsed"] is None:
        raise NotSeparable("Only a comment that came by mail can become a ticket of its own.")
    rest = await _other_mails(session, tenant_id, moved["ticket_id"], comment_id)
    if not rest:
        raise NotSeparable("This is the only mail of its ticket: there is nothing to separate it from.")
    email = ParsedEmail.model_validate(moved["parsed"])
    ticket_id, number = await _new_ticket(session, tenant_id, moved, email)
    await _move(session, tenant_id, moved, ticket_id)
    await _move_people(session, tenant_id, moved, email, rest, ticket_id)
    await _forget_ids(session, tenant_id, moved, email, rest)
    await _undo_reopening(session, tenant_id, moved)
    await session.execute(
        "insert into audit (tenant_id, actor, action, object, detail) values ($1, $2, 'split_comment', $3, $4)",
        tenant_id,
        actor,
        f"comment/{comment_id}",
        {"from": str(moved["ticket_id"]), "to": str(ticket_id)},
    )
    return ticket_id, number


async def _other_mails(session: Session, tenant_id: UUID, ticket_id: UUID, comment_id: UUID) -> list[ParsedEmail]:
    rows = await session.fetch(
        """select p.parsed - array['text', 'html', 'reply_text'] as parsed from comments c
             join email_contents p using (tenant_id, email_id)
            where c.tenant_id = $1 and c.ticket_id = $2 and c.comment_id <> $3""",
        tenant_id,
        ticket_id,
        comment_id,
    )
    return [ParsedEmail.model_validate(row["parsed"]) for row in rows]


async def _new_ticket(session: Session, tenant_id: UUID, moved: Any, email: ParsedEmail) -> tuple[UUID, int]:
    known = await senders.identify(session, tenant_id, canonical(email.from_[0].address) if email.from_ else "")
    clients = {match.client_id: match.contact_id for match in known.matches}
    client_id, contact_id = next(iter(clients.items())) if len(clients) == 1 else (None, None)
    ticket_id, number = new_id(), await commit.next_number(session, tenant_id)
    await session.execute(
        """insert into tickets (tenant_id, ticket_id, number, subject, subject_key, queue, priority, client_id,
                                contact_id, mailbox_id, linked_to, link)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'split')""",
        tenant_id,
        ticket_id,
        number,
        email.subject or "(no subject)",
        subjects.normalised(email.subject),
        moved["queue"],
        moved["priority"],
        client_id,
        contact_id,
        moved["mailbox_id"],
        moved["ticket_id"],
    )
    return ticket_id, number


async def _move(session: Session, tenant_id: UUID, moved: Any, ticket_id: UUID) -> None:
    await session.execute(
        "update comments set ticket_id = $3 where tenant_id = $1 and comment_id = $2",
        tenant_id,
        moved["comment_id"],
        ticket_id,
    )
    # Further sightings of the same message stand on the ticket as duplicates, and go with it.
    await session.execute(
        """update emails set ticket_id = $3, outcome = case when email_id = $4 then 'ticket' else outcome end,
                  timeline = timeline || step('moved to a ticket of its own', jsonb_build_object('ticket_id', $3::uuid))
            where tenant_id = $1 and ticket_id = $2
              and (email_id = $4 or (outcome = 'duplicate' and message_key = $5))""",
        tenant_id,
        moved["ticket_id"],
        ticket_id,
        moved["email_id"],
        moved["message_key"],
    )
    await session.execute(
        "update ticket_message_ids set ticket_id = $3 where tenant_id = $1 and ticket_id = $2 and email_id = $4",
        tenant_id,
        moved["ticket_id"],
        ticket_id,
        moved["email_id"],
    )


async def _move_people(
    session: Session, tenant_id: UUID, moved: Any, email: ParsedEmail, rest: list[ParsedEmail], ticket_id: UUID
) -> None:
    theirs, staying = _people([email]), _people(rest)
    await session.execute(
        """with gone as (
             delete from ticket_participants
              where tenant_id = $1 and ticket_id = $2 and address = any($4) and address <> all($5)),
           proposals as (
             delete from ticket_watchers
              where tenant_id = $1 and ticket_id = $2 and seen_in = $6 and state = 'proposed')
           update ticket_participants set role = 'recipient'
            where tenant_id = $1 and ticket_id = $2
              and address = any($4) and address = any($5) and address <> all($3)""",
        tenant_id,
        moved["ticket_id"],
        [address for address, role in staying.items() if role == "author"],
        list(theirs),
        list(staying),
        moved["email_id"],
    )
    await session.execute(
        """with people as (
             select r.address, r.role from unnest($3::text[], $4::text[]) as r (address, role)
              where not exists (select from mailboxes m where m.tenant_id = $1 and m.address = r.address)),
           participants as (
             insert into ticket_participants (tenant_id, ticket_id, address, role)
             select $1, $2, address, role from people)
           insert into ticket_watchers (tenant_id, ticket_id, address, seen_in)
           select $1, $2, address, $5 from people where role = 'recipient'""",
        tenant_id,
        ticket_id,
        list(theirs),
        list(theirs.values()),
        moved["email_id"],
    )


def _people(mails: list[ParsedEmail]) -> dict[str, str]:
    people = {canonical(a.address): "recipient" for mail in mails for a in (*mail.to, *mail.cc)}
    people |= {canonical(mail.from_[0].address): "author" for mail in mails if mail.from_}
    people.pop("", None)
    return people


async def _forget_ids(
    session: Session, tenant_id: UUID, moved: Any, email: ParsedEmail, rest: list[ParsedEmail]
) -> None:
    """Ids that only this mail named say nothing about the old ticket any more."""
    named = {message_id for _, message_id in threads.thread_ids(email, moved["message_key"])}
    for other in rest:
        named -= {message_id for _, message_id in threads.thread_ids(other, "")}
    await session.execute(
        """delete from ticket_message_ids
            where tenant_id = $1 and ticket_id = $2 and kind = 'referenced' and message_id = any($3)""",
        tenant_id,
        moved["ticket_id"],
        [*named, *(f"<{moved['mailbox_id']}>{message_id}" for message_id in named)],
    )


async def _undo_reopening(session: Session, tenant_id: UUID, moved: Any) -> None:
    # Both are the time of one transaction, so they are equal exactly if this comment reopened the ticket.
    if moved["created_at"] not in moved["reopened_at"]:
        return
    await session.execute(
        """update tickets set reopened_at = array_remove(reopened_at, $3),
                  status = case when $4 and status = 'open' then 'closed' else status end
            where tenant_id = $1 and ticket_id = $2""",
        tenant_id,
        moved["ticket_id"],
        moved["created_at"],
        moved["newest"],
    )
    await session.execute(
        "update tickets set closed_at = $3 where tenant_id = $1 and ticket_id = $2 and status = 'closed'",
        tenant_id,
        moved["ticket_id"],
        moved["closed_at"],
    )
