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
from domain.rules import CompiledRules, RuleSet
from domain.task import Answered
from storage import evidence, incoming
from storage.evidence import HeaderLoader, Headers
from storage.incoming import Incoming
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Database, Session

# A mail that is not in the ledger comes after all that are.
_LAST = (1 << 63) - 1
_PAGE = 50

# Given a message's email id and the sha256 of its raw bytes (None once these are gone): what loads its header fields.
HeadersOf = Callable[[UUID, str | None], HeaderLoader]


async def explain(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    mailbox_id: UUID,
    raw: bytes,
    email: ParsedEmail,
    headers: Headers,
    draft: RuleSet | None = None,
) -> Decision:
    """The decision about a raw message, were it delivered to this mailbox now, under the rules in force or (`draft`)
    others. Raises LookupError for no mailbox."""
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
    compiled = CompiledRules(draft) if draft is not None else None
    return decide(await evidence.gather(session, keys, message, holds, headers=loaded, draft=compiled), ())


@dataclass(frozen=True, slots=True)
class Difference:
    """A past mail that would land elsewhere; `was` and `would_be` say where in a few words."""

    email_id: UUID
    message_key: str
    received_at: datetime
    was: str
    would_be: str


_REPLAYED = """e.tenant_id = $1 and e.seq > $2 and e.received_at >= $3
  and (e.outcome = 'ticket' or e.reason in ('rule', 'unknown_sender'))"""


async def count_replayed(session: Session, tenant_id: UUID, since: datetime) -> int:
    """How many past mails `replay_rules` looks at."""
    count: int = await session.fetchval(
        f"select count(*) from emails e where {_REPLAYED}",  # noqa: S608 (constants only)
        tenant_id,
        0,
        since,
    )
    return count


async def replay_rules(
    db: Database,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    since: datetime,
    headers_of: HeadersOf,
) -> AsyncIterator[Difference | None]:
    """Decides every past new mail since `since` (aware) again, with the answers people gave.

    Yields once for each: what differs, or None. Each page of mails is read in a transaction of its own, so that a long
    replay holds none open.
    """
    after = 0
    while True:
        async with db.tenant(tenant_id) as session:
            rows = await session.fetch(
                f"""select e.email_id, e.seq, e.message_key, e.received_at, e.raw_sha256, d.record from emails e
                      join decisions d using (tenant_id, email_id)
                      join email_contents c using (tenant_id, email_id)
                     where {_REPLAYED} order by e.seq limit $4""",  # noqa: S608 (constants only)
                tenant_id,
                after,
                since,
                _PAGE,
            )
            page = [await _difference(session, keys, tenant_id, row, headers_of) for row in rows]
        for difference in page:
            yield difference
        if len(rows) < _PAGE:
            return
        after = rows[-1]["seq"]


async def _difference(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    row: Any,
    headers_of: HeadersOf,
) -> Difference | None:
    recorded = Decision.model_validate(row["record"])
    now = await _again(session, keys, tenant_id, row, headers_of(row["email_id"], row["raw_sha256"]))
    if _essence(recorded) == _essence(now):
        return None
    was = await _described(session, tenant_id, recorded)
    would_be = await _described(session, tenant_id, now)
    return Difference(row["email_id"], row["message_key"], row["received_at"], was, would_be)


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
