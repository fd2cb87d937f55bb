"""Sources that notify: hints, watches, how a mailbox's syncs go, and the slots that all workers share."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from storage.database import Database

if TYPE_CHECKING:
    from storage.database import Session

# A lease outlives the longest request; after a crash the slot is free again this much later.
LEASE = timedelta(minutes=3)
_SLOT_POLL = (0.05, 0.2)


@dataclass(frozen=True, slots=True)
class SyncState:
    """How a mailbox's syncs go. Times are aware; `connected_at` is when the mailbox was added."""

    connected_at: datetime
    auth_failures: int
    blocked_until: datetime | None
    hinted_at: datetime | None
    watch_failures: int
    watch_retry_at: datetime | None
    watches_checked_at: datetime | None
    pull_failure: str | None
    setbacks: int

    @property
    def blocked(self) -> bool:
        return self.blocked_until is not None and self.blocked_until > datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class StoredWatch:
    """A watch that the source confirmed."""

    what: str
    watch_id: str
    expires_at: datetime
    renew_at: datetime


@dataclass(frozen=True, slots=True)
class WatchOwner:
    """Whose notifications a watch brings, and the digest of the secret that each of them must show."""

    tenant_id: UUID
    mailbox_id: UUID
    secret_sha256: bytes


def secret_digest(secret: str) -> bytes:
    """What is stored of a watch's secret: it is random, so a plain digest is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def sync_state(session: Session, tenant_id: UUID, mailbox_id: UUID) -> SyncState:
    """Raises LookupError for an unknown mailbox."""
    row = await session.fetchrow(
        """select m.created_at as connected_at, coalesce(s.auth_failures, 0) as auth_failures, s.blocked_until,
                  s.hinted_at, coalesce(s.watch_failures, 0) as watch_failures, s.watch_retry_at, s.watches_checked_at,
                  s.pull_failure, coalesce(s.setbacks, 0) as setbacks
             from mailboxes m left join mailbox_syncs s using (tenant_id, mailbox_id)
            where m.tenant_id = $1 and m.mailbox_id = $2""",
        tenant_id,
        mailbox_id,
    )
    if row is None:
        raise LookupError(f"no mailbox {mailbox_id}")
    return SyncState(**dict(row))


async def set_sync_state(session: Session, tenant_id: UUID, mailbox_id: UUID, **values: Any) -> None:
    """Writes some columns of `mailbox_syncs`, whose names are the keywords."""
    names = list(values)
    if not set(names) <= _WRITABLE:
        raise ValueError("no such column of mailbox_syncs")
    columns = ", ".join(names)
    places = ", ".join(f"${n}" for n in range(3, len(names) + 3))
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    await session.execute(
        f"""insert into mailbox_syncs (tenant_id, mailbox_id, {columns}) values ($1, $2, {places})
            on conflict (tenant_id, mailbox_id) do update set {updates}""",  # noqa: S608 (names checked above)
        tenant_id,
        mailbox_id,
        *values.values(),
    )


_WRITABLE = {"auth_failures", "blocked_until", "watch_failures", "watch_retry_at", "watches_checked_at", "pull_failure",
             "setbacks"}  # fmt: skip


async def cursor(session: Session, tenant_id: UUID, mailbox_id: UUID, *, lock: bool = False) -> dict[str, Any] | None:
    """The one cursor of a source that keeps its folders together."""
    found = "select cursor from folder_cursors where tenant_id = $1 and mailbox_id = $2 and folder = ''"
    value: dict[str, Any] | None = await session.fetchval(
        f"{found} for update" if lock else found, tenant_id, mailbox_id
    )
    return value


async def known_locators(session: Session, tenant_id: UUID, mailbox_id: UUID, locators: Sequence[str]) -> set[str]:
    rows = await session.fetch(
        "select locator from emails where tenant_id = $1 and mailbox_id = $2 and locator = any($3)",
        tenant_id,
        mailbox_id,
        list(locators),
    )
    return {row["locator"] for row in rows}


async def listed_blind(session: Session, tenant_id: UUID, mailbox_id: UUID, locator: str) -> bool:
    """Whether nothing but its id was known when it was listed, at a source where every message has a conversation."""
    return bool(
        await session.fetchval(
            """select provider_thread_id is null from emails
                where tenant_id = $1 and mailbox_id = $2 and locator = $3""",
            tenant_id,
            mailbox_id,
            locator,
        )
    )


async def store_secret(session: Session, tenant_id: UUID, mailbox_id: UUID, sealed: str) -> None:
    """A mailbox that was removed meanwhile keeps none."""
    await session.execute(
        "update mailboxes set sealed_secret = $3 where tenant_id = $1 and mailbox_id = $2 and state <> 'removed'",
        tenant_id,
        mailbox_id,
        sealed,
    )


async def hold_secret(session: Session, mailbox_id: UUID) -> None:
    """Waits until no other transaction holds the mailbox's secret, and holds it until this one ends."""
    await session.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"secret/{mailbox_id}")


