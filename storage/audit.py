"""The audit log: who did what to which thing, written in the transaction that did it. Nothing in it ever changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session


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
