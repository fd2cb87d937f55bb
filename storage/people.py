"""Tenants, their users, defaults and mailboxes, and the people who write to them: what set-up and administration write.

Everything with a natural key may be added again: the row that is there is found and its id returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.address import canonical
from domain.inbound import Provider
from storage import mailboxes
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session


@dataclass(frozen=True, slots=True)
class AddedMailbox:
    """A mailbox's row; `created` is False when its address was registered before, `provider` as it was then."""

    mailbox_id: UUID
    provider: Provider
    created: bool


async def ensure_tenant(session: Session, tenant_id: UUID, name: str) -> bool:
    """Whether it is new."""
    created = await session.fetchval(
        "insert into tenants (tenant_id, name) values ($1, $2) on conflict do nothing returning true", tenant_id, name
    )
    return created is not None


async def add_user(session: Session, tenant_id: UUID, email: str, name: str, role: str) -> UUID:
    """The user with this address; name and role of a known one stay as they are."""
    user_id: UUID = await session.fetchval(
        """insert into users (tenant_id, user_id, email, name, role) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, email) do update set email = excluded.email returning user_id""",
        tenant_id,
        new_id(),
        canonical(email),
        name,
        role,
    )
    return user_id


async def add_defaults(session: Session, tenant_id: UUID, name: str, queue: str, priority: str = "normal") -> UUID:
    """Inbound defaults by name: the queue and priority that a mailbox's new tickets get."""
    defaults_id: UUID = await session.fetchval(
        """insert into inbound_defaults (tenant_id, defaults_id, name, queue, priority) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, name) do update set name = excluded.name returning defaults_id""",
        tenant_id,
        new_id(),
        name,
        queue,
        priority,
    )
    return defaults_id


async def active_defaults(session: Session, tenant_id: UUID) -> list[Any]:
    """Id, name and queue of the inbound defaults that may be used, the oldest first."""
    return await session.fetch(
        """select defaults_id, name, queue from inbound_defaults where tenant_id = $1 and active
            order by created_at, defaults_id""",
        tenant_id,
    )


async def oldest_defaults(session: Session, tenant_id: UUID) -> UUID | None:
    """The active inbound defaults that were made first: what a new mailbox gets."""
    found: UUID | None = await session.fetchval(
        """select defaults_id from inbound_defaults where tenant_id = $1 and active
            order by created_at, defaults_id limit 1""",
        tenant_id,
    )
    return found


async def add_mailbox(
    session: Session,
    tenant_id: UUID,
    address: str,
    provider: Provider,
    settings: dict[str, Any] | None = None,
    *,
    again: bool = True,
) -> AddedMailbox:
    """Registers a mailbox with the tenant's oldest defaults; one that is there already is left as it is.

    `again`: one that was removed is taken up anew, as from now on. Raises AddressInUse for one that is to receive over
    SMTP where another tenant's does.
    """
    created = await session.fetchval(
        """insert into mailboxes (tenant_id, mailbox_id, address, provider, settings, defaults_id)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (tenant_id, address) do update
             set provider = excluded.provider, settings = excluded.settings, state = 'active', created_at = now(),
                 status_at = null, last_sync_at = null, revision = mailboxes.revision + 1
           where mailboxes.state = 'removed' and $7
           returning mailbox_id""",
        tenant_id,
        new_id(),
        canonical(address),
        provider,
        settings or {},
        await oldest_defaults(session, tenant_id),
        again,
    )
    row = await session.fetchrow(
        "select mailbox_id, provider from mailboxes where tenant_id = $1 and address = $2",
        tenant_id,
        canonical(address),
    )
    assert row is not None
    if created is not None and provider == "smtp":
        await mailboxes.claim_smtp(session, canonical(address), row["mailbox_id"])
    return AddedMailbox(row["mailbox_id"], row["provider"], created is not None)


async def set_mailbox_access(
    session: Session, tenant_id: UUID, mailbox_id: UUID, settings: dict[str, Any], sealed_secret: str
) -> None:
    """How a mailbox is reached, and its sealed secret."""
    await session.execute(
        """update mailboxes set settings = $3, sealed_secret = $4, revision = revision + 1
            where tenant_id = $1 and mailbox_id = $2""",
        tenant_id,
        mailbox_id,
        settings,
        sealed_secret,
    )


async def mailbox_names(session: Session, tenant_id: UUID, *, also: UUID | None = None) -> list[Any]:
    """Id, address and provider of every mailbox that was not removed, by address; `also` the one that is chosen."""
    return await session.fetch(
        """select mailbox_id, address, provider from mailboxes
            where tenant_id = $1 and (state <> 'removed' or mailbox_id = $2) order by address""",
        tenant_id,
        also,
    )


async def users(session: Session, tenant_id: UUID, *, also: UUID | None = None, stopped: bool = False) -> list[Any]:
    """Id, name, address and role of everybody who may sign in, by name; `also` whose something still is, or all who
    were `stopped`."""
    return await session.fetch(
        """select user_id, name, email, role from users
            where tenant_id = $1 and (active or user_id = $2 or $3) order by name, email""",
        tenant_id,
        also,
        stopped,
    )


async def client_name(session: Session, tenant_id: UUID, client_id: UUID) -> str | None:
    name: str | None = await session.fetchval(
        "select name from clients where tenant_id = $1 and client_id = $2", tenant_id, client_id
    )
    return name


async def add_client(session: Session, tenant_id: UUID, name: str, domains: Sequence[str]) -> UUID:
    """The client of this name, with these domains added to what it has."""
    client_id: UUID | None = await session.fetchval(
        "select client_id from clients where tenant_id = $1 and name = $2 order by created_at limit 1", tenant_id, name
    )
    if client_id is None:
        client_id = new_id()
        await session.execute(
            "insert into clients (tenant_id, client_id, name) values ($1, $2, $3)", tenant_id, client_id, name
        )
    await session.execute(
        """insert into client_domains (tenant_id, domain, client_id) select $1, d, $3 from unnest($2::text[]) as d
           on conflict do nothing""",
        tenant_id,
        [canonical(domain) for domain in domains],
        client_id,
    )
    return client_id


async def add_contact(session: Session, tenant_id: UUID, address: str, name: str, client_id: UUID | None) -> UUID:
    """The contact with this address at this client; the same address at another client is another contact."""
    contact_id: UUID = await session.fetchval(
        """insert into contacts (tenant_id, contact_id, client_id, name, address) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, address, client_id) do update set address = excluded.address
           returning contact_id""",
        tenant_id,
        new_id(),
        client_id,
        name,
        canonical(address),
    )
    return contact_id
