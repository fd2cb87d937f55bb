"""The tenants of an installation: what each needs before its first mail, and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage import audit, people

if TYPE_CHECKING:
    from storage.database import Database, Session


async def ensure(session: Session, tenant_id: UUID, name: str, *, actor: str) -> None:
    """A tenant with inbound defaults; audited. Safe to repeat: what was renamed since stays as it is."""
    if await people.ensure_tenant(session, tenant_id, name):
        await audit.record(session, tenant_id, actor, "add_tenant", f"tenant/{tenant_id}", {"name": name})
    # Without any, every mail would wait.
    if not await session.fetchval("select true from inbound_defaults where tenant_id = $1 limit 1", tenant_id):
        await people.add_defaults(session, tenant_id, "Standard", "Support")


async def take_turns(session: Session, tenant_id: UUID) -> None:
    """Two who save at a time wait for each other; the lock ends with the transaction."""
    await session.execute("select from tenants where tenant_id = $1 for update", tenant_id)


async def ids(db: Database) -> list[UUID]:
    """Every tenant of the installation."""
    async with db.directory() as session:
        return [row["tenant_id"] for row in await session.fetch("select tenant_id from directory_tenants()")]


async def names(db: Database) -> dict[UUID, str]:
    """Every tenant of the installation and its name, by name."""
    found = {}
    for tenant_id in await ids(db):
        async with db.tenant(tenant_id) as session:
            found[tenant_id] = await session.fetchval("select name from tenants where tenant_id = $1", tenant_id)
    return dict(sorted(found.items(), key=lambda item: (item[1].lower(), item[0])))


async def size(session: Session, tenant_id: UUID) -> Any:
    """How many `users` may sign in, and how many `mailboxes` there are."""
    return await session.fetchrow(
        """select (select count(*) from users where tenant_id = $1 and active) as users,
                  (select count(*) from mailboxes where tenant_id = $1 and state <> 'removed') as mailboxes""",
        tenant_id,
    )
