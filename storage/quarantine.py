"""Mail that was stopped: held until a person releases it, impossible to process, infected, or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from uuid import UUID

from storage import trace

if TYPE_CHECKING:
    from storage.database import Session

# Held by a rule, as part of a storm, for its sender; not processable; with infected attachments; discarded.
Group = Literal["rule", "loop", "sender", "repair", "infected", "discarded"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
# The groups whose mail waits for an answer.
WAITING: Final[tuple[Group, ...]] = ("rule", "loop", "sender", "repair")

_GROUP = """case when k.kind = 'repair_message' then 'repair'
                 when k.options -> 0 ->> 'id' = 'release:rule' then 'rule'
                 when k.options -> 0 ->> 'id' = 'release:loop' then 'loop' else 'sender' end"""
_HELD = f"""
select k.task_id, k.kind, k.question, k.options, k.default_option, k.deadline, k.created_at, k.email_id,
       m.address as mailbox, p.subject, sender(p.sender_name, p.sender_address) as sender, e.received_at,
       c.parsed ->> 'html' <> '' as has_html, left(c.parsed ->> 'text', 400) as excerpt, {_GROUP} as held_as
  from tasks k
  join mailboxes m using (tenant_id, mailbox_id)
  join emails e on e.tenant_id = k.tenant_id and e.email_id = k.email_id
  left join email_contents p on p.tenant_id = k.tenant_id and p.email_id = k.email_id
  left join email_contents c on c.tenant_id = k.tenant_id and c.email_id = k.email_id
 where k.tenant_id = $1 and k.state = 'open' and k.kind in ('release_message', 'repair_message')"""  # noqa: S608 (constants only)


async def held(session: Session, tenant_id: UUID, group: Group, *, limit: int) -> list[Any]:
    """Mail of one of `WAITING`, the oldest first."""
    return await session.fetch(
        f"select * from ({_HELD}) held where held_as = $2 order by created_at, task_id limit $3",  # noqa: S608
        tenant_id,
        group,
        limit,
    )


async def counts(session: Session, tenant_id: UUID) -> dict[Group, int]:
    """How much there is of each group."""
    waiting = await session.fetch(
        f"""select {_GROUP} as held_as, count(*) as n from tasks k
             where k.tenant_id = $1 and k.state = 'open' and k.kind in ('release_message', 'repair_message')
             group by 1""",  # noqa: S608 (constants only)
        tenant_id,
    )
    found = {row["held_as"]: row["n"] for row in waiting}
    found["infected"] = await session.fetchval(
        "select count(distinct email_id) from attachments where tenant_id = $1 and state = 'infected'", tenant_id
    )
    found["discarded"] = await session.fetchval(
        "select count(*) from emails where tenant_id = $1 and outcome = 'discarded'", tenant_id
    )
    return {group: found.get(group, 0) for group in GROUPS}


async def emails(
    session: Session, tenant_id: UUID, group: Group, *, before: int | None = None, limit: int
) -> list[Any]:
    """The latest mail of `infected` or `discarded`, ledger sequence below `before`."""
    condition = (
        "outcome = 'discarded'"
        if group == "discarded"
        else "email_id in (select email_id from attachments where tenant_id = $1 and state = 'infected')"
    )
    rows = await session.fetch(
        f"""select email_id from emails where tenant_id = $1 and {condition}
               and seq < coalesce($3, 9223372036854775807) order by seq desc limit $2""",  # noqa: S608 (constants only)
        tenant_id,
        limit,
        before,
    )
    return await trace.several(session, tenant_id, [row["email_id"] for row in rows])
