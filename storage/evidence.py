"""The facts about one message: which conversations its ids name, who its sender is, what its mailbox says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import identity, reply_token
from domain.address import canonical, domain_of, without_tag
from domain.deciding import Facts, SenderMatch, Sighting, Source, ThreadEvidence, TicketFacts
from domain.email import ParsedEmail

if TYPE_CHECKING:
    from storage.database import Session

# More ids than any real conversation needs: In-Reply-To and the newest of References come first.
MAX_IDS = 50


async def gather(
    session: Session, keys: Mapping[str, bytes], tenant_id: UUID, email_id: UUID, waited: frozenset[UUID]
) -> Facts:
    """Everything `domain.deciding.decide` wants to know, read in one transaction. `keys` are the reply token's."""
    row = await session.fetchrow(
        """select e.*, c.parsed, d.defaults_id as valid_defaults from emails e
             join email_contents c using (tenant_id, email_id)
             join mailboxes m using (tenant_id, mailbox_id)
             left join inbound_defaults d on d.tenant_id = m.tenant_id and d.defaults_id = m.defaults_id and d.active
            where e.tenant_id = $1 and e.email_id = $2""",
        tenant_id,
        email_id,
    )
    if row is None:
        raise LookupError(f"email {email_id} is not parsed")
    email = ParsedEmail.model_validate(row["parsed"])
    sender = email.from_[0] if email.from_ else None
    address = canonical(sender.address) if sender else ""
    threads = await _threads(session, keys, tenant_id, row, email)
    ticket_ids = {t.ticket_id for t in threads if t.ticket_id}
    internal, matches = await _sender(session, tenant_id, address)
    return Facts(
        email_id=email_id,
        message_key=row["message_key"],
        subject=email.subject,
        kind=email.kind,
        sender=address,
        sender_name=sender.name if sender else "",
        recipients=frozenset(canonical(a.address) for a in (*email.to, *email.cc)),
        internal=internal,
        unreadable=not (sender or email.subject or email.text or email.html or email.attachments),
        threads=threads,
        tickets=await _tickets(session, tenant_id, ticket_ids),
        sightings=await _sightings(session, tenant_id, row),
        matches=matches,
        defaults_id=row["valid_defaults"],
        waited=waited,
    )


def thread_ids(email: ParsedEmail, message_key: str) -> list[tuple[Source, str]]:
    """The ids a mail names, strongest first, each once: In-Reply-To, References newest first, its own."""
    named: dict[str, Source] = {}
    sources: list[tuple[Source, list[str]]] = [
        ("in_reply_to", email.in_reply_to),
        ("references", email.references[::-1]),
    ]
    for source, values in sources:
        for value in values:
            message_id = identity.message_id(value)
            if message_id and message_id != message_key:
                named.setdefault(message_id, source)
    return [(source, message_id) for message_id, source in list(named.items())[:MAX_IDS]] + [("own_id", message_key)]


async def _threads(
    session: Session, keys: Mapping[str, bytes], tenant_id: UUID, row: Any, email: ParsedEmail
) -> list[ThreadEvidence]:
    named = thread_ids(email, row["message_key"])
    ids = [message_id for _, message_id in named]
    known = {
        r["message_id"]: r
        for r in await session.fetch(
            "select message_id, ticket_id, kind from ticket_message_ids where tenant_id = $1 and message_id = any($2)",
            tenant_id,
            ids,
        )
    }
    in_flight = {
        r["message_key"]: r
        for r in await session.fetch(
            """select message_key, email_id, state from emails
                where tenant_id = $1 and message_key = any($2) and outcome is null and email_id <> $3
                order by seq desc""",
            tenant_id,
            ids[:-1],
            row["email_id"],
        )
    }
    evidence = []
    tagged = (tag for a in (*email.to, *email.cc) if (tag := without_tag(a.address)[1]))
    token_ticket = reply_token.find(keys, tenant_id, [*tagged, *ids[:-1]])
    if token_ticket is not None:
        canonical_id = await session.fetchval(
            "select coalesce(merged_into, ticket_id) from tickets where tenant_id = $1 and ticket_id = $2",
            tenant_id,
            token_ticket,
        )
        if canonical_id is not None:
            evidence.append(ThreadEvidence(source="own_token", message_id="token", ticket_id=canonical_id))
    for source, message_id in named:
        ticket, flight = known.get(message_id), in_flight.get(message_id)
        evidence.append(
            ThreadEvidence(
                source=source,
                message_id=message_id,
                ticket_id=ticket["ticket_id"] if ticket else None,
                kind=ticket["kind"] if ticket else "member",
                in_flight=flight["email_id"] if flight else None,
                waits_for_person=flight is not None and flight["state"] == "waiting",
            )
        )
    return evidence


