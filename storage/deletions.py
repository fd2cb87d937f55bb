"""Deleting objects that are shared: a key names its content, so several messages may refer to one object.

Whoever adds a reference holds a shared lock on the key from before it looks whether the object is there until its
transaction ends; whoever deletes holds it alone while it looks for references. So an object that somebody refers to
is always there, whatever happens at the same moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from storage.database import Database
from storage.objects import Objects, part_key, raw_key

if TYPE_CHECKING:
    from storage.database import Session

# Objects in one transaction, each behind a lock.
BATCH = 20


class Vanished(OSError):
    """The object was deleted after it was put, before anybody referred to it: put it once more."""


async def hold(session: Session, objects: Objects, keys: Iterable[str]) -> None:
    """Before references to these objects are written here. Raises Vanished; then nothing is to be committed."""
    wanted = sorted(set(keys))
    if not wanted:
        return
    # In one order everywhere; a deletion never waits, so nobody can wait for the other.
    await session.execute(
        "select pg_advisory_xact_lock_shared(hashtextextended(key, 0)) from unnest($1::text[]) as key", wanted
    )
    there = await asyncio.gather(*(objects.exists(key) for key in wanted))
    if not all(there):
        raise Vanished("an object was deleted meanwhile")


async def owe(session: Session, tenant_id: UUID, raw: Sequence[str], parts: Sequence[str]) -> None:
    """Has these objects, by sha256, deleted once nobody refers to them; to be called in the change that lets go."""
    await session.execute(
        """insert into object_deletions (tenant_id, kind, sha256)
           select $1::uuid, 'raw', sha256 from unnest($2::text[]) as sha256
           union select $1::uuid, 'part', sha256 from unnest($3::text[]) as sha256
           on conflict do nothing""",
        tenant_id,
        list(raw),
        list(parts),
    )


async def work_off(db: Database, objects: Objects, tenant_id: UUID) -> bool:
    """Deletes some of what is owed; True when there may be more. What is in use right now waits for the next time."""
    async with db.tenant(tenant_id) as session:
        owed = await session.fetch(
            """select kind, sha256 from object_deletions where tenant_id = $1
                order by asked_at limit $2 for update skip locked""",
            tenant_id,
            BATCH,
        )
        settled = [row for row in owed if await _settled(session, objects, tenant_id, row["kind"], row["sha256"])]
        await session.execute(
            """delete from object_deletions o using unnest($2::text[], $3::text[]) as done (kind, sha256)
                where o.tenant_id = $1 and o.kind = done.kind and o.sha256 = done.sha256""",
            tenant_id,
            [row["kind"] for row in settled],
            [row["sha256"] for row in settled],
        )
    return len(settled) == BATCH


async def _settled(session: Session, objects: Objects, tenant_id: UUID, kind: str, sha256: str) -> bool:
    """Deletes one object unless somebody refers to it; False when it is being written at this moment."""
    key = raw_key(tenant_id, sha256) if kind == "raw" else part_key(tenant_id, sha256)
    if not await session.fetchval("select pg_try_advisory_xact_lock(hashtextextended($1, 0))", key):
        return False
    reference = (
        "select from emails where tenant_id = $1 and raw_sha256 = $2 and raw_deleted_at is null"
        if kind == "raw"
        else """select from attachments
                 where tenant_id = $1 and sha256 = $2 and state in ('stored', 'infected', 'unscanned')"""
    )
    # A statement of its own after the lock: it sees every reference that was committed before.
    if not await session.fetchval(f"select exists ({reference})", tenant_id, sha256):
        await objects.delete(key)
    return True
