"""Mailboxes: where they are reached, how they stand, and the cursors of their folders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.inbound import Provider
from storage.secrets import KeyRing

if TYPE_CHECKING:
    from storage.database import Database, Session


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox row. `version` changes with settings and state, so a listener sees that it has to reconnect."""

    tenant_id: UUID
    mailbox_id: UUID
    address: str
    provider: Provider
    settings: dict[str, Any]
    sealed_secret: str | None
    state: str
    status: str

    def secret(self, keyring: KeyRing) -> dict[str, Any]:
        """The opened secret, empty if there is none. Raises SecretError."""
        if self.sealed_secret is None:
            return {}
        opened: dict[str, Any] = json.loads(
            keyring.open(self.sealed_secret, tenant_id=self.tenant_id, table="mailboxes", row=str(self.mailbox_id))
        )
        return opened

    @property
    def version(self) -> int:
        return hash((self.address, json.dumps(self.settings, sort_keys=True), self.sealed_secret, self.state))


@dataclass(frozen=True, slots=True)
class Located:
    """What the directory tells of a mailbox before its tenant is set."""

    tenant_id: UUID
    mailbox_id: UUID
    provider: Provider
    state: str


async def locate(db: Database, mailbox_id: UUID) -> Located | None:
    async with db.directory() as session:
        row = await session.fetchrow("select * from directory_mailbox($1)", mailbox_id)
    return Located(row["tenant_id"], mailbox_id, row["provider"], row["state"]) if row else None


async def locate_address(db: Database, address: str) -> Located | None:
    """The mailbox that receives mail for an address in canonical spelling."""
    async with db.directory() as session:
        row = await session.fetchrow("select * from directory_mailbox_by_address($1)", address)
    return Located(row["tenant_id"], row["mailbox_id"], row["provider"], row["state"]) if row else None


async def locate_all(db: Database) -> list[Located]:
    async with db.directory() as session:
        rows = await session.fetch("select * from directory_mailboxes()")
    return [Located(r["tenant_id"], r["mailbox_id"], r["provider"], r["state"]) for r in rows]


async def get(session: Session, tenant_id: UUID, mailbox_id: UUID) -> Mailbox | None:
    row = await session.fetchrow(
        """select tenant_id, mailbox_id, address, provider, settings, sealed_secret, state, status from mailboxes
            where tenant_id = $1 and mailbox_id = $2""",
        tenant_id,
        mailbox_id,
    )
    return Mailbox(**dict(row)) if row else None


async def with_setting(session: Session, tenant_id: UUID, provider: Provider, name: str) -> list[Mailbox]:
    """The tenant's mailboxes of this kind whose settings say something under this name, the newest first."""
    rows = await session.fetch(
        """select tenant_id, mailbox_id, address, provider, settings, sealed_secret, state, status from mailboxes
            where tenant_id = $1 and provider = $2 and settings ->> $3 is not null order by mailbox_id desc""",
        tenant_id,
        provider,
        name,
    )
    return [Mailbox(**dict(row)) for row in rows]


async def state(session: Session, tenant_id: UUID, mailbox_id: UUID) -> str:
    value: str = await session.fetchval(
        "select state from mailboxes where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )
    return value


async def set_state(session: Session, tenant_id: UUID, mailbox_id: UUID, state: str) -> None:
    await session.execute(
        "update mailboxes set state = $3 where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id, state
    )


async def report(session: Session, tenant_id: UUID, mailbox_id: UUID, status: str) -> None:
    """What a listener or a sync last saw, in a few words."""
    await session.execute(
        "update mailboxes set status = $3, status_at = now() where tenant_id = $1 and mailbox_id = $2",
        tenant_id,
        mailbox_id,
        status,
    )


async def synced(session: Session, tenant_id: UUID, mailbox_id: UUID) -> None:
    await session.execute(
        "update mailboxes set last_sync_at = now() where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )


async def cursors(session: Session, tenant_id: UUID, mailbox_id: UUID) -> dict[str, dict[str, Any]]:
    """The stored state of each folder, by folder name."""
    rows = await session.fetch(
        "select folder, cursor from folder_cursors where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )
    return {row["folder"]: row["cursor"] for row in rows}


async def move_cursor(session: Session, tenant_id: UUID, mailbox_id: UUID, folder: str, cursor: dict[str, Any]) -> None:
    """To be called in the transaction that lists the messages up to this cursor."""
    await session.execute(
        """insert into folder_cursors (tenant_id, mailbox_id, folder, cursor) values ($1, $2, $3, $4)
           on conflict (tenant_id, mailbox_id, folder) do update set cursor = excluded.cursor, updated_at = now()""",
        tenant_id,
        mailbox_id,
        folder,
        cursor,
    )


async def rewind(session: Session, tenant_id: UUID, mailbox_id: UUID, since: datetime) -> None:
    """Forgets the cursors, so that everything since a date is listed again; the ledger knows what it has."""
    await session.execute("delete from folder_cursors where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id)
    await session.execute(
        """update mailboxes set settings = settings || jsonb_build_object('since', $3::text)
            where tenant_id = $1 and mailbox_id = $2""",
        tenant_id,
        mailbox_id,
        since.date().isoformat(),
    )
