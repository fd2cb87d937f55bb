"""What answers of people taught about senders: listed, and revocable."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session


async def page(
    session: Session, tenant_id: UUID, *, after: tuple[datetime, str, str] | None = None, limit: int
) -> list[Any]:
    """`kind`, `value`, `client_id`, `client_name`, `learned_by`, `created_at`; newest first, those after `(created_at,
    kind, value)`."""
    created_at, kind, value = after or (None, None, None)
    return await session.fetch(
        """select a.kind, a.value, a.client_id, c.name as client_name, a.learned_by, a.created_at
             from sender_associations a join clients c using (tenant_id, client_id)
            where a.tenant_id = $1
              and ($3::timestamptz is null or a.created_at < $3 or (a.created_at = $3 and (a.kind, a.value) > ($4, $5)))
            order by a.created_at desc, a.kind, a.value limit $2""",
        tenant_id,
        limit,
        created_at,
        kind,
        value,
    )


async def revoke(session: Session, tenant_id: UUID, kind: str, value: str, *, actor: str) -> None:
    """From the next mail on it counts no more; audited. Raises LookupError if there is none."""
    revoked = await session.fetchval(
        """delete from sender_associations where tenant_id = $1 and kind = $2 and value = lower($3)
           returning client_id""",
        tenant_id,
        kind,
        value,
    )
    if revoked is None:
        raise LookupError(f"nothing was learned about this {kind}")
    await session.execute(
        """insert into audit (tenant_id, actor, action, object, detail)
           values ($1, $2, 'revoke_association', $3, $4)""",
        tenant_id,
        actor,
        f"association/{kind}/{value.lower()}",
        {"client_id": str(revoked)},
    )