# Watches -----------------------------------------------------------------------------------------------


async def watches(session: Session, tenant_id: UUID, mailbox_id: UUID) -> dict[str, StoredWatch]:
    """By what they watch."""
    rows = await session.fetch(
        """select what, watch_id, expires_at, renew_at from mailbox_watches
            where tenant_id = $1 and mailbox_id = $2""",
        tenant_id,
        mailbox_id,
    )
    return {row["what"]: StoredWatch(**dict(row)) for row in rows}


async def store_watch(session: Session, tenant_id: UUID, mailbox_id: UUID, watch: StoredWatch, secret: str) -> None:
    """A new watch, in place of an earlier one on the same."""
    await session.execute(
        """insert into mailbox_watches (tenant_id, mailbox_id, what, watch_id, secret_sha256, expires_at, renew_at)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (tenant_id, mailbox_id, what) do update
             set watch_id = excluded.watch_id, secret_sha256 = excluded.secret_sha256,
                 expires_at = excluded.expires_at, renew_at = excluded.renew_at, renewed_at = now()""",
        tenant_id,
        mailbox_id,
        watch.what,
        watch.watch_id,
        secret_digest(secret),
        watch.expires_at,
        watch.renew_at,
    )


async def watch_renewed(session: Session, tenant_id: UUID, mailbox_id: UUID, watch: StoredWatch) -> None:
    await session.execute(
        """update mailbox_watches set watch_id = $4, expires_at = $5, renew_at = $6, renewed_at = now()
            where tenant_id = $1 and mailbox_id = $2 and what = $3""",
        tenant_id,
        mailbox_id,
        watch.what,
        watch.watch_id,
        watch.expires_at,
        watch.renew_at,
    )


async def forget_watch(session: Session, tenant_id: UUID, mailbox_id: UUID, watch_id: str) -> None:
    await session.execute(
        "delete from mailbox_watches where tenant_id = $1 and mailbox_id = $2 and watch_id = $3",
        tenant_id,
        mailbox_id,
        watch_id,
    )


async def renewal_due(session: Session, tenant_id: UUID, mailbox_id: UUID, watch_id: str) -> None:
    """The source asks for a renewal; a storm of such requests is one renewal in ten minutes."""
    await session.execute(
        """update mailbox_watches set renew_at = least(renew_at, now())
            where tenant_id = $1 and mailbox_id = $2 and watch_id = $3
              and renewed_at < now() - interval '10 minutes'""",
        tenant_id,
        mailbox_id,
        watch_id,
    )


async def watch_owner(db: Database, watch_id: str) -> WatchOwner | None:
    async with db.directory() as session:
        row = await session.fetchrow("select * from directory_watch($1)", watch_id)
    return WatchOwner(**dict(row)) if row else None


# Hints -------------------------------------------------------------------------------------------------


