"""The facts about one message: which conversations its ids name, who its sender is, what policies and rules say.

Read in one transaction. A plain new mail costs four round trips; what only some mails need is read only for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import governor, identity, reply_token, subjects
from domain.address import canonical, without_tag
from domain.authentication import verify
from domain.decision import Notes
from domain.email import Address, ParsedEmail
from domain.facts import ClientName, Facts, Proposal, Sighting, Source, ThreadEvidence, TicketFacts, TokenEvidence
from domain.mailing_list import original_author
from domain.policy import Destination, MailboxPolicy, TenantPolicy
from domain.rule_actions import RuleActions, RuleOutcome
from domain.rules import CompiledRules, Mail
from storage import loops, policies, rules, senders

if TYPE_CHECKING:
    from storage.database import Session

# More ids than any real conversation needs: In-Reply-To and the newest of References come first.
MAX_IDS = 50
# Clients that a person can choose from when the sender matches none.
_MAX_CLIENTS = 50
# How far a chain of tickets that carry each other on is followed.
_MAX_CONTINUED = 5
_LIKELY_WITHIN = "90 days"
# What `ticket_message_ids` knows of an id that no ticket has.
_UNKNOWN: Mapping[str, Any] = {"ticket_id": None, "kind": "member", "recipients": None}

Headers = Mapping[str, Sequence[str]]
HeaderLoader = Callable[[], Awaitable[Headers]]


async def no_headers() -> Headers:
    return {}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to be decided; in the ledger, or (a dry run) not. `seq` is its place among the sightings."""

    tenant_id: UUID
    email_id: UUID
    mailbox_id: UUID
    message_key: str
    seq: int
    content_sha256: str | None
    email: ParsedEmail


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for the mailbox when a message is decided."""

    address: str
    mailbox: MailboxPolicy
    tenant: TenantPolicy
    defaults_id: UUID | None
    rules_version: int
    storms: bool
    own_message: bool
    now: datetime


_SETTING = """
m.address, m.policy as mailbox_policy, t.policy as tenant_policy, d.defaults_id as valid_defaults, now() as now,
coalesce((select max(version) from rule_sets r where r.tenant_id = m.tenant_id), 0) as rules_version,
exists (select from circuits c where c.tenant_id = m.tenant_id
         and coalesce(c.closed_at, now()) > now() - interval '1 hour') as storms"""
_SETTING_FROM = """
join tenants t on t.tenant_id = m.tenant_id
left join inbound_defaults d on d.tenant_id = m.tenant_id and d.defaults_id = m.defaults_id and d.active"""


async def load(session: Session, tenant_id: UUID, email_id: UUID) -> tuple[Incoming, Setting]:
    """A message of the ledger that was parsed. Raises LookupError for any other."""
    row = await session.fetchrow(
        f"""select e.email_id, e.mailbox_id, e.message_key, e.seq, e.content_sha256, c.parsed, {_SETTING},
                   exists (select from outbound_messages o
                            where o.tenant_id = e.tenant_id and o.message_id = e.message_key) as own_message
              from emails e join email_contents c using (tenant_id, email_id)
              join mailboxes m using (tenant_id, mailbox_id) {_SETTING_FROM}
             where e.tenant_id = $1 and e.email_id = $2""",  # noqa: S608 (constants only)
        tenant_id,
        email_id,
    )
    if row is None:
        raise LookupError(f"email {email_id} is not parsed")
    incoming = Incoming(
        tenant_id,
        email_id,
        row["mailbox_id"],
        row["message_key"],
        row["seq"],
        row["content_sha256"],
        ParsedEmail.model_validate(row["parsed"]),
    )
    return incoming, _setting(row)


async def setting(session: Session, incoming: Incoming) -> Setting:
    """For a message that is not in the ledger. Raises LookupError for an unknown mailbox."""
    row = await session.fetchrow(
        f"""select {_SETTING}, exists (select from outbound_messages o
                                        where o.tenant_id = $1 and o.message_id = $3) as own_message
              from mailboxes m {_SETTING_FROM} where m.tenant_id = $1 and m.mailbox_id = $2""",  # noqa: S608
        incoming.tenant_id,
        incoming.mailbox_id,
        incoming.message_key,
    )
    if row is None:
        raise LookupError(f"no mailbox {incoming.mailbox_id}")
    return _setting(row)


def _setting(row: Any) -> Setting:
    return Setting(
        address=row["address"],
        mailbox=policies.read(MailboxPolicy, row["mailbox_policy"]),
        tenant=policies.read(TenantPolicy, row["tenant_policy"]),
        defaults_id=row["valid_defaults"],
        rules_version=row["rules_version"],
        storms=row["storms"],
        own_message=row["own_message"],
        now=row["now"],
    )


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


async def gather(
    session: Session,
    keys: Mapping[str, bytes],
    incoming: Incoming,
    holds: Setting,
    waited: frozenset[UUID] = frozenset(),
    headers: HeaderLoader = no_headers,
) -> Facts:
    """Everything `domain.deciding.decide` wants to know. `keys` are the reply token's."""
    email, tenant_id = incoming.email, incoming.tenant_id
    sender = email.from_[0] if email.from_ else None
    facts = Facts(
        email_id=incoming.email_id,
        message_key=incoming.message_key,
        now=holds.now,
        subject=email.subject,
        text=email.reply_text or email.text,
        kind=email.kind,
        sender=canonical(sender.address) if sender else "",
        sender_name=sender.name if sender else "",
        reply_to=email.reply_to,
        list_mail=email.kind == "list" or bool(email.list_id),
        recipients=frozenset(canonical(a.address) for a in (*email.to, *email.cc)),
        own_message=holds.own_message,
        unreadable=not (sender or email.subject or email.text or email.html or email.attachments),
        authentication=email.authentication,
        bounce=email.bounce,
        mailbox_id=incoming.mailbox_id,
        mailbox=holds.mailbox,
        tenant=holds.tenant,
        rules_version=holds.rules_version,
        defaults_id=holds.defaults_id,
        waited=waited,
    )
    await _threads(session, keys, incoming, facts)
    await _people(session, incoming, facts)
    if not any(t.ticket_id for t in facts.threads):
        await _propose(session, tenant_id, facts)
    await _tickets(session, tenant_id, facts)
    if facts.automated or holds.storms:
        await _storms(session, incoming, facts)
    if holds.rules_version:
        facts.rule = await _rule(session, tenant_id, incoming, holds, facts, headers)
    await _destinations(session, tenant_id, facts)
    wants_names = facts.mailbox.unknown_sender == "ask" or (facts.rule is not None and facts.rule.actions.ask)
    if wants_names:
        facts.clients = await _clients(session, tenant_id)
    return facts


