"""The outbox of outgoing events, their subscribers, and the deliveries owed to each, in order about each thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from domain.events import EndpointRef, EventKind
from domain.standard_webhooks import new_secret
from storage.secrets import KeyRing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Database, Session

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A subscriber. `reason` says why postroom itself paused it."""

    endpoint_id: UUID
    url: str
    description: str
    kinds: list[EventKind]
    state: str
    reason: str
    created_at: datetime
    pending: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """The oldest delivery that is owed for what it is about, with the event's content."""

    seq: int
    event_id: UUID
    kind: str
    created_at: datetime
    data: dict[str, Any]
    attempts: int


_ENDPOINTS = """
  select e.endpoint_id, e.url, e.description, e.kinds, e.state, e.reason, e.created_at,
         (select count(*) from event_deliveries d where d.tenant_id = $1 and d.endpoint_id = e.endpoint_id
           and d.state = 'pending')::int as pending,
         (select count(*) from event_deliveries d where d.tenant_id = $1 and d.endpoint_id = e.endpoint_id
           and d.state = 'dead')::int as dead
    from event_endpoints e where e.tenant_id = $1"""


async def owed(db: Database) -> list[EndpointRef]:
    """The active endpoints to which something is due now, of every tenant."""
    async with db.directory() as session:
        rows = await session.fetch("select tenant_id, endpoint_id from directory_owed_events()")
    return [EndpointRef(tenant_id=r["tenant_id"], endpoint_id=r["endpoint_id"]) for r in rows]


async def add_endpoint(
    session: Session, keyring: KeyRing, tenant_id: UUID, url: str, kinds: Sequence[str], description: str = ""
) -> tuple[UUID, str]:
    """A new subscriber: its id, and its secret, which is shown this once."""
    endpoint_id, secret = uuid4(), new_secret()
    await session.execute(
        """insert into event_endpoints (tenant_id, endpoint_id, url, description, kinds, sealed_secret)
           values ($1, $2, $3, $4, $5, $6)""",
        tenant_id,
        endpoint_id,
        url,
        description,
        list(kinds),
        keyring.seal(secret.encode(), tenant_id=tenant_id, table="event_endpoints", row=str(endpoint_id)),
    )
    return endpoint_id, secret


async def endpoints(session: Session, tenant_id: UUID) -> list[Endpoint]:
    rows = await session.fetch(f"{_ENDPOINTS} order by e.created_at, e.endpoint_id", tenant_id)
    return [Endpoint(**dict(row)) for row in rows]


