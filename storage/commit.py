"""Committing what was decided: outcome, ticket, comment and everything that follows from them, in one transaction.

A commit checks, under the unique key of `ticket_message_ids`, that the ids of the mail still point where they pointed
when it was decided. If another mail of the conversation came first, nothing is written and it is decided again: so a
thousand mails at once make the same tickets as one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import governor, subjects
from domain.address import canonical, without_tag
from domain.decision import BouncedAddress, Decision
from domain.email import Address, ParsedEmail
from domain.identity import derived_id
from domain.inbound import Committed
from domain.policy import TenantPolicy
from storage import ledger, loops, merging, policies, rules, threads

if TYPE_CHECKING:
    from storage.database import Session

# Why tickets are merged without anybody's doing.
SAME_CONVERSATION = "a mail that both refer to arrived"


async def commit(session: Session, tenant_id: UUID, email_id: UUID) -> Committed:
    """Commits the recorded decision: create, append, exclude, discard or duplicate. Safe to repeat.

    Returns `stale` (and has written nothing that lasts: the caller rolls back) when the evidence moved meanwhile.
    """
    row = await ledger.get(session, tenant_id, email_id, lock=True)
    if row["outcome"] is not None:
        return await committed(session, tenant_id, row)
    found = await session.fetchrow(
        """select d.record, c.parsed, t.policy from decisions d join email_contents c using (tenant_id, email_id)
             join tenants t using (tenant_id) where d.tenant_id = $1 and d.email_id = $2""",
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
            ticket_no = await _write_on(session, tenant_id, ticket_id, reopen=decision.reopen)
        policy = policies.read(TenantPolicy, found["policy"])
        if ticket_no is None or not await _claim_ids(session, tenant_id, row, email, decision, policy, ticket_id):
            return Committed(stale=True)
        if decision.counts_as_automated and not await _count(
            session, tenant_id, row, email, policy, ticket_id, decision
        ):
            return Committed(stale=True)
        try:
            for other in sorted(decision.merge):
                await merging.merge(session, tenant_id, other, ticket_id, actor="postroom", why=SAME_CONVERSATION)
        except merging.NotMergeable:
            return Committed(stale=True)
        await _add_people(session, tenant_id, row["email_id"], email, decision, ticket_id)
        comment_id = await _add_comment(session, tenant_id, row, email, decision, ticket_id)
        outcome, reason = ("ticket" if decision.action == "create" else "comment"), decision.reason
        await _record(session, tenant_id, email_id, outcome, reason, decision.flags, ticket_id, comment_id)
        await _follow_up(session, tenant_id, row, decision)
    else:
        outcome = {"exclude": "excluded", "discard": "discarded", "duplicate": "duplicate"}[decision.action]
        await _record(session, tenant_id, email_id, outcome, decision.reason, decision.flags, decision.ticket_id, None)
        if decision.reason == "loop":
            await loops.touch(session, tenant_id)
    if not email.attachments or decision.action not in ("create", "append"):
        await ledger.done(session, tenant_id, email_id)
    if decision.rule_id is not None:
        # Last of all, as every mail that this rule decides counts up the same row.
        await rules.count_hit(session, tenant_id, decision.rule_id)
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


async def next_number(session: Session, tenant_id: UUID) -> int:
    """The number of a new ticket: without gaps, and locked until the transaction ends."""
    number: int = await session.fetchval(
        """insert into ticket_numbers as n (tenant_id, last) values ($1, 1)
           on conflict (tenant_id) do update set last = n.last + 1 returning last""",
        tenant_id,
    )
    return number


async def _create_ticket(
    session: Session, tenant_id: UUID, row: Any, email: ParsedEmail, decision: Decision, ticket_id: UUID
) -> int | None:
    defaults = await session.fetchrow(
        """select d.queue, d.priority, d.assignee_id,
                  (select user_id from users where tenant_id = $1 and user_id = $4) as wanted_assignee,
                  (select client_id from clients where tenant_id = $1 and client_id = $5) as client_id
             from mailboxes m join inbound_defaults d
               on d.tenant_id = m.tenant_id and d.defaults_id = coalesce($3, m.defaults_id) and d.active
            where m.tenant_id = $1 and m.mailbox_id = $2""",
        tenant_id,
        row["mailbox_id"],
        decision.defaults_id,
        decision.assignee_id,
        decision.client_id,
    )
    if defaults is None:
        return None  # removed since it was decided: decide again, and ask
    client_id, contact_id = defaults["client_id"], decision.contact_id
    who = decision.requester or decision.author or (email.from_[0] if email.from_ else None)
    if contact_id is None and decision.make_contact and who is not None:
        contact_id = await _contact(session, tenant_id, row["email_id"], who, client_id)
    number = await next_number(session, tenant_id)
    await session.execute(
        """insert into tickets (tenant_id, ticket_id, number, subject, subject_key, queue, priority, client_id,
                                contact_id, assignee_id, mailbox_id, tags, linked_to, link)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)""",
        tenant_id,
        ticket_id,
        number,
        email.subject or "(no subject)",
        subjects.normalised(email.subject),
        defaults["queue"],
        decision.priority or defaults["priority"],
        client_id,
        contact_id,
        defaults["wanted_assignee"] or defaults["assignee_id"],
        row["mailbox_id"],
        decision.tags,
        decision.linked_to,
        decision.link,
    )
    return number


async def _contact(session: Session, tenant_id: UUID, email_id: UUID, who: Address, client_id: UUID | None) -> UUID:
    """The person as a contact, made on first sight."""
    # The empty update makes the row come back when another mail of the same sender was quicker. It names no column of
    # a key: that would lock out the foreign key checks of those who know the contact already, and deadlock with them.
    contact_id: UUID = await session.fetchval(
        """insert into contacts as c (tenant_id, contact_id, client_id, name, address) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, address, client_id) do update set name = c.name
           returning contact_id""",
        tenant_id,
        derived_id(email_id, "contact"),
        client_id,
        who.name or who.address,
        canonical(who.address),
    )
    return contact_id


async def _write_on(session: Session, tenant_id: UUID, ticket_id: UUID, *, reopen: bool) -> int | None:
    """Locks the ticket, and opens it if so decided. None when it was merged away meanwhile."""
    number: int | None = await session.fetchval(
        """update tickets set updated_at = now(), status = case when $3 then 'open' else status end,
                  reopened_at = case when $3 and status = 'closed'
                    then (reopened_at || now())[greatest(1, cardinality(reopened_at) - 18):] else reopened_at end
            where tenant_id = $1 and ticket_id = $2 and status <> 'merged' returning number""",
        tenant_id,
        ticket_id,
        reopen,
    )
    return number


async def _claim_ids(
    session: Session,
    tenant_id: UUID,
    row: Any,
    email: ParsedEmail,
    decision: Decision,
    policy: TenantPolicy,
    ticket_id: UUID,
) -> bool:
    """Puts the mail's ids on the ticket; False when one of them points elsewhere than when it was decided."""
    own = threads.thread_key(policy, row["mailbox_id"], row["message_key"])
    named = threads.thread_ids(email, row["message_key"])
    ids = sorted({threads.thread_key(policy, row["mailbox_id"], i) for source, i in named if source != "bounce"})
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
        own,
        row["email_id"],
        ticket_id,
    )
    return True


