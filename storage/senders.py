"""Who an address is to a tenant: one of its users, one of its mailboxes, or somebody of a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.address import FREEMAIL, ascii_address, canonical, domain_of
from domain.facts import SenderMatch

if TYPE_CHECKING:
    from storage.database import Session


@dataclass(slots=True)
class Known:
    internal: bool = False
    own_mailbox: bool = False
    matches: list[SenderMatch] = field(default_factory=list)


# Ranks: what people said about the address, contacts (first and further addresses), what they said about the domain,
# the domains of clients (the longest, so the most specific, wins), contacts that belong to no client.
_IDENTIFY = """
select -1 as rank, 0 as length, 'user' as how, null::uuid as client_id, null::uuid as contact_id, null as name,
       null::uuid as contact_defaults, null::uuid as client_defaults, null::uuid as domain_defaults
  from users where tenant_id = $1 and email = any($2)
union all
select -1, 0, 'mailbox', null, null, null, null, null, null
  from mailboxes where tenant_id = $1 and address = any($2)
union all
select case when t.client_id is null then 4 else 1 end, 0, 'contact', t.client_id, t.contact_id, c.name,
       t.defaults_id, c.defaults_id, null
  from (select contact_id from contacts where tenant_id = $1 and address = any($2)
        union select contact_id from contact_addresses where tenant_id = $1 and address = any($2)) found
  join contacts t on t.tenant_id = $1 and t.contact_id = found.contact_id
  left join clients c on c.tenant_id = $1 and c.client_id = t.client_id
union all
select case a.kind when 'address' then 0 else 2 end, length(a.value), 'association', a.client_id, null, c.name,
       null, c.defaults_id, null
  from sender_associations a join clients c on c.tenant_id = $1 and c.client_id = a.client_id
 where a.tenant_id = $1 and ((a.kind = 'address' and a.value = any($2)) or (a.kind = 'domain' and a.value = any($3)))
union all
select 3, length(d.domain), 'domain', d.client_id, null, c.name, null, c.defaults_id, d.defaults_id
  from client_domains d join clients c on c.tenant_id = $1 and c.client_id = d.client_id
 where d.tenant_id = $1 and d.domain = any($3)"""


async def identify(session: Session, tenant_id: UUID, address: str) -> Known:
    """`address` in canonical spelling; matches are the best of their rank, several if they are equally good."""
    if not address:
        return Known()
    # A domain beyond ASCII comes spelled in two ways; people and mail give either.
    spellings = list({address, ascii_address(address)})
    rows = await session.fetch(_IDENTIFY, tenant_id, spellings, domains(address))
    hows = {row["how"] for row in rows}
    people = [row for row in rows if row["rank"] >= 0]
    best = min(((row["rank"], -row["length"]) for row in people), default=None)
    contact_of = {row["client_id"]: row["contact_id"] for row in people if row["contact_id"]}
    return Known(
        internal="user" in hows,
        own_mailbox="mailbox" in hows,
        matches=[_match(row, contact_of) for row in people if (row["rank"], -row["length"]) == best],
    )


def domains(address: str) -> list[str]:
    """The domain of an address and those above it down to two labels; none for freemail, where everybody is."""
    domain = domain_of(ascii_address(address))
    if domain in FREEMAIL:
        return []
    labels = domain.split(".")
    return [".".join(labels[place:]) for place in range(len(labels) - 1)][:10]


def _match(row: Any, contact_of: dict[UUID | None, UUID]) -> SenderMatch:
    return SenderMatch(
        client_id=row["client_id"],
        client_name=row["name"] or "",
        contact_id=contact_of.get(row["client_id"]) or contact_of.get(None),
        how=row["how"],
        contact_defaults=row["contact_defaults"],
        client_defaults=row["client_defaults"],
        domain_defaults=row["domain_defaults"],
    )


async def set_addresses(session: Session, tenant_id: UUID, contact_id: UUID, addresses: Sequence[str]) -> None:
    """The further addresses a contact writes from, beside its first."""
    await session.execute(
        "delete from contact_addresses where tenant_id = $1 and contact_id = $2 and address <> all($3)",
        tenant_id,
        contact_id,
        [canonical(address) for address in addresses],
    )
    await session.execute(
        """insert into contact_addresses (tenant_id, address, contact_id) select $1, a, $2 from unnest($3::text[]) as a
           on conflict do nothing""",
        tenant_id,
        contact_id,
        [canonical(address) for address in addresses],
    )
