"""Undoing an append: a comment that does not belong on its ticket moves to another, or to one of its own.

Attachments, mail and Message-ID go with it; people who came in by this mail alone leave the old ticket; if it reopened
the ticket and nobody wrote since, that is closed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import subjects
from domain.address import canonical
from domain.email import ParsedEmail
from storage import audit, commit, participants, senders, threads
from storage.ledger import new_id
from storage.participants import Letter

if TYPE_CHECKING:
    from storage.database import Session


class NotSeparable(Exception):
    """This comment cannot be moved; the text says why to a person. Nothing was changed."""


async def split(session: Session, tenant_id: UUID, comment_id: UUID, *, actor: str) -> tuple[UUID, int]:
    """(id, number) of the new ticket, linked to the old one; audited. Raises LookupError, NotSeparable."""
    moved, mail, rest = await _take(session, tenant_id, comment_id)
    ticket_id, number = await _new_ticket(session, tenant_id, moved, mail.email)
    await _put(session, tenant_id, moved, mail, rest, ticket_id, "moved to a ticket of its own")
    await _audit(session, tenant_id, actor, "split_comment", moved, ticket_id)
    return ticket_id, number


async def move(session: Session, tenant_id: UUID, comment_id: UUID, number: int, *, actor: str) -> UUID:
    """Onto the ticket with this number, whose id is returned; audited. Raises LookupError for no comment, NotSeparable.

    The ticket that gets it is not reopened: whoever moves it sees whether it should be.
    """
    # Both tickets in one order everywhere, so that two moves cannot deadlock.
    locked = await session.fetch(
        """select ticket_id, number, status from tickets
            where tenant_id = $1
              and (number = $2 or ticket_id = (select ticket_id from comments where tenant_id = $1 and comment_id = $3))
            order by ticket_id for update""",
        tenant_id,
        number,
        comment_id,
    )
    target = next((row for row in locked if row["number"] == number), None)
    moved, mail, rest = await _take(session, tenant_id, comment_id)
    if target is None:
        raise NotSeparable(f"There is no ticket #{number}.")
    if target["status"] == "merged":
        raise NotSeparable(f"#{number} was merged into another ticket: move the comment there.")
    ticket_id: UUID = target["ticket_id"]
    if ticket_id == moved["ticket_id"]:
        raise NotSeparable(f"The comment is on #{number} already.")
    await _put(session, tenant_id, moved, mail, rest, ticket_id, "moved to another ticket")
    await session.execute(
        "update tickets set updated_at = now() where tenant_id = $1 and ticket_id = $2", tenant_id, ticket_id
    )
    await _audit(session, tenant_id, actor, "move_comment", moved, ticket_id)
    return ticket_id


async def _take(session: Session, tenant_id: UUID, comment_id: UUID) -> tuple[Any, Letter, list[Letter]]:
    """The comment as it stands, its mail, and the other mails of its ticket."""
    moved = await session.fetchrow(
        """select c.comment_id, c.email_id, c.created_at, c.ticket_id, t.queue, t.priority, t.status, t.closed_at,
                  t.reopened_at, e.mailbox_id, e.message_key, p.parsed,
                  array_remove(array[d.record -> 'author' ->> 'address', d.record -> 'requester' ->> 'address'], null)
                    as others,
                  not exists (select from comments n where n.tenant_id = $1 and n.ticket_id = c.ticket_id
                                 and (n.created_at, n.seq) > (c.created_at, c.seq)) as newest
             from comments c join tickets t using (tenant_id, ticket_id)
             left join emails e using (tenant_id, email_id) left join email_contents p using (tenant_id, email_id)
             left join decisions d using (tenant_id, email_id)
            where c.tenant_id = $1 and c.comment_id = $2 for update of t""",
        tenant_id,
        comment_id,
    )
    if moved is None:
        raise LookupError(f"no comment {comment_id}")
    if moved["parsed"] is None:
        raise NotSeparable("Only a comment that came by mail can be moved.")
    rest = await participants.letters(session, tenant_id, moved["ticket_id"], but=comment_id)
    if not rest:
        raise NotSeparable("This is the only mail of its ticket: there is nothing to separate it from.")
    return moved, Letter(ParsedEmail.model_validate(moved["parsed"]), moved["others"]), rest


async def _put(
    session: Session, tenant_id: UUID, moved: Any, mail: Letter, rest: list[Letter], ticket_id: UUID, step: str
) -> None:
    outcome = "ticket" if step.endswith("of its own") else "comment"
    await _move(session, tenant_id, moved, ticket_id, outcome, step)
    await participants.move(session, tenant_id, moved, mail, rest, ticket_id)
    await _forget_ids(session, tenant_id, moved, mail.email, [letter.email for letter in rest])
    await _undo_reopening(session, tenant_id, moved)


async def _audit(session: Session, tenant_id: UUID, actor: str, action: str, moved: Any, ticket_id: UUID) -> None:
    detail = {"from": str(moved["ticket_id"]), "to": str(ticket_id)}
    await audit.record(session, tenant_id, actor, action, f"comment/{moved['comment_id']}", detail)


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


async def _move(session: Session, tenant_id: UUID, moved: Any, ticket_id: UUID, outcome: str, step: str) -> None:
    await session.execute(
        "update comments set ticket_id = $3 where tenant_id = $1 and comment_id = $2",
        tenant_id,
        moved["comment_id"],
        ticket_id,
    )
    # Further sightings of the same message stand on the ticket as duplicates, and go with it.
    await session.execute(
        """update emails set ticket_id = $3, outcome = case when email_id = $4 then $6 else outcome end,
                  timeline = timeline || step($7, jsonb_build_object('ticket_id', $3::uuid))
            where tenant_id = $1 and ticket_id = $2
              and (email_id = $4 or (outcome = 'duplicate' and message_key = $5))""",
        tenant_id,
        moved["ticket_id"],
        ticket_id,
        moved["email_id"],
        moved["message_key"],
        outcome,
        step,
    )
    await session.execute(
        "update ticket_message_ids set ticket_id = $3 where tenant_id = $1 and ticket_id = $2 and email_id = $4",
        tenant_id,
        moved["ticket_id"],
        ticket_id,
        moved["email_id"],
    )


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
