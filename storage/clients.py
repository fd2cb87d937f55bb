"""The organisations that write here: their names, their domains, and the other names that rules know them by."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage import audit, tenants
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session


class Refused(Exception):
    """This client cannot be; the text says why to a person."""


_CLIENT = """
select c.client_id, c.name, lower(c.name) as key, c.defaults_id, d.name as destination,
       (select coalesce(jsonb_agg(jsonb_build_object('domain', cd.domain, 'defaults_id', cd.defaults_id,
                 'destination', dd.name) order by cd.domain), '[]')
          from client_domains cd
          left join inbound_defaults dd on dd.tenant_id = $1 and dd.defaults_id = cd.defaults_id
         where cd.tenant_id = $1 and cd.client_id = c.client_id) as domains,
       (select count(*) from contacts p where p.tenant_id = $1 and p.client_id = c.client_id) as contacts,
       array(select alias from client_aliases a
              where a.tenant_id = $1 and a.client_id = c.client_id order by 1) as aliases
  from clients c left join inbound_defaults d on d.tenant_id = $1 and d.defaults_id = c.defaults_id
 where c.tenant_id = $1"""


async def page(session: Session, tenant_id: UUID, *, after: tuple[str, UUID] | None, limit: int) -> list[Any]:
    """Clients by name: `client_id`, `name`, `key` (with the id, what `after` takes), `defaults_id`, `destination` (its
    name), `domains` (each {domain, defaults_id, destination}), `aliases`, `contacts` (how many)."""
    name, client_id = after or ("", UUID(int=0))
    return await session.fetch(
        f"{_CLIENT} and (lower(c.name), c.client_id) > ($2, $3) order by lower(c.name), c.client_id limit $4",
        tenant_id,
        name,
        client_id,
        limit,
    )


async def get(session: Session, tenant_id: UUID, client_id: UUID) -> Any:
    """A row as `page` has them; None for an unknown client."""
    return await session.fetchrow(f"{_CLIENT} and c.client_id = $2", tenant_id, client_id)


async def save(
    session: Session, tenant_id: UUID, client_id: UUID | None, *, name: str, domains: Collection[str], actor: str
) -> UUID:
    """Changes a client, or (None) adds one; audited. `domains` are as `ascii_domain` spells them.

    Raises LookupError for an unknown client, Refused; nothing is changed then.
    """
    await tenants.take_turns(session, tenant_id)
    before = await get(session, tenant_id, client_id) if client_id is not None else None
    if client_id is not None and before is None:
        raise LookupError(f"no client {client_id}")
    wanted = sorted(set(domains))
    await _check(session, tenant_id, client_id, name, wanted)
    saved: UUID = await session.fetchval(
        """insert into clients (tenant_id, client_id, name) values ($1, $2, $3)
           on conflict (tenant_id, client_id) do update set name = excluded.name returning client_id""",
        tenant_id,
        client_id or new_id(),
        name,
    )
    await session.execute(
        "delete from client_domains where tenant_id = $1 and client_id = $2 and domain <> all($3)",
        tenant_id,
        saved,
        wanted,
    )
    # Those that stay keep their destination.
    await session.execute(
        """insert into client_domains (tenant_id, domain, client_id) select $1, d, $2 from unnest($3::text[]) as d
           on conflict do nothing""",
        tenant_id,
        saved,
        wanted,
    )
    was = before and {"name": before["name"], "domains": [each["domain"] for each in before["domains"]]}
    await audit.record_saved(session, tenant_id, actor, "client", saved, was, {"name": name, "domains": wanted})
    return saved


async def _check(session: Session, tenant_id: UUID, client_id: UUID | None, name: str, domains: list[str]) -> None:
    """A rule finds a client by its name, and mail by its domain: neither may be another client's."""
    taken = await session.fetchrow(
        """select name from clients where tenant_id = $1 and lower(name) = lower($2) and client_id is distinct from $3
           union all
           select c.name from client_aliases a join clients c using (tenant_id, client_id)
            where a.tenant_id = $1 and a.alias = lower($2) and client_id is distinct from $3 limit 1""",
        tenant_id,
        name,
        client_id,
    )
    if taken is not None and taken["name"].lower() == name.lower():
        raise Refused(f"There is a client named “{taken['name']}” already.")
    if taken is not None:
        raise Refused(f"“{name}” is an alias of {taken['name']} already.")
    taken = await session.fetchrow(
        """select d.domain, c.name from client_domains d join clients c using (tenant_id, client_id)
            where d.tenant_id = $1 and d.domain = any($2) and d.client_id is distinct from $3
            order by d.domain limit 1""",
        tenant_id,
        domains,
        client_id,
    )
    if taken is not None:
        raise Refused(f"{taken['domain']} belongs to {taken['name']} already: take it away there first.")


class AliasTaken(Exception):
    """Another client has this alias already; the text says which one to a person."""


async def set_aliases(
    session: Session, tenant_id: UUID, client_id: UUID, aliases: Collection[str], *, actor: str
) -> list[str]:
    """The other names by which rules recognise a client in a mail, whatever their case; audited.

    Returns them as stored. Raises LookupError for an unknown client, AliasTaken; nothing is changed then.
    """
    await tenants.take_turns(session, tenant_id)
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