# Conversations -------------------------------------------------------------------------------------------------


async def _threads(session: Session, keys: Mapping[str, bytes], incoming: Incoming, facts: Facts) -> None:
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
    in_flight, elsewhere = await _ledger(session, incoming, ids, unknown, facts)
    facts.threads = await _token(session, keys, incoming, facts)
    for source, message_id in named:
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
) -> tuple[dict[str, Any], dict[str, UUID]]:
    """(undecided mails by key, tickets by key); fills in `sightings`, too.

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
                       order by seq limit 1) as e""",
        incoming.tenant_id,
        ids[:-1],
        incoming.email_id,
        incoming.message_key,
        alone,
        incoming.mailbox_id,
        unknown,
    )
    facts.sightings = [
        Sighting(
            email_id=r["email_id"],
            earlier=r["seq"] < incoming.seq,
            outcome=r["outcome"],
            ticket_id=r["ticket_id"],
            same_content=r["content_sha256"] == incoming.content_sha256 if r["content_sha256"] else None,
            same_mailbox=r["mailbox_id"] == incoming.mailbox_id,
        )
        for r in rows
        if r["what"] == "sighting"
    ]
    in_flight = {r["message_key"]: r for r in rows if r["what"] == "flight"}
    return in_flight, {r["message_key"]: r["ticket_id"] for r in rows if r["what"] == "elsewhere"}


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


