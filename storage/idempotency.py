"""The answers to requests that carried an `Idempotency-Key`, kept for a day for whoever asks again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session

KEPT = timedelta(hours=24)
# A request that has not answered by then never will: its process died.
PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Kept:
    """The request that came first. `status` is None while it is at work; `overdue`: it will never answer."""

    request_sha256: bytes
    status: int | None
    content_type: str
    body: str
    overdue: bool


async def begin(session: Session, tenant_id: UUID, token_id: UUID, key: str, request_sha256: bytes) -> Kept | None:
    """Claims the key for this request; when another one has it, that one."""
    await session.execute(
        "delete from idempotency_keys where tenant_id = $1 and created_at < now() - $2::interval", tenant_id, KEPT
    )
    # The update changes nothing: it makes the statement wait for, and return, the row of a request that was quicker.
    row = await session.fetchrow(
        """insert into idempotency_keys as k (tenant_id, token_id, key, request_sha256) values ($1, $2, $3, $4)
           on conflict (tenant_id, token_id, key) do update set key = k.key
           returning request_sha256, status, content_type, body, created_at < now() - $5::interval as overdue,
                     xmax = 0 as claimed""",
        tenant_id,
        token_id,
        key,
        request_sha256,
        PATIENCE,
    )
    assert row is not None
    first = dict(row)
    return None if first.pop("claimed") else Kept(**first)


async def finish(
    session: Session, tenant_id: UUID, token_id: UUID, key: str, status: int, content_type: str, body: str
) -> None:
    await session.execute(
        """update idempotency_keys set status = $4, content_type = $5, body = $6
            where tenant_id = $1 and token_id = $2 and key = $3""",
        tenant_id,
        token_id,
        key,
        status,
        content_type,
        body,
    )


async def forget(session: Session, tenant_id: UUID, token_id: UUID, key: str) -> None:
    """The request failed and may be sent again with the same key."""
    await session.execute(
        "delete from idempotency_keys where tenant_id = $1 and token_id = $2 and key = $3", tenant_id, token_id, key
    )
