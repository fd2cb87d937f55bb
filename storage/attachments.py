"""The attachments of a message: its manifest, and what became of each part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session


async def pending(session: Session, tenant_id: UUID, email_id: UUID) -> set[str]:
    """The sha256 of every part that is not stored yet."""
    rows = await session.fetch(
        "select distinct sha256 from attachments where tenant_id = $1 and email_id = $2 and state = 'pending'",
        tenant_id,
        email_id,
    )
    return {row["sha256"] for row in rows}


async def settle(session: Session, tenant_id: UUID, email_id: UUID, stored: set[str]) -> None:
    """Marks the pending parts: stored, or skipped because their bytes could not be read a second time."""
    await session.execute(
        """update attachments set state = case when sha256 = any($3) then 'stored' else 'skipped' end,
                  reason = case when sha256 = any($3) then '' else 'unreadable' end
            where tenant_id = $1 and email_id = $2 and state = 'pending'""",
        tenant_id,
        email_id,
        list(stored),
    )


async def get(session: Session, tenant_id: UUID, attachment_id: UUID) -> Any:
    return await session.fetchrow(
        "select * from attachments where tenant_id = $1 and attachment_id = $2", tenant_id, attachment_id
    )
