"""Two tickets that are one conversation become one, and can become two again.

A merge keeps what it moved (`ticket_merges`), so that undoing it moves back exactly that; what came since stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage import audit, participants
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

# What a ticket has, and the key of each.
_BELONGINGS = {
    "comments": "comment_id",
    "emails": "email_id",
    "ticket_message_ids": "message_id",
    "outbound_messages": "message_id",
}


class NotMergeable(Exception):
    """These tickets cannot be merged or separated; the text says why to a person. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Undone:
    """The ticket that is its own again; how many comments it got back, and how many that came since stay away."""

    number: int
    comments: int
    stayed: int


async def merge(session: Session, tenant_id: UUID, ticket_id: UUID, into: UUID, *, actor: str, why: str = "") -> None:
    """Everything of a ticket moves to another one, to which the emptied one points; audited.

    Raises LookupError for an unknown ticket, NotMergeable for one that was merged already.
    """
    tickets = await _lock(session, tenant_id, [ticket_id, into])
    if ticket_id == into:
        raise NotMergeable("A ticket cannot be merged into itself.")
    for ticket in tickets.values():
        if ticket["status"] == "merged":
            raise NotMergeable(f"#{ticket['number']} was merged into another ticket already.")
    was = tickets[ticket_id]
    moved = {
        table: [row["id"] for row in await _move(session, tenant_id, table, ticket_id, into)] for table in _BELONGINGS
    }
    await participants.copy(session, tenant_id, ticket_id, into)
    followers = await session.fetch(
        """update tickets set merged_into = $3, updated_at = now() where tenant_id = $1 and merged_into = $2
           returning ticket_id""",
        tenant_id,
        ticket_id,
        into,
    )
    await session.execute(
        """with merged as (
             update tickets set status = 'merged', merged_into = $3, updated_at = now()
              where tenant_id = $1 and ticket_id = $2),
           grown as (update tickets set updated_at = now() where tenant_id = $1 and ticket_id = $3)
           insert into ticket_merges (tenant_id, merge_id, ticket_id, merged_into, was, was_closed_at, comments, emails,
                                      message_ids, outbound, followers, merged_by)
           values ($1, $4, $2, $3, $5, $6, $7, $8, $9, $10, $11, $12)""",
        tenant_id,
        ticket_id,
        into,
        new_id(),
        was["status"],
        was["closed_at"],
        moved["comments"],
        moved["emails"],
        moved["ticket_message_ids"],
        moved["outbound_messages"],
        [row["ticket_id"] for row in followers],
        actor,
    )
    await audit.record(session, tenant_id, actor, "merge", f"ticket/{ticket_id}", {"into": str(into), "why": why})


async def undo(session: Session, tenant_id: UUID, ticket_id: UUID, *, actor: str) -> Undone:
    """A merged ticket gets back what it had, its former status too; audited. Raises LookupError, NotMergeable."""
    ticket = (await _lock(session, tenant_id, [ticket_id]))[ticket_id]
    if ticket["status"] != "merged":
        raise NotMergeable(f"#{ticket['number']} is not merged into another ticket.")
    record = await session.fetchrow(
        """select * from ticket_merges where tenant_id = $1 and ticket_id = $2 and undone_at is null for update""",
        tenant_id,
        ticket_id,
    )
    if record is None:
        raise NotMergeable("This merge was made by an older release, which kept no record of what it moved.")
    into = record["merged_into"]
    target = (await _lock(session, tenant_id, [into]))[into]
    if target["status"] == "merged":
        raise NotMergeable(f"#{target['number']} was merged into another ticket since: undo that first.")
    back = {
        table: await _move(session, tenant_id, table, into, ticket_id, record[column])
        for table, column in zip(_BELONGINGS, ("comments", "emails", "message_ids", "outbound"), strict=True)
    }
    await participants.take_back(session, tenant_id, ticket_id, into, record["emails"])
    await _reinstate(session, tenant_id, record)
    await session.execute(
        """update ticket_merges set undone_by = $3, undone_at = now() where tenant_id = $1 and merge_id = $2""",
        tenant_id,
        record["merge_id"],
        actor,
    )
    await audit.record(session, tenant_id, actor, "undo_merge", f"ticket/{ticket_id}", {"from": str(into)})
    stayed: int = await session.fetchval(
        "select count(*) from comments where tenant_id = $1 and ticket_id = $2 and created_at > $3",
        tenant_id,
        into,
        record["merged_at"],
    )
    return Undone(ticket["number"], len(back["comments"]), stayed)


async def merged_here(session: Session, tenant_id: UUID, ticket_id: UUID) -> list[Any]:
    """The merges that made this ticket what it is and can be undone, newest first: `ticket_id`, `number`, `subject`,
    `merged_by`, `merged_at`."""
    return await session.fetch(
        """select m.ticket_id, t.number, t.subject, m.merged_by, m.merged_at from ticket_merges m
             join tickets t using (tenant_id, ticket_id)
            where m.tenant_id = $1 and m.merged_into = $2 and m.undone_at is null order by m.merged_at desc limit 50""",
        tenant_id,
        ticket_id,
    )


async def _lock(session: Session, tenant_id: UUID, ticket_ids: list[UUID]) -> dict[UUID, Any]:
    """The tickets, locked in one order everywhere, so that two merges cannot deadlock. Raises LookupError."""
    rows = await session.fetch(
        """select ticket_id, number, status, closed_at from tickets where tenant_id = $1 and ticket_id = any($2)
            order by ticket_id for update""",
        tenant_id,
        ticket_ids,
    )
    found = {row["ticket_id"]: row for row in rows}
    for ticket_id in ticket_ids:
        if ticket_id not in found:
            raise LookupError(f"no ticket {ticket_id}")
    return found


async def _move(
    session: Session, tenant_id: UUID, table: str, source: UUID, target: UUID, only: list[Any] | None = None
) -> list[Any]:
    """Moves the belongings of a ticket, or some of them."""
    key = _BELONGINGS[table]
    chosen = "" if only is None else f" and {key} = any($4)"
    arguments = [] if only is None else [only]
    return await session.fetch(
        f"""update {table} set ticket_id = $3 where tenant_id = $1 and ticket_id = $2{chosen}
            returning {key} as id""",  # noqa: S608 (constants only)
        tenant_id,
        source,
        target,
        *arguments,
    )


async def _reinstate(session: Session, tenant_id: UUID, record: Any) -> None:
    # In two steps: a trigger notes the time of closing, which is to be the former one.
    await session.execute(
        """update tickets set status = $3, merged_into = null, updated_at = now()
            where tenant_id = $1 and ticket_id = $2""",
        tenant_id,
        record["ticket_id"],
        record["was"],
    )
    await session.execute(
        "update tickets set closed_at = $3 where tenant_id = $1 and ticket_id = $2",
        tenant_id,
        record["ticket_id"],
        record["was_closed_at"],
    )
    await session.execute(
        """update tickets set merged_into = $2 where tenant_id = $1 and ticket_id = any($3) and status = 'merged'""",
        tenant_id,
        record["ticket_id"],
        record["followers"],
    )
