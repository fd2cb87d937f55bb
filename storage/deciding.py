"""Deciding over a message in the database: evaluate, keep the record, and commit exactly what was decided.

A commit checks, under the unique key of `ticket_message_ids`, that the ids of the mail still point where they pointed
when it was decided. If another mail of the conversation came first, nothing is written and it is decided again: so a
thousand mails at once make the same tickets as one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.address import canonical
from domain.deciding import PERSON_PATIENCE, Decision, decide
from domain.email import ParsedEmail
from domain.identity import derived_id
from domain.inbound import Committed
from domain.task import Answered
from storage import evidence, ledger

if TYPE_CHECKING:
    from storage.database import Session

_WAITS_LOCK = 1


async def evaluate(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    email_id: UUID,
    answers: Sequence[Answered],
    waited: frozenset[UUID] = frozenset(),
) -> Decision:
    """The decision as of now. Writes nothing: `explain` runs this very function."""
    facts = await evidence.gather(session, keys, tenant_id, email_id, waited)
    return decide(facts, answers)


async def find_thread(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    email_id: UUID,
    answers: Sequence[Answered],
    waited: frozenset[UUID],
) -> Decision:
    """Evaluates, registers a wait, and keeps the decision record."""
    # A mail that came to wait for a person meanwhile is waited for as long as the person may take.
    asking = await session.fetch(
        """select email_id from emails e where tenant_id = $1 and email_id = any($2) and state = 'waiting'
              and listed_at > now() - $3::interval""",
        tenant_id,
        list(waited),
        PERSON_PATIENCE,
    )
    waited -= {row["email_id"] for row in asking}
    decision = await evaluate(session, keys, tenant_id, email_id, answers, waited)
    while decision.wait_for is not None and not await _register_wait(session, tenant_id, email_id, decision.wait_for):
        waited |= {decision.wait_for}
        decision = await evaluate(session, keys, tenant_id, email_id, answers, waited)
    await session.execute(
        """insert into decisions (tenant_id, email_id, record) values ($1, $2, $3)
           on conflict (tenant_id, email_id) do update set record = excluded.record, decided_at = now()""",
        tenant_id,
        email_id,
        decision.model_dump(mode="json"),
    )
    return decision


async def _register_wait(session: Session, tenant_id: UUID, email_id: UUID, parent: UUID) -> bool:
    """Notes that `email_id` waits for `parent`; False when it need not or must not.

    The parent's row is locked against its commit: either that commit sees this wait and wakes us, or we see the outcome.
    """
    await session.execute("select pg_advisory_xact_lock($1, hashtext($2))", _WAITS_LOCK, str(tenant_id))
    outcome = await session.fetchval(
        "select coalesce(outcome, 'open') from emails where tenant_id = $1 and email_id = $2 for share",
        tenant_id,
        parent,
    )
    circular = await session.fetchval(
        """with recursive chain (email_id, waits_for, depth) as (
             select email_id, waits_for, 1 from emails where tenant_id = $1 and email_id = $2
             union all
             select e.email_id, e.waits_for, depth + 1 from chain c
               join emails e on e.tenant_id = $1 and e.email_id = c.waits_for and e.outcome is null
              where depth < 1000)
           select true from chain where waits_for = $3 limit 1""",
        tenant_id,
        parent,
        email_id,
    )
    if outcome != "open" or circular or parent == email_id:
        return False
    await session.execute(
        """update emails set waits_for = $3,
                  timeline = case when waits_for is distinct from $3
                    then timeline || step('waiting for its parent', jsonb_build_object('email_id', $3)) else timeline end
            where tenant_id = $1 and email_id = $2""",
        tenant_id,
        email_id,
        parent,
    )
    return True


async def commit(session: Session, tenant_id: UUID, email_id: UUID) -> Committed:
    """Commits the recorded decision: create, append, exclude, discard or duplicate. Safe to repeat.

    Returns `stale` (and has written nothing that lasts: the caller rolls back) when the evidence moved meanwhile.
    """
    row = await ledger.get(session, tenant_id, email_id, lock=True)
    if row["outcome"] is not None:
        return await committed(session, tenant_id, row)
    found = await session.fetchrow(
        """select d.record, c.parsed from decisions d join email_contents c using (tenant_id, email_id)
            where d.tenant_id = $1 and d.email_id = $2""",
        tenant_id,
        email_id,
    )
    if found is None:
        raise LookupError(f"email {email_id} was never decided")
    decision, email = Decision.model_validate(found["record"]), ParsedEmail.model_validate(found["parsed"])
    ticket_no: int | None = None
    if decision.action in ("create", "append"):
        ticket_id = decision.ticket_id or derived_id(email_id, "ticket")
        if decision.action == "create":
            ticket_no = await _create_ticket(session, tenant_id, row, email, decision, ticket_id)
        else:
            ticket_no = await _open_for_reply(session, tenant_id, ticket_id, email)
        if ticket_no is None or not await _claim_ids(session, tenant_id, row, email, decision, ticket_id):
            return Committed(stale=True)
        for other in sorted(decision.merge):
            await _merge(session, tenant_id, other, ticket_id)
        await _add_participants(session, tenant_id, ticket_id, email)
        comment_id = await _add_comment(session, tenant_id, row, email, ticket_id)
        outcome, reason = ("ticket" if decision.action == "create" else "comment"), decision.reason
        await _record(session, tenant_id, email_id, outcome, reason, decision.flags, ticket_id, comment_id)
    else:
        outcome = {"exclude": "excluded", "discard": "discarded", "duplicate": "duplicate"}[decision.action]
        await _record(session, tenant_id, email_id, outcome, decision.reason, decision.flags, decision.ticket_id, None)
    if not email.attachments or decision.action not in ("create", "append"):
        await ledger.done(session, tenant_id, email_id)
    return Committed(outcome=outcome, reason=decision.reason, ticket_no=ticket_no)


async def committed(session: Session, tenant_id: UUID, row: Any) -> Committed:
    """What stands in the ledger for a row that has its outcome."""
    number = await session.fetchval(
        "select number from tickets where tenant_id = $1 and ticket_id = $2", tenant_id, row["ticket_id"]
    )
    return Committed(outcome=row["outcome"], reason=row["reason"], ticket_no=number)


async def conclude(session: Session, tenant_id: UUID, email_id: UUID, outcome: str, reason: str) -> Committed:
    """An outcome without a decision: `gone`, or `discarded`. Once an outcome stands, it stays."""
    row = await ledger.get(session, tenant_id, email_id, lock=True)
    if row["outcome"] is None:
        await _record(session, tenant_id, email_id, outcome, reason, [], None, None)
        row = await ledger.get(session, tenant_id, email_id)
    await ledger.done(session, tenant_id, email_id)
    return await committed(session, tenant_id, row)


async def waiters(session: Session, tenant_id: UUID, email_id: UUID) -> list[str]:
    """The workflows of the mails that wait for this one."""
    rows = await session.fetch(
        "select workflow_id from emails where tenant_id = $1 and waits_for = $2 and outcome is null",
        tenant_id,
        email_id,
    )
    return [row["workflow_id"] for row in rows]


async def _create_ticket(
    session: Session, tenant_id: UUID, row: Any, email: ParsedEmail, decision: Decision, ticket_id: UUID
) -> int | None:
    defaults = await session.fetchrow(
        """select d.queue, d.priority, d.assignee_id from mailboxes m
             join inbound_defaults d on d.tenant_id = m.tenant_id and d.defaults_id = m.defaults_id and d.active
            where m.tenant_id = $1 and m.mailbox_id = $2""",
        tenant_id,
        row["mailbox_id"],
    )
    if defaults is None:
        return None  # removed since it was decided: decide again, and ask
    contact_id = decision.contact_id or await _contact(session, tenant_id, row["email_id"], email, decision.client_id)
    number: int = await session.fetchval(
        """insert into ticket_numbers as n (tenant_id, last) values ($1, 1)
           on conflict (tenant_id) do update set last = n.last + 1 returning last""",
        tenant_id,
    )
    await session.execute(
        """insert into tickets (tenant_id, ticket_id, number, subject, queue, priority, client_id, contact_id,
                                assignee_id, mailbox_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        tenant_id,
        ticket_id,
        number,
        email.subject or "(no subject)",
        defaults["queue"],
        defaults["priority"],
        decision.client_id,
        contact_id,
        defaults["assignee_id"],
        row["mailbox_id"],
    )
    return number


