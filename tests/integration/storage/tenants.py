"""Tenants with a mailbox each, for tests of what keeps them apart."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from storage import people
from storage.database import Database


@dataclass(frozen=True)
class Tenant:
    tenant_id: UUID
    mailbox_id: UUID


async def tenant(db: Database, name: str) -> Tenant:
    tenant_id = uuid4()
    async with db.tenant(tenant_id) as session:
        await people.ensure_tenant(session, tenant_id, name)
        await people.add_defaults(session, tenant_id, "Standard", "Support")
        added = await people.add_mailbox(session, tenant_id, f"support@{name}.example", "smtp")
    return Tenant(tenant_id, added.mailbox_id)
