"""Where new mail goes before the mailbox's own defaults: the destination of a contact, a client, a client's domain."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from domain.address import ascii_domain

if TYPE_CHECKING:
    from storage.database import Session


class NoDestination(Exception):
    """These inbound defaults do not exist; the text says so to a person."""


async def of_contact(
    session: Session, tenant_id: UUID, contact_id: UUID, defaults_id: UUID | None, *, actor: str
) -> None:
    """None takes it away. Raises LookupError for an unknown contact, NoDestination."""
    await _assign(session, tenant_id, "contacts", "contact_id = $3", contact_id, defaults_id, actor)


async def of_client(
    session: Session, tenant_id: UUID, client_id: UUID, defaults_id: UUID | None, *, actor: str
) -> None:
    """None takes it away. Raises LookupError for an unknown client, NoDestination."""
    await _assign(session, tenant_id, "clients", "client_id = $3", client_id, defaults_id, actor)


async def of_domain(session: Session, tenant_id: UUID, domain: str, defaults_id: UUID | None, *, actor: str) -> None:
    """For every client that has the domain. None takes it away. Raises LookupError if none has, NoDestination."""
    try:
        spelled = ascii_domain(domain)
    except ValueError:
        raise LookupError(f"{domain} is no domain") from None
    await _assign(session, tenant_id, "client_domains", "domain = $3", spelled, defaults_id, actor)


async def _assign(
    session: Session,
    tenant_id: UUID,
    table: str,
    which: str,
    value: UUID | str,
    defaults_id: UUID | None,
    actor: str,
) -> None:
    found = await session.fetchval(
        f"select true from {table} where tenant_id = $1 and {which.replace('$3', '$2')} limit 1",  # noqa: S608
        tenant_id,
        value,
    )
    if not found:
        raise LookupError(f"nothing in {table} to assign a destination to")
    if defaults_id is not None and not await session.fetchval(
        "select true from inbound_defaults where tenant_id = $1 and defaults_id = $2", tenant_id, defaults_id
    ):
        raise NoDestination("There are no such inbound defaults.")
    await session.execute(
        f"update {table} set defaults_id = $2 where tenant_id = $1 and {which}",  # noqa: S608 (constants)
        tenant_id,
        defaults_id,
        value,
    )
    await session.execute(
        "insert into audit (tenant_id, actor, action, object, detail) values ($1, $2, 'set_destination', $3, $4)",
        tenant_id,
        actor,
        f"{table}/{value}",
        {"defaults_id": str(defaults_id) if defaults_id else None},
    )