async def _contact(
    session: Session, tenant_id: UUID, email_id: UUID, email: ParsedEmail, client_id: UUID | None
) -> UUID | None:
    """The sender as a contact, made on first sight."""
    if not email.from_:
        return None
    sender = email.from_[0]
    # The empty update makes the row come back when another mail of the same sender was quicker.
    contact_id: UUID = await session.fetchval(
        """insert into contacts (tenant_id, contact_id, client_id, name, address) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, address, client_id) do update set address = excluded.address
           returning contact_id""",
        tenant_id,
        derived_id(email_id, "contact"),
        client_id,
        sender.name or sender.address,
        canonical(sender.address),
    )
    return contact_id


async def _open_for_reply(session: Session, tenant_id: UUID, ticket_id: UUID, email: ParsedEmail) -> int | None:
    """Locks the ticket; a person's reply reopens it. None when it was merged away meanwhile."""
    number: int | None = await session.fetchval(
        """update tickets set updated_at = now(), status = case when $3 then 'open' else status end
            where tenant_id = $1 and ticket_id = $2 and status <> 'merged' returning number""",
        tenant_id,
        ticket_id,
        email.kind == "ordinary",
    )
    return number


async def _claim_ids(
    session: Session, tenant_id: UUID, row: Any, email: ParsedEmail, decision: Decision, ticket_id: UUID
) -> bool:
    """Puts the mail's ids on the ticket; False when one of them points elsewhere than when it was decided."""
    ids = sorted({message_id for _, message_id in evidence.thread_ids(email, row["message_key"])})
    await session.execute(
        """insert into ticket_message_ids (tenant_id, message_id, ticket_id, kind)
           select $1, id, $2, 'referenced' from unnest($3::text[]) as id on conflict do nothing""",
        tenant_id,
        ticket_id,
        ids,
    )
    now = {
        r["message_id"]: r["ticket_id"]
        for r in await session.fetch(
            "select message_id, ticket_id from ticket_message_ids where tenant_id = $1 and message_id = any($2)",
            tenant_id,
            ids,
        )
    }
    for message_id, points_to in now.items():
        if decision.seen.get(message_id, ticket_id) != points_to:
            return False
    await session.execute(
        """update ticket_message_ids set kind = 'member', email_id = $3, ticket_id = $4
            where tenant_id = $1 and message_id = $2 and kind = 'referenced'""",
        tenant_id,
        row["message_key"],
        row["email_id"],
        ticket_id,
    )
    return True


