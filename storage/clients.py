"""Who writes to an organisation: its clients with their domains, its contacts with their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session


async def page(session: Session, tenant_id: UUID, *, after: tuple[str, UUID] | None, limit: int) -> list[Any]:
    """Clients by name: `client_id`, `name`, `key` (with the id, what `after` takes), `defaults_id`, `destination` (its
    name), `domains` (each {domain, defaults_id, destination}), `contacts` (how many)."""
    name, client_id = after or ("", UUID(int=0))
    return await session.fetch(
        """select c.client_id, c.name, lower(c.name) as key, c.defaults_id, d.name as destination,
                  (select coalesce(jsonb_agg(jsonb_build_object('domain', cd.domain, 'defaults_id', cd.defaults_id,
                            'destination', dd.name) order by cd.domain), '[]')
                     from client_domains cd
                     left join inbound_defaults dd on dd.tenant_id = $1 and dd.defaults_id = cd.defaults_id
                    where cd.tenant_id = $1 and cd.client_id = c.client_id) as domains,
                  (select count(*) from contacts p where p.tenant_id = $1 and p.client_id = c.client_id) as contacts
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
