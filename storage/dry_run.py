"""Dry runs: what would become of a mail, and which past mails would land elsewhere under the rules in force.

They gather and decide with the functions that production uses, and write nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import identity
from domain.deciding import Decision, decide
from domain.email import ParsedEmail
from domain.facts import Facts
from domain.task import Answered
from storage import evidence, incoming
from storage.evidence import HeaderLoader, Headers
from storage.incoming import Incoming
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

# A mail that is not in the ledger comes after all that are.
_LAST = (1 << 63) - 1
_PAGE = 200


async def explain(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    mailbox_id: UUID,
    raw: bytes,
    email: ParsedEmail,
    headers: Headers,
) -> Decision:
    """The decision about a raw message, were it delivered to this mailbox now. Raises LookupError for no mailbox."""
    message = Incoming(
        tenant_id=tenant_id,
        email_id=new_id(),
        mailbox_id=mailbox_id,
        message_key=identity.message_key(identity.header_message_id(raw), "explain"),
        seq=_LAST,
        content_sha256=identity.content_digest(raw),
        email=email,
        received_at=datetime.now(UTC),
    )

    async def loaded() -> Headers:
        return headers

    holds = await incoming.setting(session, message)
    return decide(await evidence.gather(session, keys, message, holds, headers=loaded), ())


@dataclass(frozen=True, slots=True)
class Difference:
    """A past mail that would land elsewhere; `was` and `would_be` say where in a few words."""

    email_id: UUID
    message_key: str
    received_at: datetime
    was: str
    would_be: str


async def replay_rules(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    since: datetime,
    headers_of: Callable[[UUID, str], HeaderLoader],
) -> AsyncIterator[Difference]:
    """Decides every past new mail since `since` (aware) again, with the answers people gave, and yields what differs.

    `headers_of(email id, sha256 of the raw message)` loads a message's header fields.
    """
    after = 0
    while True:
        rows = await session.fetch(
            """select e.email_id, e.seq, e.message_key, e.received_at, e.raw_sha256, d.record from emails e
                 join decisions d using (tenant_id, email_id)
                where e.tenant_id = $1 and e.seq > $2 and e.received_at >= $3
                  and (e.outcome = 'ticket' or e.reason in ('rule', 'unknown_sender'))
                order by e.seq limit $4""",
            tenant_id,
            after,
            since,
            _PAGE,
        )
        for row in rows:
            recorded = Decision.model_validate(row["record"])
            now = await _again(session, keys, tenant_id, row, headers_of(row["email_id"], row["raw_sha256"]))
            if _essence(recorded) != _essence(now):
                was = await _described(session, tenant_id, recorded)
                would_be = await _described(session, tenant_id, now)
                yield Difference(row["email_id"], row["message_key"], row["received_at"], was, would_be)
        if len(rows) < _PAGE:
            return
        after = rows[-1]["seq"]


async def _again(
    session: Session, keys: Mapping[str, bytes], tenant_id: UUID, row: Any, headers: HeaderLoader
) -> Decision:
    message, holds = await incoming.load(session, tenant_id, row["email_id"])
    facts = await evidence.gather(session, keys, message, holds, headers=headers)
    answers = await session.fetch(
        """select kind, resolution from tasks where tenant_id = $1 and email_id = $2 and resolution is not null
            order by created_at""",
        tenant_id,
        row["email_id"],
    )
    return decide(_as_new_mail(facts), [Answered.model_validate(dict(answer)) for answer in answers])


def _as_new_mail(facts: Facts) -> Facts:
    """Without the conversation it began, of which it is a part by now."""
    conversation: dict[str, Any] = {"threads": [], "token": None, "tickets": {}, "proposals": [], "sightings": []}
    return facts.model_copy(update={**conversation, "circuits": [], "counts": {}})


def _essence(decision: Decision) -> tuple[Any, ...]:
    if decision.action != "create":
        return decision.action, decision.reason
    return (
        decision.action,
        decision.defaults_id,
        decision.client_id,
        decision.priority,
        decision.assignee_id,
        decision.tags,
    )


async def _described(session: Session, tenant_id: UUID, decision: Decision) -> str:
    if decision.action == "ask" and decision.question is not None:
        return f"a question for a person ({decision.question.kind})"
    if decision.action != "create":
        return f"{decision.action} ({decision.reason})" if decision.reason else decision.action
    names = await session.fetchrow(
        """select (select name from inbound_defaults where tenant_id = $1 and defaults_id = $2) as destination,
                  (select name from clients where tenant_id = $1 and client_id = $3) as client,
                  (select email from users where tenant_id = $1 and user_id = $4) as assignee""",
        tenant_id,
        decision.defaults_id,
        decision.client_id,
        decision.assignee_id,
    )
    assert names is not None
    parts = [
        f"a ticket in {names['destination'] or 'a destination that is gone'}",
        f"for {names['client']}" if names["client"] else "",
        f"priority {decision.priority}" if decision.priority else "",
        f"assigned to {names['assignee']}" if names["assignee"] else "",
        f"tagged {', '.join(decision.tags)}" if decision.tags else "",
    ]
    return ", ".join(part for part in parts if part)