async def _propose(session: Session, tenant_id: UUID, facts: Facts) -> None:
    """Tickets that the subject points to, where no id does."""
    number, key = subjects.ticket_number(facts.subject), subjects.normalised(facts.subject)
    # A mail that names others has, or will have, its conversation by them.
    names_others = any(t.source != "own_id" for t in facts.threads)
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


async def _tickets(session: Session, tenant_id: UUID, facts: Facts) -> None:
    """Fills in the tickets that any evidence names, and those that carry closed ones on."""
    wanted = {t.ticket_id for t in facts.threads if t.ticket_id} | {p.ticket_id for p in facts.proposals}
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


# People, rules, storms -----------------------------------------------------------------------------------------


async def _people(session: Session, incoming: Incoming, facts: Facts) -> None:
    """Who the sender is: one of us, one of our mailboxes, a client's. For what one of our users forwards, the client
    is that of the original sender."""
    address = original_author(facts, Notes()) or facts.sender
    known = await senders.identify(session, incoming.tenant_id, address)
    facts.internal, facts.own_mailbox, facts.matches = known.internal, known.own_mailbox, known.matches
    original: Address | None = incoming.email.forwarded.sender if incoming.email.forwarded else None
    if facts.internal and original is not None and canonical(original.address) != address:
        facts.forwarded = original
        facts.matches = (await senders.identify(session, incoming.tenant_id, canonical(original.address))).matches


async def _clients(session: Session, tenant_id: UUID) -> list[ClientName]:
    rows = await session.fetch(
        "select client_id, name from clients where tenant_id = $1 order by lower(name) limit $2",
        tenant_id,
        _MAX_CLIENTS,
    )
    return [ClientName(client_id=row["client_id"], name=row["name"]) for row in rows]


async def _storms(session: Session, incoming: Incoming, facts: Facts) -> None:
    facts.circuits = await loops.live_circuits(session, incoming.tenant_id)
    if facts.automated:
        keys = governor.keys(facts.sender, incoming.mailbox_id, facts.tickets)
        facts.counts = await loops.counts(session, incoming.tenant_id, keys)


async def _rule(
    session: Session, tenant_id: UUID, incoming: Incoming, holds: Setting, facts: Facts, headers: HeaderLoader
) -> RuleOutcome | None:
    """What the rules in force do with this mail; None to proceed."""
    compiled: CompiledRules = await rules.compiled(session, tenant_id, holds.rules_version)
    mail = Mail(
        incoming.email,
        mailbox=holds.address,
        authentication=verify(facts.authentication, facts.sender, facts.mailbox).result,
        headers=await headers() if compiled.needs_headers else {},
    )
    for match in compiled.matches(mail):
        client_id = match.actions.client
        if match.client_name is not None:
            client_id = await _client_named(session, tenant_id, match.client_name)
            if client_id is None:
                continue  # the name is nobody's: the rule does not apply
        return RuleOutcome(
            rule_id=match.rule_id,
            name=match.name,
            actions=match.actions,
            client_id=client_id,
            client_name=match.client_name or "",
        )
    otherwise = compiled.on_no_match
    if otherwise.action == "proceed":
        return None
    actions = RuleActions(skip=otherwise.action == "skip", destination=otherwise.destination)
    return RuleOutcome(rule_id=None, name="no rule matches", actions=actions)


async def _client_named(session: Session, tenant_id: UUID, name: str) -> UUID | None:
    """The one client of this name, whatever its case."""
    found = await session.fetch(
        "select client_id from clients where tenant_id = $1 and lower(name) = lower($2) limit 2", tenant_id, name
    )
    return found[0]["client_id"] if len(found) == 1 else None


async def _destinations(session: Session, tenant_id: UUID, facts: Facts) -> None:
    named = [d for m in facts.matches for d in (m.contact_defaults, m.client_defaults, m.domain_defaults)]
    if facts.rule is not None:
        named.append(facts.rule.actions.destination)
    wanted = {defaults_id for defaults_id in named if defaults_id is not None}
    if not wanted:
        return
    rows = await session.fetch(
        "select defaults_id, name, active from inbound_defaults where tenant_id = $1 and defaults_id = any($2)",
        tenant_id,
        list(wanted),
    )
    facts.destinations = {r["defaults_id"]: Destination(**dict(r)) for r in rows}
