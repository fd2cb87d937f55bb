"""The facts about one message: which conversations it points to, who its sender is, what policies and rules say.

Read in one transaction. A plain new mail costs four round trips; what only some mails need is read only for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from domain import canary, governor
from domain.address import canonical
from domain.authentication import verify
from domain.decision import Notes
from domain.email import Address
from domain.facts import ClientName, Facts
from domain.mailing_list import original_author
from domain.policy import Destination
from domain.rule_actions import RuleActions, RuleOutcome
from domain.rules import CompiledRules, Mail
from storage import choices, loops, rules, senders, threads
from storage.incoming import Incoming, Setting

if TYPE_CHECKING:
    from storage.database import Session

# Clients that a person can choose from when the sender matches none.
_MAX_CLIENTS = 50

Headers = Mapping[str, Sequence[str]]
HeaderLoader = Callable[[], Awaitable[Headers]]


async def no_headers() -> Headers:
    return {}


async def gather(
    session: Session,
    keys: Mapping[str, bytes],
    incoming: Incoming,
    holds: Setting,
    waited: frozenset[UUID] = frozenset(),
    headers: HeaderLoader = no_headers,
    draft: CompiledRules | None = None,
) -> Facts:
    """Everything `domain.deciding.decide` wants to know. `keys` are the reply token's; `draft`: rules to try out in
    place of those in force."""
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
        canary=canary.recognise(keys, tenant_id, incoming.mailbox_id, email.subject),
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
    await threads.find(session, keys, incoming, facts)
    await _people(session, incoming, facts)
    if not any(t.ticket_id for t in facts.threads if t.source != "provider_thread"):
        await threads.propose(session, tenant_id, facts)
    await threads.tickets(session, tenant_id, facts)
    if facts.automated or holds.storms:
        await _storms(session, incoming, facts)
    if draft is not None or holds.rules_version:
        compiled = draft or await rules.compiled(session, tenant_id, holds.rules_version, holds.rules_saved_at)
        facts.rule = await _rule(session, tenant_id, incoming, holds, facts, headers, compiled)
    await _destinations(session, tenant_id, facts)
    wants_names = facts.mailbox.unknown_sender == "ask" or (facts.rule is not None and facts.rule.actions.ask)
    if wants_names:
        facts.clients = await _clients(session, tenant_id)
    return facts


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
    session: Session,
    tenant_id: UUID,
    incoming: Incoming,
    holds: Setting,
    facts: Facts,
    headers: HeaderLoader,
    compiled: CompiledRules,
) -> RuleOutcome | None:
    """What the rules do with this mail; None to proceed."""
    mail = Mail(
        incoming.email,
        mailbox=holds.address,
        authentication=verify(facts.authentication, facts.sender, facts.mailbox).result,
        headers=await headers() if compiled.needs_headers else {},
    )
    for match in compiled.matches(mail):
        client_id = match.actions.client
        if match.client_name is not None:
            client_id = await choices.client_named(session, tenant_id, match.client_name)
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