async def _tickets(session: Session, tenant_id: UUID, ids: set[UUID]) -> dict[UUID, TicketFacts]:
    if not ids:
        return {}
    rows = await session.fetch(
        """select t.ticket_id, t.number, t.subject, t.status, t.client_id,
                  array_agg(p.address) filter (where p.role = 'author') as authors,
                  array_agg(p.address) filter (where p.role = 'recipient') as recipients
             from tickets t left join ticket_participants p using (tenant_id, ticket_id)
            where t.tenant_id = $1 and t.ticket_id = any($2) group by t.tenant_id, t.ticket_id""",
        tenant_id,
        list(ids),
    )
    return {
        r["ticket_id"]: TicketFacts(
            ticket_id=r["ticket_id"],
            number=r["number"],
            subject=r["subject"],
            closed=r["status"] == "closed",
            client_id=r["client_id"],
            authors=frozenset(r["authors"] or ()),
            recipients=frozenset(r["recipients"] or ()),
        )
        for r in rows
    }


async def _sightings(session: Session, tenant_id: UUID, row: Any) -> list[Sighting]:
    """Other rows under the same key, in any mailbox of the tenant: one message is one ticket."""
    rows = await session.fetch(
        """select email_id, seq, outcome, ticket_id, content_sha256 from emails
            where tenant_id = $1 and message_key = $2 and email_id <> $3 order by seq limit 20""",
        tenant_id,
        row["message_key"],
        row["email_id"],
    )
    return [
        Sighting(
            email_id=r["email_id"],
            earlier=r["seq"] < row["seq"],
            outcome=r["outcome"],
            ticket_id=r["ticket_id"],
            same_content=r["content_sha256"] == row["content_sha256"] if r["content_sha256"] else None,
        )
        for r in rows
    ]


async def _sender(session: Session, tenant_id: UUID, address: str) -> tuple[bool, list[SenderMatch]]:
    """Whether the sender is one of our users, and the clients it may stand for: contacts first, then what was
    learned about the address, then its domain."""
    if not address:
        return False, []
    internal = await session.fetchval("select true from users where tenant_id = $1 and email = $2", tenant_id, address)
    rows = await session.fetch(
        """select case when t.client_id is null then 4 else 1 end as rank, 'contact' as how, t.client_id, t.contact_id, c.name
             from contacts t left join clients c using (tenant_id, client_id)
            where t.tenant_id = $1 and t.address = $2
           union all
           select case a.kind when 'address' then 0 else 2 end, 'association', a.client_id, null, c.name
             from sender_associations a join clients c using (tenant_id, client_id)
            where a.tenant_id = $1 and ((a.kind = 'address' and a.value = $2) or (a.kind = 'domain' and a.value = $3))
           union all
           select 3, 'domain', d.client_id, null, c.name
             from client_domains d join clients c using (tenant_id, client_id)
            where d.tenant_id = $1 and d.domain = $3
            order by 1""",
        tenant_id,
        address,
        domain_of(address),
    )
    best = min((r["rank"] for r in rows), default=None)
    contact_of = {r["client_id"]: r["contact_id"] for r in rows if r["contact_id"]}
    return bool(internal), [
        SenderMatch(
            client_id=r["client_id"],
            client_name=r["name"] or "",
            contact_id=contact_of.get(r["client_id"]) or contact_of.get(None),
            how=r["how"],
        )
        for r in rows
        if r["rank"] == best
    ]
