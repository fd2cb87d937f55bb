"""The audit log: who did what to which thing, written in the transaction that did it. Nothing in it ever changes.

The rows of a tenant form a hash chain, which the database extends at each commit (`audit_chain`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the log is wanted; empty fields filter nothing. `thing` is `kind/id`, or the kind of many things."""

    actor: str = ""
    action: str = ""
    thing: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What the chain says. `broken` is the position of the first link that does not hold.

    `head` are position and hash of the last link: whoever keeps them elsewhere sees later if the end was cut off.
    `retained_from` is the position of the oldest row that retention has left.
    """

    links: int
    broken: int | None
    head: tuple[int, bytes]
    retained_from: int


async def record(
    session: Session, tenant_id: UUID, actor: str, action: str, thing: str, detail: Mapping[str, Any] | None = None
) -> None:
    """One row. `thing` is `kind/id`; `detail` is what it is now, or `changed: {field: [before, after]}`."""
    await session.execute(
        "insert into audit (tenant_id, actor, action, object, detail) values ($1, $2, $3, $4, $5)",
        tenant_id,
        actor,
        action,
        thing,
        dict(detail or {}),
    )


async def record_saved(
    session: Session,
    tenant_id: UUID,
    actor: str,
    what: str,
    thing_id: UUID,
    was: Mapping[str, Any] | None,
    now: Mapping[str, Any],
) -> None:
    """`add_…` where there was nothing (None), `change_…` with what is another one now; no row where nothing is."""
    thing = f"{what}/{thing_id}"
    if was is None:
        await record(session, tenant_id, actor, f"add_{what}", thing, now)
    elif changed := {name: [was[name], now[name]] for name in now if was[name] != now[name]}:
        await record(session, tenant_id, actor, f"change_{what}", thing, {"changed": changed})


_WANTED = """
  tenant_id = $1 and ($2 = '' or actor = $2) and ($3 = '' or action = $3)
  and ($4 = '' or object = $4 or starts_with(object, $4 || '/'))
  and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)"""


async def page(session: Session, tenant_id: UUID, wanted: Filter, *, before: int | None, limit: int) -> list[Any]:
    """Rows newest first, of those before the row `before`."""
    return await session.fetch(
        f"""select audit_id, at, actor, action, object, detail from audit
             where {_WANTED} and audit_id < coalesce($7, 9223372036854775807)
             order by audit_id desc limit $8""",  # noqa: S608
        *_parameters(tenant_id, wanted),
        before,
        limit,
    )


async def everything(session: Session, tenant_id: UUID, wanted: Filter) -> AsyncIterator[Any]:
    """All rows, oldest first, a few at a time."""
    rows = session.cursor(
        f"select audit_id, at, actor, action, object, detail from audit where {_WANTED} order by audit_id",  # noqa: S608
        *_parameters(tenant_id, wanted),
        prefetch=500,
    )
    async for row in rows:
        yield row


async def get(session: Session, tenant_id: UUID, audit_id: int) -> Any:
    """A row with its link of the chain, and what the same action on the same thing had said before it."""
    return await session.fetchrow(
        """select a.audit_id, a.at, a.actor, a.action, a.object, a.detail, c.position, c.hash,
                  (select b.detail from audit b
                    where b.tenant_id = $1 and b.object = a.object and b.action = a.action and b.audit_id < a.audit_id
                    order by b.audit_id desc limit 1) as detail_before
             from audit a left join audit_chain c using (tenant_id, audit_id)
            where a.tenant_id = $1 and a.audit_id = $2""",
        tenant_id,
        audit_id,
    )


async def actions(session: Session, tenant_id: UUID) -> list[str]:
    """Every action that the log holds."""
    # A loose index scan would do for millions; a tenant's log holds thousands of rows.
    rows = await session.fetch("select distinct action from audit where tenant_id = $1 order by 1", tenant_id)
    return [row["action"] for row in rows]


async def verify(session: Session, tenant_id: UUID) -> Verified:
    """Computes every hash again from its row and the link before it.

    A link whose row is missing holds only at the beginning, where retention removes rows; a row without a link, or
    a gap between positions, never does.
    """
    row = await session.fetchrow(
        """with links as (
             select c.position, c.hash, lag(c.hash, 1, ''::bytea) over w as before, lag(c.position, 1, 0::bigint) over w
                    as previous, a.audit_id as row_id, case when a.audit_id is not null then audit_line(a) end as line
               from audit_chain c left join audit a using (tenant_id, audit_id)
              where c.tenant_id = $1 window w as (order by c.position)),
           oldest as (select coalesce(min(position), 0) as position from links where row_id is not null)
           select (select count(*) from links) as links,
                  (select position from oldest) as retained_from,
                  (select min(position) from links
                    where previous <> position - 1
                       or (row_id is null and position > (select position from oldest))
                       or (row_id is not null and hash <> sha256(before || line))) as broken,
                  exists (select from audit a left join audit_chain c using (tenant_id, audit_id)
                           where a.tenant_id = $1 and c.hash is null) as unlinked""",
        tenant_id,
    )
    assert row is not None
    last = await head(session, tenant_id)
    broken = row["broken"] if row["broken"] is not None else (last[0] + 1 if row["unlinked"] else None)
    return Verified(row["links"], broken, last, row["retained_from"])


async def head(session: Session, tenant_id: UUID) -> tuple[int, bytes]:
    """Position and hash of the last link; (0, b"") for an empty log."""
    row = await session.fetchrow(
        "select position, hash from audit_chain where tenant_id = $1 order by position desc limit 1", tenant_id
    )
    return (row["position"], row["hash"]) if row else (0, b"")


async def link(session: Session, tenant_id: UUID, position: int) -> bytes | None:
    """The hash of one link."""
    found: bytes | None = await session.fetchval(
        "select hash from audit_chain where tenant_id = $1 and position = $2", tenant_id, position
    )
    return found


def _parameters(tenant_id: UUID, wanted: Filter) -> tuple[Any, ...]:
    return tenant_id, wanted.actor, wanted.action, wanted.thing, wanted.since, wanted.until
