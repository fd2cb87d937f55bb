"""`postroom client add|list`: the organisations that write here, for a first import and for scripts."""

from __future__ import annotations

import argparse

from domain.address import client_domain
from storage import clients
from storage.database import Database
from workers import tenants
from workers.admin import CLI
from workers.command import Refused, one_name
from workers.settings import Settings

_PAGE = 500


async def add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    name = one_name(args.name, "A client's")
    tenant_id = await tenants.which_or_first(db, args.tenant)
    try:
        domains = [client_domain(domain) for domain in args.domain]
        async with db.tenant(tenant_id) as session:
            print(await clients.save(session, tenant_id, None, name=name, domains=domains, actor=CLI))
    except (ValueError, clients.Refused) as error:
        raise Refused(str(error)) from None
    return 0


async def show(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which(db, args.tenant)
    after, rows = None, None
    async with db.tenant(tenant_id) as session:
        while rows is None or len(rows) == _PAGE:
            rows = await clients.page(session, tenant_id, after=after, limit=_PAGE)
            for row in rows:
                print(
                    f"{row['client_id']}  {row['name']}  {' '.join(each['domain'] for each in row['domains'])}".rstrip()
                )
                after = (row["key"], row["client_id"])
    return 0