async def _add_people(
    session: Session, tenant_id: UUID, email_id: UUID, email: ParsedEmail, decision: Decision, ticket_id: UUID
) -> None:
    """Participants, who may write from now on, and those of them to propose as watchers: the other recipients."""
    people: dict[str, tuple[str, str]] = {}
    for recipient in (*email.to, *email.cc):
        people[canonical(recipient.address)] = ("recipient", recipient.name)
    authors = [decision.author] if decision.author else email.from_[:1]
    for author in (*authors, *([decision.requester] if decision.requester else ())):
        people[canonical(author.address)] = ("author", author.name)
    people.pop("", None)
    # Our own mailboxes take part in everything: being one of them, with a tag or not, proves nothing about a sender.
    await session.execute(
        """with people as (
             select r.* from unnest($3::text[], $4::text[], $5::text[], $6::text[]) as r (address, base, role, name)
              where not exists (select from mailboxes m where m.tenant_id = $1 and m.address in (r.address, r.base))),
           participants as (
             insert into ticket_participants as p (tenant_id, ticket_id, address, role)
             select $1, $2, address, role from people order by address
             on conflict (tenant_id, ticket_id, address) do update set role = 'author'
               where excluded.role = 'author' and p.role <> 'author')
           insert into ticket_watchers (tenant_id, ticket_id, address, name, seen_in)
           select $1, $2, address, name, $7 from people where role = 'recipient' order by address
           on conflict do nothing""",
        tenant_id,
        ticket_id,
        list(people),
        [without_tag(address)[0] for address in people],
        [role for role, _ in people.values()],
        [name for _, name in people.values()],
        email_id,
    )


async def _add_comment(
    session: Session, tenant_id: UUID, row: Any, email: ParsedEmail, decision: Decision, ticket_id: UUID
) -> UUID:
    comment_id, email_id = derived_id(row["email_id"], "comment"), row["email_id"]
    author = decision.author or (email.from_[0] if email.from_ else None)
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


async def _count(
    session: Session,
    tenant_id: UUID,
    row: Any,
    email: ParsedEmail,
    policy: TenantPolicy,
    ticket_id: UUID,
    decision: Decision,
) -> bool:
    """Counts an automated mail; False when those that were committed since it was decided make it one too many."""
    sender = canonical(email.from_[0].address) if email.from_ else ""
    keys = governor.keys(sender, row["mailbox_id"], [ticket_id])
    await loops.count_mail(session, tenant_id, keys)
    if decision.releases_circuits:
        return True
    counts = await loops.counts(session, tenant_id, keys)
    over = [key for key in keys if counts[governor.count_name(key)] > getattr(policy.loops, key.scope)]
    if not over:
        return True
    let_through = [c for c in await loops.live_circuits(session, tenant_id) if c.verdict == "released"]
    return all(any((c.scope, c.key) == (key.scope, key.key) for c in let_through) for key in over)


async def _follow_up(session: Session, tenant_id: UUID, row: Any, decision: Decision) -> None:
    """What only some mails bring about: a bounced address, the end of a storm."""
    if decision.bounced is not None:
        await _mark_bounced(session, tenant_id, row["email_id"], decision.bounced)
    if decision.releases_circuits:
        await loops.release(session, tenant_id, row["email_id"])


async def _mark_bounced(session: Session, tenant_id: UUID, email_id: UUID, bounced: BouncedAddress) -> None:
    await session.execute(
        """insert into bounced_addresses as b (tenant_id, address, hard, status, email_id) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, address) do update
             set hard = excluded.hard, status = excluded.status, email_id = excluded.email_id,
                 bounces = b.bounces + 1, last_at = now()""",
        tenant_id,
        bounced.address,
        bounced.hard,
        bounced.status,
        email_id,
    )


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
