"""The policies of tenants and mailboxes, `domain.policy`, as stored. What no longer holds reads as the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from domain.policy import MailboxPolicy, TenantPolicy

if TYPE_CHECKING:
    from storage.database import Session

P = TypeVar("P", bound=BaseModel)


def read(model: type[P], stored: Any) -> P:
    """A policy written by an older release may hold what this one refuses: a mail must not fail for that."""
    try:
        return model.model_validate(stored)
    except ValidationError:
        return model()


async def tenant(session: Session, tenant_id: UUID) -> TenantPolicy:
    return read(TenantPolicy, await session.fetchval("select policy from tenants where tenant_id = $1", tenant_id))


async def mailbox(session: Session, tenant_id: UUID, mailbox_id: UUID) -> MailboxPolicy:
    """Raises LookupError for a mailbox that does not exist."""
    stored = await session.fetchval(
        "select policy from mailboxes where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )
    if stored is None:
        raise LookupError(f"no mailbox {mailbox_id}")
    return read(MailboxPolicy, stored)


async def set_tenant(session: Session, tenant_id: UUID, policy: TenantPolicy, *, actor: str) -> None:
    await session.execute(
        """with changed as (update tenants set policy = $2 where tenant_id = $1 returning 1)
           insert into audit (tenant_id, actor, action, object, detail)
           select $1, $3, 'set_policy', 'tenant', $2 from changed""",
        tenant_id,
        _stored(policy),
        actor,
    )


async def set_mailbox(
    session: Session, tenant_id: UUID, mailbox_id: UUID, policy: MailboxPolicy, *, actor: str
) -> None:
    await session.execute(
        """with changed as (update mailboxes set policy = $3 where tenant_id = $1 and mailbox_id = $2 returning 1)
           insert into audit (tenant_id, actor, action, object, detail)
           select $1, $4, 'set_policy', 'mailbox/' || $2, $3 from changed""",
        tenant_id,
        mailbox_id,
        _stored(policy),
        actor,
    )


def _stored(policy: BaseModel) -> dict[str, Any]:
    return policy.model_dump(mode="json", exclude_defaults=True)
