"""Which tenant a command works for: the one it names, or the only one there is."""

from __future__ import annotations

from uuid import UUID

from storage import tenants
from storage.database import Database
from workers.admin import CLI, DEFAULT_NAME, DEFAULT_TENANT
from workers.command import Refused


async def which(db: Database, wanted: str | None) -> UUID:
    """The tenant with this id or name; None is the only one. Raises Refused."""
    known = await tenants.names(db)
    if not known:
        raise Refused("There is no tenant yet: `postroom user add` makes the first one.")
    found = [tenant_id for tenant_id, name in known.items() if wanted in (None, str(tenant_id), name)]
    if len(found) != 1:
        shown = ", ".join(f"{name} ({tenant_id})" for tenant_id, name in known.items())
        raise Refused(f"Say which tenant with --tenant, by its id or name: {shown}.")
    return found[0]


async def which_or_first(db: Database, wanted: str | None) -> UUID:
    """As `which`, for commands that add something: they make the first tenant, with inbound defaults and no more."""
    if wanted is None and not await tenants.names(db):
        async with db.tenant(DEFAULT_TENANT) as session:
            await tenants.ensure(session, DEFAULT_TENANT, DEFAULT_NAME, actor=CLI)
    return await which(db, wanted)