async def _merge(session: Session, tenant_id: UUID, other: UUID, into: UUID) -> None:
    """Two tickets turned out to be one conversation: everything moves, and the emptied one points to the other."""
    # Locked first, so that a comment being added to it is committed, and seen, before its comments move.
    await session.execute("select from tickets where tenant_id = $1 and ticket_id = $2 for update", tenant_id, other)
    for table in ("comments", "ticket_message_ids", "emails"):
        await session.execute(
            f"update {table} set ticket_id = $3 where tenant_id = $1 and ticket_id = $2", tenant_id, other, into
        )
    await session.execute(
        """insert into ticket_participants (tenant_id, ticket_id, address, role)
           select tenant_id, $3, address, role from ticket_participants where tenant_id = $1 and ticket_id = $2
           on conflict do nothing""",
        tenant_id,
        other,
        into,
    )
    await session.execute(
        """update tickets set status = 'merged', merged_into = $3, updated_at = now()
            where tenant_id = $1 and (ticket_id = $2 or merged_into = $2)""",
        tenant_id,
        other,
        into,
    )
    await session.execute(
        "insert into audit (tenant_id, actor, action, object, detail) values ($1, 'postroom', 'merge', $2, $3)",
        tenant_id,
        f"ticket/{other}",
        {"into": str(into), "why": "a mail that both refer to arrived"},
    )


async def _add_participants(session: Session, tenant_id: UUID, ticket_id: UUID, email: ParsedEmail) -> None:
    roles = {canonical(a.address): "recipient" for a in (*email.to, *email.cc)}
    if email.from_:
        roles[canonical(email.from_[0].address)] = "author"
    # Our own mailboxes take part in everything: being one of them proves nothing about a sender.
    await session.execute(
        """insert into ticket_participants as p (tenant_id, ticket_id, address, role)
           select $1, $2, r.address, r.role from unnest($3::text[], $4::text[]) as r (address, role)
            where r.address <> '' and not exists
              (select 1 from mailboxes m where m.tenant_id = $1 and m.address = r.address)
            order by r.address
           on conflict (tenant_id, ticket_id, address) do update set role = 'author'
             where excluded.role = 'author' and p.role <> 'author'""",
        tenant_id,
        ticket_id,
        list(roles),
        list(roles.values()),
    )


async def _add_comment(session: Session, tenant_id: UUID, row: Any, email: ParsedEmail, ticket_id: UUID) -> UUID:
    comment_id, email_id = derived_id(row["email_id"], "comment"), row["email_id"]
    author = email.from_[0] if email.from_ else None
    await session.execute(
        """insert into comments (tenant_id, comment_id, ticket_id, email_id, author_name, author_address, text)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        tenant_id,
        comment_id,
        ticket_id,
        email_id,
        author.name if author else "",
        author.address if author else "",
        email.reply_text or email.text,
    )
    await session.executemany(
        """insert into attachments (tenant_id, attachment_id, email_id, comment_id, position, filename, content_type,
                                    size, sha256, content_id, inline)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
        [
            (
                tenant_id,
                derived_id(email_id, f"attachment/{position}"),
                email_id,
                comment_id,
                position,
                a.filename,
                a.content_type,
                a.size,
                a.sha256,
                a.content_id,
                a.inline,
            )
            for position, a in enumerate(email.attachments)
        ],
    )
    return comment_id


async def _record(
    session: Session,
    tenant_id: UUID,
    email_id: UUID,
    outcome: str,
    reason: str,
    flags: list[str],
    ticket_id: UUID | None,
    comment_id: UUID | None,
) -> None:
    await session.execute(
        """update emails set outcome = $3, reason = $4, flags = $5, ticket_id = $6, comment_id = $7, waits_for = null,
                  state = 'started',
                  timeline = timeline || step($3, jsonb_build_object('reason', $4::text))
            where tenant_id = $1 and email_id = $2""",
        tenant_id,
        email_id,
        outcome,
        reason,
        flags,
        ticket_id,
        comment_id,
    )
