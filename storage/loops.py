"""The loop governor's counts and circuits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.decision import CircuitKey
from domain.facts import Circuit
from domain.governor import BUCKET, WINDOW, count_name
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

# Open, and not run out: with a person still asked, or with mail of the storm within the last hour.
_LIVE = (
    """c.closed_at is null and (e.outcome is null or (e.outcome = 'discarded' and c.last_at > now() - $2::interval))"""
)


class NotOpen(Exception):
    """The circuit is closed already."""


async def counts(session: Session, tenant_id: UUID, keys: Sequence[CircuitKey]) -> dict[str, int]:
    """Automated mails of the last hour, by `count_name`."""
    rows = await session.fetch(
        """select scope, key, sum(mails)::bigint as mails from loop_counts
            where tenant_id = $1 and (scope, key) in (select * from unnest($2::text[], $3::text[]))
              and bucket > now() - $4::interval
            group by scope, key""",
        tenant_id,
        [key.scope for key in keys],
        [key.key for key in keys],
        WINDOW,
    )
    return {f"{row['scope']}:{row['key']}": row["mails"] for row in rows}


async def count_mail(session: Session, tenant_id: UUID, keys: Sequence[CircuitKey]) -> None:
    """Counts one automated mail, to be called in the transaction that commits its outcome. Old buckets go."""
    # In one order everywhere, so that two commits cannot deadlock.
    ordered = sorted(keys, key=count_name)
    await session.execute(
        """insert into loop_counts as l (tenant_id, scope, key, bucket, mails)
           select $1, k.scope, k.key, date_bin($4::interval, now(), 'epoch'), 1
             from unnest($2::text[], $3::text[]) as k (scope, key)
           on conflict (tenant_id, scope, key, bucket) do update set mails = l.mails + 1""",
        tenant_id,
        [key.scope for key in ordered],
        [key.key for key in ordered],
        BUCKET,
    )
    await session.execute(
        """delete from loop_counts where ctid = any(array(
             select ctid from loop_counts where tenant_id = $1 and bucket < now() - $2::interval
              limit 20 for update skip locked))""",
        tenant_id,
        2 * WINDOW,
    )


async def live_circuits(session: Session, tenant_id: UUID) -> list[Circuit]:
    """The open circuits and those released within the hour; `verdict` is what became of the mail that asks about it."""
    rows = await session.fetch(
        f"""select c.scope, c.key, c.email_id, e.outcome, c.closed_at is not null as released
             from circuits c join emails e using (tenant_id, email_id)
            where c.tenant_id = $1 and (({_LIVE}) or (c.closed_by = 'released' and c.closed_at > now() - $2::interval))
            order by c.opened_at desc limit 1000""",  # noqa: S608 (constants only)
        tenant_id,
        WINDOW,
    )
    return [
        Circuit(
            scope=row["scope"],
            key=row["key"],
            email_id=row["email_id"],
            verdict="released" if row["released"] else "discarded" if row["outcome"] == "discarded" else "undecided",
        )
        for row in rows
    ]


async def open_circuit(session: Session, tenant_id: UUID, key: CircuitKey, email_id: UUID) -> bool:
    """Opens a circuit with this mail as its alert; False when another mail was first."""
    await session.execute(
        """update circuits c set closed_at = now(), closed_by = 'expired' from emails e
            where c.tenant_id = $1 and e.tenant_id = $1 and e.email_id = c.email_id
              and c.scope = $3 and c.key = $4 and c.closed_at is null and c.email_id <> $5 and e.outcome is not null
              and not (e.outcome = 'discarded' and c.last_at > now() - $2::interval)""",
        tenant_id,
        WINDOW,
        key.scope,
        key.key,
        email_id,
    )
    mine = await session.fetchval(
        """with opened as (
             insert into circuits (tenant_id, circuit_id, scope, key, email_id) values ($1, $2, $3, $4, $5)
             on conflict do nothing returning email_id),
           noted as (
             insert into audit (tenant_id, actor, action, object, detail)
             select $1, 'loop governor', 'open_circuit', 'circuit/' || $2, jsonb_build_object('scope', $3, 'key', $4)
               from opened)
           select true from opened
           union all
           select email_id = $5 from circuits where tenant_id = $1 and scope = $3 and key = $4 and closed_at is null""",
        tenant_id,
        new_id(),
        key.scope,
        key.key,
        email_id,
    )
    return bool(mine)


async def touch(session: Session, tenant_id: UUID) -> None:
    """A mail of a storm was excluded: its circuit stays open for another hour."""
    await session.execute(
        "update circuits set last_at = now() where tenant_id = $1 and closed_at is null and last_at < now()", tenant_id
    )


async def release(session: Session, tenant_id: UUID, email_id: UUID) -> None:
    """The alert's mail was let through: its circuits close, and for an hour nothing opens them again."""
    await _close(session, tenant_id, "email_id = $3", email_id, "released")


async def reset(session: Session, tenant_id: UUID, circuit_id: UUID, *, actor: str) -> None:
    """An admin closes a circuit; its counts begin anew. Raises LookupError, NotOpen."""
    if not await session.fetchval(
        "select true from circuits where tenant_id = $1 and circuit_id = $2", tenant_id, circuit_id
    ):
        raise LookupError("no circuit with this id")
    if not await _close(session, tenant_id, "circuit_id = $3", circuit_id, actor):
        raise NotOpen
    await session.execute(
        "insert into audit (tenant_id, actor, action, object) values ($1, $2, 'reset_circuit', $3)",
        tenant_id,
        actor,
        f"circuit/{circuit_id}",
    )


async def circuits(session: Session, tenant_id: UUID, *, limit: int = 100) -> list[Any]:
    """Circuits as people see them, newest first; `state` is open, waiting (for a person) or closed."""
    return await session.fetch(
        f"""select c.*, case when not ({_LIVE}) then 'closed'
                             when e.outcome is null then 'waiting' else 'open' end as state
             from circuits c join emails e using (tenant_id, email_id)
            where c.tenant_id = $1 order by c.opened_at desc limit $3""",  # noqa: S608 (constants only)
        tenant_id,
        WINDOW,
        limit,
    )


async def open_by_scope(session: Session, tenant_id: UUID) -> dict[str, int]:
    """How many circuits are open."""
    rows = await session.fetch(
        f"""select c.scope, count(*) as n from circuits c join emails e using (tenant_id, email_id)
            where c.tenant_id = $1 and {_LIVE} group by c.scope""",  # noqa: S608 (constants only)
        tenant_id,
        WINDOW,
    )
    return {row["scope"]: row["n"] for row in rows}


async def _close(session: Session, tenant_id: UUID, which: str, value: UUID, by: str) -> bool:
    closed = await session.fetch(
        f"""update circuits set closed_at = now(), closed_by = $2
             where tenant_id = $1 and {which} and closed_at is null returning scope, key""",  # noqa: S608
        tenant_id,
        by,
        value,
    )
    await session.execute(
        """delete from loop_counts where tenant_id = $1
              and (scope, key) in (select * from unnest($2::text[], $3::text[]))""",
        tenant_id,
        [row["scope"] for row in closed],
        [row["key"] for row in closed],
    )
    return bool(closed)