async def hint(db: Database, mailbox_ids: Sequence[UUID]) -> datetime:
    """Makes it durable that these mailboxes have something new, in one statement, whatever their tenants.

    Returns the database's time, which no hint stored before is younger than.
    """
    async with db.directory() as session:
        stored: datetime = await session.fetchval("select directory_hint($1)", list(mailbox_ids))
    return stored


async def hints_signalled(db: Database, told: Mapping[UUID, datetime]) -> None:
    """Each of these mailboxes' workflows knows of every hint up to this time, by the database's clock."""
    # In one order everywhere, so that two of these cannot deadlock.
    ids = sorted(told)
    async with db.directory() as session:
        await session.execute(
            """select count(directory_hints_signalled(array[told.id], told.until))
                 from unnest($1::uuid[], $2::timestamptz[]) as told (id, until)""",
            ids,
            [told[mailbox_id] for mailbox_id in ids],
        )


async def hints_owed(db: Database) -> dict[UUID, datetime]:
    """Mailboxes whose workflow was not told of their last hint yet, with its time."""
    async with db.directory() as session:
        rows = await session.fetch("select * from directory_hints_owed()")
    return {row["mailbox_id"]: row["hinted_at"] for row in rows}


# Quota and slots ---------------------------------------------------------------------------------------


async def spend(db: Database, tenant_id: UUID, mailbox_id: UUID, units: int, units_per_minute: int) -> float:
    """Takes units of the mailbox's quota, against every other worker; seconds until they may be used.

    A sixth of a minute's units may go at once, the others come back evenly: so no minute sees more than its own.
    """
    per_second = units_per_minute * 5 / 6 / 60
    async with db.tenant(tenant_id) as session:
        ahead: float = await session.fetchval(
            """insert into mailbox_syncs as s (tenant_id, mailbox_id, spent_until)
               values ($1, $2, clock_timestamp() + $3)
               on conflict (tenant_id, mailbox_id) do update
                 set spent_until = greatest(s.spent_until, clock_timestamp()) + $3
               returning extract(epoch from spent_until - clock_timestamp())::float8""",
            tenant_id,
            mailbox_id,
            timedelta(seconds=units / per_second),
        )
    return max(ahead - units_per_minute / 6 / per_second, 0.0)


@asynccontextmanager
async def slot(db: Database, tenant_id: UUID, mailbox_id: UUID, slots: int) -> AsyncIterator[None]:
    """One of the mailbox's `slots`, against every other worker; waits for a free one."""
    lease_id = uuid4()
    while not await _lease(db, tenant_id, mailbox_id, slots, lease_id):  # noqa: ASYNC110 (others free it)
        await asyncio.sleep(random.uniform(*_SLOT_POLL))  # noqa: S311 (only spreads the waiting)
    try:
        yield
    finally:
        async with db.tenant(tenant_id) as session:
            await session.execute(
                "delete from source_slots where tenant_id = $1 and mailbox_id = $2 and lease_id = $3",
                tenant_id,
                mailbox_id,
                lease_id,
            )


async def _lease(db: Database, tenant_id: UUID, mailbox_id: UUID, slots: int, lease_id: UUID) -> bool:
    async with db.tenant(tenant_id) as session:
        taken = await session.fetchval(
            """insert into source_slots (tenant_id, mailbox_id, slot, leased_until, lease_id)
               select $1, $2, n, now() + $5, $4 from generate_series(1, $3) as n
                where not exists (select from source_slots s where s.tenant_id = $1 and s.mailbox_id = $2
                                     and s.slot = n and s.leased_until > now())
                order by n limit 1
               on conflict (tenant_id, mailbox_id, slot) do update
                 set leased_until = excluded.leased_until, lease_id = excluded.lease_id
               where source_slots.leased_until <= now()
               returning slot""",
            tenant_id,
            mailbox_id,
            slots,
            lease_id,
            LEASE,
        )
    return taken is not None
