"""The people who write here: their addresses, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage import audit, senders, tenants
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session


class Refused(Exception):
    """This contact cannot be; the text says why to a person."""


_CONTACT = """
select p.contact_id, p.name, p.address, p.client_id, c.name as client_name, p.defaults_id,
       d.name as destination, case when b.hard then 'hard' when not b.hard then 'soft' end as bounced,
       array(select address from contact_addresses a
              where a.tenant_id = $1 and a.contact_id = p.contact_id order by 1) as also
  from contacts p
  left join clients c on c.tenant_id = $1 and c.client_id = p.client_id
  left join inbound_defaults d on d.tenant_id = $1 and d.defaults_id = p.defaults_id
  left join bounced_addresses b on b.tenant_id = $1 and b.address = p.address
 where p.tenant_id = $1"""


async def page(session: Session, tenant_id: UUID, *, after: tuple[str, UUID] | None, limit: int) -> list[Any]:
    """Contacts by address: `contact_id`, `name`, `address`, `also` (further addresses), `client_id`, `client_name`,
    `defaults_id`, `destination`, `bounced` (soft or hard, if mail to the address came back)."""
    address, contact_id = after or ("", UUID(int=0))
    return await session.fetch(
        f"{_CONTACT} and (p.address, p.contact_id) > ($2, $3) order by p.address, p.contact_id limit $4",
        tenant_id,
        address,
        contact_id,
        limit,
    )


async def get(session: Session, tenant_id: UUID, contact_id: UUID) -> Any:
    """A row as `page` has them; None for an unknown contact."""
    return await session.fetchrow(f"{_CONTACT} and p.contact_id = $2", tenant_id, contact_id)


async def save(
    session: Session,
    tenant_id: UUID,
    contact_id: UUID | None,
    *,
    name: str,
    address: str,
    also: Collection[str],
    client_id: UUID | None,
    actor: str,
) -> UUID:
    """Changes a contact, or (None) adds one; audited. Addresses are as `ascii_address` spells them.

    Raises LookupError for an unknown contact, Refused; nothing is changed then.
    """
    await tenants.take_turns(session, tenant_id)
    before = await get(session, tenant_id, contact_id) if contact_id is not None else None
    if contact_id is not None and before is None:
        raise LookupError(f"no contact {contact_id}")
    further = sorted(set(also) - {address})
    await _check(session, tenant_id, contact_id, [address, *further], client_id)
    saved: UUID = await session.fetchval(
        """insert into contacts (tenant_id, contact_id, client_id, name, address) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, contact_id) do update
             set client_id = excluded.client_id, name = excluded.name, address = excluded.address
           returning contact_id""",
        tenant_id,
        contact_id or new_id(),
        client_id,
        name,
        address,
    )
    await senders.set_addresses(session, tenant_id, saved, further)
    now = _audited({"name": name, "address": address, "also": further, "client_id": client_id})
    await audit.record_saved(session, tenant_id, actor, "contact", saved, before and _audited(before), now)
    return saved


def _audited(contact: Mapping[str, Any]) -> dict[str, Any]:
    client_id = contact["client_id"]
    kept = {name: contact[name] for name in ("name", "address", "also")}
    return {**kept, "client_id": str(client_id) if client_id else None}


async def _check(
    session: Session, tenant_id: UUID, contact_id: UUID | None, addresses: list[str], client_id: UUID | None
) -> None:
    """Somebody may write for several clients, as one contact of each; then a person is asked. Other doubles are a
    mistake: two of one client, or one of a client beside one of none."""
    if client_id is not None and not await session.fetchval(
        "select true from clients where tenant_id = $1 and client_id = $2", tenant_id, client_id
    ):
        raise Refused("There is no such client.")
    taken = await session.fetchrow(
        """select used.address, p.name, c.name as client
             from (select address, contact_id from contacts where tenant_id = $1 and address = any($2)
                   union all
                   select address, contact_id from contact_addresses where tenant_id = $1 and address = any($2)) used
             join contacts p on p.tenant_id = $1 and p.contact_id = used.contact_id
             left join clients c on c.tenant_id = $1 and c.client_id = p.client_id
            where p.contact_id is distinct from $3
              and ($4::uuid is null or p.client_id is null or p.client_id = $4)
            order by used.address limit 1""",
        tenant_id,
        addresses,
        contact_id,
        client_id,
    )
    if taken is not None:
        whose = f"{taken['name']} of {taken['client']}" if taken["client"] else taken["name"]
        raise Refused(f"{taken['address']} is an address of {whose} already: change that contact.")
