"""Who writes to an organisation: its clients with their domains, its contacts with their addresses."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage import audit

if TYPE_CHECKING:
    from storage.database import Session


async def page(session: Session, tenant_id: UUID, *, after: tuple[str, UUID] | None, limit: int) -> list[Any]:
    """Clients by name: `client_id`, `name`, `key` (with the id, what `after` takes), `defaults_id`, `destination` (its
    name), `domains` (each {domain, defaults_id, destination}), `aliases`, `contacts` (how many)."""
    name, client_id = after or ("", UUID(int=0))
    return await session.fetch(
        """select c.client_id, c.name, lower(c.name) as key, c.defaults_id, d.name as destination,
                  (select coalesce(jsonb_agg(jsonb_build_object('domain', cd.domain, 'defaults_id', cd.defaults_id,
                            'destination', dd.name) order by cd.domain), '[]')
                     from client_domains cd
                     left join inbound_defaults dd on dd.tenant_id = $1 and dd.defaults_id = cd.defaults_id
                    where cd.tenant_id = $1 and cd.client_id = c.client_id) as domains,
                  (select count(*) from contacts p where p.tenant_id = $1 and p.client_id = c.client_id) as contacts,
                  array(select alias from client_aliases a
                         where a.tenant_id = $1 and a.client_id = c.client_id order by 1) as aliases
             from clients c left join inbound_defaults d on d.tenant_id = $1 and d.defaults_id = c.defaults_id
            where c.tenant_id = $1 and (lower(c.name), c.client_id) > ($2, $3)
            order by lower(c.name), c.client_id limit $4""",
        tenant_id,
        name,
        client_id,
        limit,
    )


async def contacts(session: Session, tenant_id: UUID, *, after: tuple[str, UUID] | None, limit: int) -> list[Any]:
    """Contacts by address: `contact_id`, `name`, `address`, `also` (further addresses), `client_id`, `client_name`,
    `defaults_id`, `destination`, `bounced` (soft or hard, if mail to the address came back)."""
    address, contact_id = after or ("", UUID(int=0))
    return await session.fetch(
        """select p.contact_id, p.name, p.address, p.client_id, c.name as client_name, p.defaults_id,
                  d.name as destination, case when b.hard then 'hard' when not b.hard then 'soft' end as bounced,
                  array(select address from contact_addresses a
                         where a.tenant_id = $1 and a.contact_id = p.contact_id order by 1) as also
             from contacts p
             left join clients c on c.tenant_id = $1 and c.client_id = p.client_id
             left join inbound_defaults d on d.tenant_id = $1 and d.defaults_id = p.defaults_id
             left join bounced_addresses b on b.tenant_id = $1 and b.address = p.address
            where p.tenant_id = $1 and (p.address, p.contact_id) > ($2, $3)
            order by p.address, p.contact_id limit $4""",
        tenant_id,
        address,
        contact_id,
        limit,
    )


class AliasTaken(Exception):
    """Another client has this alias already; the text says which one to a person."""


async def set_aliases(
    session: Session, tenant_id: UUID, client_id: UUID, aliases: Collection[str], *, actor: str
) -> list[str]:
    """The other names by which rules recognise a client in a mail, whatever their case; audited.

    Returns them as stored. Raises LookupError for an unknown client, AliasTaken; nothing is changed then.
    """
    # Two who save at a time take turns; the lock ends with the transaction.
    await session.execute("select from tenants where tenant_id = $1 for update", tenant_id)
    if not await session.fetchval(
        "select true from clients where tenant_id = $1 and client_id = $2", tenant_id, client_id
    ):
        raise LookupError(f"no client {client_id}")
    wanted = sorted({" ".join(alias.lower().split()) for alias in aliases} - {""})
    taken = await session.fetchrow(
        """select a.alias, c.name from client_aliases a join clients c using (tenant_id, client_id)
            where a.tenant_id = $1 and a.alias = any($2) and a.client_id <> $3 limit 1""",
        tenant_id,
        wanted,
        client_id,
    )
    if taken is not None:
        raise AliasTaken(f"“{taken['alias']}” is an alias of {taken['name']} already.")
    await session.execute(
        "delete from client_aliases where tenant_id = $1 and client_id = $2 and alias <> all($3)",
        tenant_id,
        client_id,
        wanted,
    )
    await session.execute(
        """insert into client_aliases (tenant_id, alias, client_id) select $1, a, $2 from unnest($3::text[]) as a
           on conflict do nothing""",
        tenant_id,
        client_id,
        wanted,
    )
    await audit.record(session, tenant_id, actor, "set_aliases", f"client/{client_id}", {"aliases": wanted})
    return wanted
