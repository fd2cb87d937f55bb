"""`postroom tenant add|list`: the organisations that share this installation."""

from __future__ import annotations

import argparse

from storage import tenants
from storage.database import Database
from storage.ledger import new_id
from workers.admin import CLI
from workers.command import Refused, one_name
from workers.settings import Settings


async def add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    name = one_name(args.name, "A tenant's")
    # Commands name tenants, and whoever may sign in to several chooses by the name.
    if name.lower() in (known.lower() for known in (await tenants.names(db)).values()):
        raise Refused(f"There is a tenant named {name} already: `postroom tenant list` shows them.")
    tenant_id = new_id()
    async with db.tenant(tenant_id) as session:
        await tenants.ensure(session, tenant_id, name, actor=CLI)
    print(tenant_id)
    return 0


async def show(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    for tenant_id, name in (await tenants.names(db)).items():
        async with db.tenant(tenant_id) as session:
            has = await tenants.size(session, tenant_id)
        print(f"{tenant_id}  {name:30}  users: {has['users']}, mailboxes: {has['mailboxes']}")
    return 0
