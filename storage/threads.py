"""Which conversations a mail points to: ids in the tenant's tickets and ledger, our own token, the subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import identity, reply_token, subjects
from domain.address import without_tag
from domain.email import ParsedEmail
from domain.facts import Facts, Proposal, Sighting, Source, ThreadEvidence, TicketFacts, TokenEvidence
from domain.policy import TenantPolicy
from storage.incoming import Incoming

if TYPE_CHECKING:
    from storage.database import Session

# More ids than any real conversation needs: In-Reply-To and the newest of References come first.
MAX_IDS = 50
# How far a chain of tickets that carry each other on is followed.
_MAX_CONTINUED = 5
_LIKELY_WITHIN = "90 days"
# How many of the latest mails of a source's own thread are looked at.
_THREAD_TAIL = 20
# What `ticket_message_ids` knows of an id that no ticket has.
_UNKNOWN: Mapping[str, Any] = {"ticket_id": None, "kind": "member", "recipients": None}


def thread_ids(email: ParsedEmail, message_key: str) -> list[tuple[Source, str]]:
    """The ids a mail names, strongest first, each once: In-Reply-To, References newest first, its own."""
    named: dict[str, Source] = {}
    sources: list[tuple[Source, list[str]]] = [
        ("in_reply_to", email.in_reply_to),
        ("references", email.references[::-1]),
    ]
    if email.bounce is not None and email.bounce.original_message_id:
        sources.insert(0, ("bounce", [email.bounce.original_message_id]))
    for source, values in sources:
        for value in values:
            message_id = identity.message_id(value)
            if message_id and message_id != message_key:
                named.setdefault(message_id, source)
    return [(source, message_id) for message_id, source in list(named.items())[:MAX_IDS]] + [("own_id", message_key)]


def thread_key(policy: TenantPolicy, mailbox_id: UUID, message_id: str) -> str:
    """Under which key `ticket_message_ids` knows an id. Where each mailbox has tickets of its own, so has the id: the
    brackets cannot stand in a Message-ID."""
    return message_id if policy.copies == "one_ticket" else f"<{mailbox_id}>{message_id}"


async def find(session: Session, keys: Mapping[str, bytes], incoming: Incoming, facts: Facts) -> None:
    """Fills in `threads`, `token` and `sightings`."""
    named = thread_ids(incoming.email, incoming.message_key)
    ids = [message_id for _, message_id in named]
    key_of = {i: thread_key(facts.tenant, incoming.mailbox_id, i) for i in ids}
    known: dict[str, Mapping[str, Any]] = {
        r["message_id"]: dict(r)
        for r in await session.fetch(
            """select k.message_id, k.ticket_id, k.kind, o.recipients from ticket_message_ids k
                 left join outbound_messages o on o.tenant_id = k.tenant_id and o.message_id = k.message_id
                where k.tenant_id = $1 and k.message_id = any($2)""",
            incoming.tenant_id,
            [*{*ids, *key_of.values()}],
        )
    }
    members = {message_id for message_id, row in known.items() if row["kind"] == "member"}
    unknown = [i for i in ids[:-1] if i not in members and key_of[i] not in members]
    in_flight, elsewhere, grouped = await _ledger(session, incoming, ids, unknown, facts)
    facts.threads = await _token(session, keys, incoming, facts)
    for source, message_id in named:
        if source == "own_id":
            facts.threads += grouped
        key = key_of[message_id]
        flight = in_flight.get(message_id) if source != "own_id" else None
        found = {k: known[k] for k in ([key] if source == "own_id" else [key, message_id]) if k in known}
        if flight is None and message_id in elsewhere:
            # Under a name of its own: the commit claims the keys, and nothing may be claimed by this.
            found[f"<ledger>{message_id}"] = {**_UNKNOWN, "ticket_id": elsewhere[message_id]}
        for name, row in sorted(found.items(), key=lambda item: item[1]["kind"] != "member") or [(key, _UNKNOWN)]:
            facts.threads.append(
                ThreadEvidence(
                    source=source,
                    message_id=name,
                    ticket_id=row["ticket_id"],
                    kind=row["kind"],
                    outbound=bool(row["recipients"]),
                    sent_to=frozenset(row["recipients"] or ()),
                    in_flight=flight["email_id"] if flight else None,
                    waits_for_person=flight is not None and flight["state"] == "waiting",
                )
            )


async def _ledger(
    session: Session, incoming: Incoming, ids: list[str], unknown: list[str], facts: Facts
) -> tuple[dict[str, Any], dict[str, UUID], list[ThreadEvidence]]:
    """(undecided mails by key, tickets by key, what the source's own thread says); fills in `sightings`, too.

    The tickets are those of mails whose ids no ticket has under this mailbox's keys: another mailbox's, or of the time
    before the tenant's policy about copies was changed.
    """
    alone = facts.tenant.copies == "one_ticket"
    rows = await session.fetch(
        """(select 'flight' as what, message_key, email_id, seq, state, outcome, ticket_id, mailbox_id, content_sha256
              from emails where tenant_id = $1 and message_key = any($2) and outcome is null and email_id <> $3
               and ($5 or mailbox_id = $6) order by seq desc limit 500)
           union all
           (select 'sighting', message_key, email_id, seq, state, outcome, ticket_id, mailbox_id, content_sha256
              from emails where tenant_id = $1 and message_key = $4 and email_id <> $3 order by seq limit 20)
           union all
           select 'elsewhere', e.* from unnest($7::text[]) as id,
             lateral (select message_key, email_id, seq, state, outcome, ticket_id, mailbox_id, content_sha256
                        from emails where tenant_id = $1 and message_key = id and ticket_id is not null
                       order by seq limit 1) as e
           union all
           (select 'thread', message_key, email_id, seq, state, outcome, ticket_id, mailbox_id, content_sha256
              from emails where tenant_id = $1 and mailbox_id = $6 and provider_thread_id = $8 and email_id <> $3
               and received_at <= $9 order by seq desc limit $10)""",
        incoming.tenant_id,
        ids[:-1],
        incoming.email_id,
        incoming.message_key,
        alone,
        incoming.mailbox_id,
        unknown,
        incoming.provider_thread_id,
        incoming.received_at,
        _THREAD_TAIL,
    )
    facts.sightings = [
        Sighting(
            email_id=r["email_id"],
            earlier=r["seq"] < incoming.seq,
            outcome=r["outcome"],
            ticket_id=r["ticket_id"],
            same_content=r["content_sha256"] == incoming.content_sha256 if r["content_sha256"] else None,
            same_mailbox=r["mailbox_id"] == incoming.mailbox_id,
            waits_for_person=r["state"] == "waiting",
        )
        for r in rows
        if r["what"] == "sighting"
    ]
    in_flight = {r["message_key"]: r for r in rows if r["what"] == "flight"}
    elsewhere = {r["message_key"]: r["ticket_id"] for r in rows if r["what"] == "elsewhere"}
    return in_flight, elsewhere, _grouped([r for r in rows if r["what"] == "thread"])


def _grouped(rows: list[Any]) -> list[ThreadEvidence]:
    """The tickets of a source's thread, that of the newest mail first; where it has none, its oldest undecided mail."""
    tickets = list(dict.fromkeys(row["ticket_id"] for row in rows if row["ticket_id"] is not None))
    if tickets:
        return [ThreadEvidence(source="provider_thread", message_id=f"<thread {t}>", ticket_id=t) for t in tickets]
    undecided = [row for row in rows if row["outcome"] is None]
    if not undecided:
        return []
    oldest = min(undecided, key=lambda row: row["seq"])
    return [
        ThreadEvidence(
            source="provider_thread",
            message_id="<thread>",
            in_flight=oldest["email_id"],
            waits_for_person=oldest["state"] == "waiting",
        )
    ]


async def _token(session: Session, keys: Mapping[str, bytes], incoming: Incoming, facts: Facts) -> list[ThreadEvidence]:
    """The evidence of a reply token in a plus-address, an id or the body; fills in `token`."""
    email, tenant_id = incoming.email, incoming.tenant_id
    tags = [tag for a in (*email.to, *email.cc) if (tag := without_tag(a.address)[1])]
    today = facts.now.date() if facts.now else None
    found = reply_token.find(
        keys, tenant_id, [*tags, *email.in_reply_to, *email.references], sender=facts.sender, today=today
    )
    if found is None or found.expired or (found.bound and not found.issued_to_sender):
        in_body = reply_token.find_in_body(keys, tenant_id, email.text, sender=facts.sender, today=today)
        if in_body is not None and (found is None or in_body.rank > found.rank):
            found = in_body
    if found is None:
        return []
    ticket_id = await session.fetchval(
        "select coalesce(merged_into, ticket_id) from tickets where tenant_id = $1 and number = $2",
        tenant_id,
        found.ticket_number,
    )
    if ticket_id is None:
        return []
    holder = "anyone" if not found.bound else "issued_to" if found.issued_to_sender else "somebody_else"
    facts.token = TokenEvidence(expired=found.expired, holder=holder)
    return [ThreadEvidence(source="own_token", message_id="token", ticket_id=ticket_id)]


async def propose(session: Session, tenant_id: UUID, facts: Facts) -> None:
    """Tickets that the subject points to, where no id does."""
    number, key = subjects.ticket_number(facts.subject), subjects.normalised(facts.subject)
    # A mail that names others has, or will have, its conversation by them.
    names_others = any(t.source not in ("own_id", "provider_thread") for t in facts.threads)
    is_reply = facts.kind == "ordinary" and subjects.is_reply(facts.subject) and not names_others
    likely = key if is_reply and facts.sender else ""
    if number is None and not likely:
        return
    rows = await session.fetch(
        """select coalesce(merged_into, ticket_id) as ticket_id, 'subject_number' as why from tickets
            where tenant_id = $1 and number = $2
           union all
           (select t.ticket_id, 'same_subject' from tickets t
              join ticket_participants p using (tenant_id, ticket_id)
             where t.tenant_id = $1 and t.subject_key = $3 and $3 <> '' and t.status <> 'merged'
               and t.updated_at > now() - $5::text::interval and p.address = $4
             order by t.number desc limit 5)""",
        tenant_id,
        number,
        likely,
        facts.sender,
        _LIKELY_WITHIN,
    )
    facts.proposals = [Proposal(ticket_id=r["ticket_id"], why=r["why"]) for r in rows]


async def tickets(session: Session, tenant_id: UUID, facts: Facts) -> None:
    """Fills in the tickets that any evidence names, and those that carry closed ones on."""
    counted = [t for t in facts.threads if t.source != "provider_thread" or facts.is_answer]
    wanted = {t.ticket_id for t in counted if t.ticket_id} | {p.ticket_id for p in facts.proposals}
    for _ in range(_MAX_CONTINUED):
        missing = wanted - facts.tickets.keys()
        if not missing:
            return
        found = await _read_tickets(session, tenant_id, missing, facts.tenant.loops.ticket_total)
        facts.tickets |= found
        wanted = {t.continued_by for t in found.values() if t.continued_by}


async def _read_tickets(
    session: Session, tenant_id: UUID, ids: set[UUID], most_comments: int
) -> dict[UUID, TicketFacts]:
    rows = await session.fetch(
        """select t.ticket_id, t.number, t.subject, t.queue, t.status, t.closed_at, t.client_id,
                  array(select address from ticket_participants p
                         where p.tenant_id = $1 and p.ticket_id = t.ticket_id and role = 'author') as authors,
                  array(select address from ticket_participants p
                         where p.tenant_id = $1 and p.ticket_id = t.ticket_id and role = 'recipient') as recipients,
                  (select count(*) from unnest(t.reopened_at) as r where r > now() - interval '1 hour') as reopened,
                  (select count(*) from (select from comments c
                    where c.tenant_id = $1 and c.ticket_id = t.ticket_id and c.created_at > now() - interval '1 hour'
                    limit $3) as recent) as comments,
                  (select n.ticket_id from tickets n
                    where n.tenant_id = $1 and n.linked_to = t.ticket_id and n.link = 'continues'
                      and n.status <> 'merged'
                    order by n.number desc limit 1) as continued_by
             from tickets t where t.tenant_id = $1 and t.ticket_id = any($2)""",
        tenant_id,
        list(ids),
        most_comments,
    )
    return {
        r["ticket_id"]: TicketFacts(
            ticket_id=r["ticket_id"],
            number=r["number"],
            subject=r["subject"],
            queue=r["queue"],
            closed=r["status"] == "closed",
            closed_at=r["closed_at"],
            client_id=r["client_id"],
            authors=frozenset(r["authors"]),
            recipients=frozenset(r["recipients"]),
            reopened=r["reopened"],
            comments=r["comments"],
            continued_by=r["continued_by"],
        )
        for r in rows
    }