async def endpoint(session: Session, tenant_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    row = await session.fetchrow(f"{_ENDPOINTS} and e.endpoint_id = $2", tenant_id, endpoint_id)
    return Endpoint(**dict(row)) if row else None


async def target(session: Session, keyring: KeyRing, endpoint: EndpointRef) -> tuple[str, str] | None:
    """URL and secret of an active endpoint. Raises SecretError."""
    row = await session.fetchrow(
        """select url, sealed_secret from event_endpoints
            where tenant_id = $1 and endpoint_id = $2 and state = 'active'""",
        endpoint.tenant_id,
        endpoint.endpoint_id,
    )
    if row is None:
        return None
    secret = keyring.open(
        row["sealed_secret"], tenant_id=endpoint.tenant_id, table="event_endpoints", row=str(endpoint.endpoint_id)
    )
    return row["url"], secret.decode()


async def set_state(session: Session, tenant_id: UUID, endpoint_id: UUID, state: str, reason: str = "") -> bool:
    """Pauses it, or lets it go on; False when there is none. What comes meanwhile stays owed."""
    tag = await session.execute(
        "update event_endpoints set state = $3, reason = $4 where tenant_id = $1 and endpoint_id = $2",
        tenant_id,
        endpoint_id,
        state,
        reason,
    )
    return bool(tag == "UPDATE 1")


async def remove_endpoint(session: Session, tenant_id: UUID, endpoint_id: UUID) -> bool:
    tag = await session.execute(
        "delete from event_endpoints where tenant_id = $1 and endpoint_id = $2", tenant_id, endpoint_id
    )
    return bool(tag == "DELETE 1")


async def due(session: Session, endpoint: EndpointRef, limit: int) -> list[Due]:
    """The oldest owed delivery for each thing, where its time has come."""
    rows = await session.fetch(
        """select h.seq, e.event_id, e.kind, e.created_at, e.data, h.attempts
             from (select distinct on (about) seq, next_at, attempts from event_deliveries
                    where tenant_id = $1 and endpoint_id = $2 and state = 'pending' order by about, seq) h
             join events e on e.tenant_id = $1 and e.seq = h.seq
            where h.next_at <= now() order by h.seq limit $3""",
        endpoint.tenant_id,
        endpoint.endpoint_id,
        limit,
    )
    return [Due(**dict(row)) for row in rows]


async def delivered(session: Session, endpoint: EndpointRef, seq: int) -> None:
    await session.execute(
        """update event_deliveries set state = 'delivered', attempts = attempts + 1, delivered_at = now(),
                  last_error = '' where tenant_id = $1 and endpoint_id = $2 and seq = $3""",
        endpoint.tenant_id,
        endpoint.endpoint_id,
        seq,
    )


async def failed(session: Session, endpoint: EndpointRef, seq: int, error: str, again_in: timedelta | None) -> None:
    """An attempt came to nothing; without `again_in` it was the last, and the next event about the same may go."""
    await session.execute(
        """update event_deliveries set attempts = attempts + 1, last_error = $4,
                  state = case when $5::interval is null then 'dead' else 'pending' end,
                  next_at = now() + coalesce($5, interval '0')
            where tenant_id = $1 and endpoint_id = $2 and seq = $3""",
        endpoint.tenant_id,
        endpoint.endpoint_id,
        seq,
        error,
        again_in,
    )


async def dead_letters(
    session: Session, tenant_id: UUID, endpoint_id: UUID, *, after: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """What was given up: `seq, event_id, kind, about, created_at, attempts, last_error`, in order."""
    rows = await session.fetch(
        """select d.seq, e.event_id, e.kind, d.about, e.created_at, d.attempts, d.last_error
             from event_deliveries d join events e using (tenant_id, seq)
            where d.tenant_id = $1 and d.endpoint_id = $2 and d.state = 'dead' and d.seq > $3
            order by d.seq limit $4""",
        tenant_id,
        endpoint_id,
        after,
        limit,
    )
    return [dict(row) for row in rows]


async def retry(session: Session, tenant_id: UUID, endpoint_id: UUID, seq: int | None = None) -> int:
    """Owes dead letters anew: one of them, or all; how many."""
    tag: str = await session.execute(
        """update event_deliveries set state = 'pending', attempts = 0, next_at = now()
            where tenant_id = $1 and endpoint_id = $2 and state = 'dead' and ($3::bigint is null or seq = $3)""",
        tenant_id,
        endpoint_id,
        seq,
    )
    return int(tag.rpartition(" ")[2])


async def listed(
    session: Session, tenant_id: UUID, *, after: int = 0, kinds: Sequence[str] = (), limit: int = 50
) -> list[dict[str, Any]]:
    """Events in order: `seq, event_id, kind, about, created_at, data`. None comes later with a lower number."""
    settled = await session.fetchval("select events_settled()")
    rows = await session.fetch(
        """select seq, event_id, kind, about, created_at, data from events
            where tenant_id = $1 and seq > $2 and seq <= $5 and (cardinality($3::text[]) = 0 or kind = any($3))
            order by seq limit $4""",
        tenant_id,
        after,
        list(kinds),
        limit,
        settled,
    )
    return [dict(row) for row in rows]


async def before_last(session: Session, tenant_id: UUID, count: int, kinds: Sequence[str] = ()) -> int:
    """The number after which only the newest `count` events come."""
    number: int | None = await session.fetchval(
        """select seq from events where tenant_id = $1 and (cardinality($2::text[]) = 0 or kind = any($2))
              and seq <= $4 order by seq desc offset $3 limit 1""",
        tenant_id,
        list(kinds),
        max(count, 0),
        await session.fetchval("select events_settled()"),
    )
    return number or 0


async def forget(session: Session, tenant_id: UUID) -> None:
    """Drops what is older than `KEPT` and owed to nobody."""
    await session.execute(
        """delete from events e where e.tenant_id = $1 and e.created_at < now() - $2::interval
              and not exists (select from event_deliveries d
                               where d.tenant_id = $1 and d.seq = e.seq and d.state = 'pending')""",
        tenant_id,
        KEPT,
    )
