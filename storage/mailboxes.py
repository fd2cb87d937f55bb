"""Mailboxes: where they are reached, how they stand, and the cursors of their folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.inbound import Provider
from storage.secrets import KeyRing

if TYPE_CHECKING:
    from storage.database import Database, Session


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox row. `revision` grows with address, settings, state and credentials: its readers have to begin anew."""

    tenant_id: UUID
    mailbox_id: UUID
    address: str
    provider: Provider
    settings: dict[str, Any]
    sealed_secret: str | None
    state: str
    status: str
    revision: int

    def secret(self, keyring: KeyRing) -> dict[str, Any]:
        """The opened secret, empty if there is none. Raises SecretError."""
        if self.sealed_secret is None:
            return {}
        opened: dict[str, Any] = json.loads(
            keyring.open(self.sealed_secret, tenant_id=self.tenant_id, table="mailboxes", row=str(self.mailbox_id))
        )
        return opened


@dataclass(frozen=True, slots=True)
class Located:
    """What the directory tells of a mailbox before its tenant is set."""

    tenant_id: UUID
    mailbox_id: UUID
    provider: Provider
    state: str


@dataclass(frozen=True, slots=True)
class Listened:
    """A mailbox that a listener has to watch, and its revision."""

    tenant_id: UUID
    mailbox_id: UUID
    revision: int


async def locate(db: Database, mailbox_id: UUID, *, drafts: bool = False) -> Located | None:
    """`drafts`: also one that is being set up."""
    function = "directory_mailbox_or_draft" if drafts else "directory_mailbox"
    async with db.directory() as session:
        row = await session.fetchrow(f"select * from {function}($1)", mailbox_id)  # noqa: S608 (one of two constants)
    return Located(row["tenant_id"], mailbox_id, row["provider"], row["state"]) if row else None


async def locate_address(db: Database, address: str) -> list[Located]:
    """The mailboxes with an address in canonical spelling: at most one of each tenant."""
    async with db.directory() as session:
        rows = await session.fetch("select * from directory_mailbox_by_address($1)", address)
    return [Located(**dict(row)) for row in rows]


async def locate_smtp(db: Database, address: str) -> Located | None:
    """The one mailbox that receives for this address, in canonical spelling, over SMTP."""
    async with db.directory() as session:
        row = await session.fetchrow("select * from directory_smtp_mailbox($1)", address)
    return Located(**dict(row)) if row else None


class AddressInUse(Exception):
    """Another tenant's mailbox receives for this address over SMTP."""


async def claim_smtp(session: Session, address: str, mailbox_id: UUID) -> None:
    """To be called in the transaction that makes an SMTP mailbox receive. Raises AddressInUse."""
    if not await session.fetchval("select directory_claim_smtp($1, $2)", address, mailbox_id):
        raise AddressInUse(address)


async def locate_all(db: Database) -> list[Located]:
    async with db.directory() as session:
        rows = await session.fetch("select * from directory_mailboxes()")
    return [Located(r["tenant_id"], r["mailbox_id"], r["provider"], r["state"]) for r in rows]


async def listened(db: Database) -> list[Listened]:
    """The active IMAP mailboxes of all tenants."""
    async with db.directory() as session:
        rows = await session.fetch("select * from directory_listened()")
    return [Listened(r["tenant_id"], r["mailbox_id"], r["revision"]) for r in rows]


async def get(session: Session, tenant_id: UUID, mailbox_id: UUID) -> Mailbox | None:
    found = await some(session, tenant_id, [mailbox_id])
    return found[0] if found else None


async def some(session: Session, tenant_id: UUID, mailbox_ids: Sequence[UUID]) -> list[Mailbox]:
    rows = await session.fetch(
        """select tenant_id, mailbox_id, address, provider, settings, sealed_secret, state, status, revision
             from mailboxes where tenant_id = $1 and mailbox_id = any($2)""",
        tenant_id,
        list(mailbox_ids),
    )
    return [Mailbox(**dict(row)) for row in rows]


async def with_setting(session: Session, tenant_id: UUID, provider: Provider, name: str) -> list[Mailbox]:
    """The tenant's mailboxes of this kind whose settings say something under this name, the newest first."""
    rows = await session.fetch(
        """select tenant_id, mailbox_id, address, provider, settings, sealed_secret, state, status, revision
             from mailboxes where tenant_id = $1 and provider = $2 and settings ->> $3 is not null
            order by mailbox_id desc""",
        tenant_id,
        provider,
        name,
    )
    return [Mailbox(**dict(row)) for row in rows]


async def add_settings(session: Session, tenant_id: UUID, mailbox_id: UUID, settings: dict[str, Any]) -> None:
    """Adds to the mailbox's settings; what they say under other names stays."""
    await session.execute(
        "update mailboxes set settings = settings || $3 where tenant_id = $1 and mailbox_id = $2",
        tenant_id,
        mailbox_id,
        settings,
    )


async def state(session: Session, tenant_id: UUID, mailbox_id: UUID) -> str:
    value: str = await session.fetchval(
        "select state from mailboxes where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )
    return value


@dataclass(frozen=True, slots=True)
class Standing:
    """What whoever reads a mailbox last said of it. `last_sync_at` (aware): when all that the source had was listed."""

    status: str
    last_sync_at: datetime | None


async def standing(session: Session, tenant_id: UUID, mailbox_id: UUID) -> Standing:
    """Raises LookupError for an unknown mailbox."""
    row = await session.fetchrow(
        "select status, last_sync_at from mailboxes where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )
    if row is None:
        raise LookupError(f"no mailbox {mailbox_id}")
    return Standing(**dict(row))


async def set_state(
    session: Session, tenant_id: UUID, mailbox_id: UUID, state: str, *, only_from: str | None = None
) -> None:
    """A removed mailbox stays removed: a wish or a failure of its last moments comes too late."""
    await session.execute(
        """update mailboxes set state = $3
            where tenant_id = $1 and mailbox_id = $2 and state <> 'removed' and ($4::text is null or state = $4)""",
        tenant_id,
        mailbox_id,
        state,
        only_from,
    )


async def report(session: Session, tenant_id: UUID, mailbox_id: UUID, status: str) -> None:
    """What a listener or a sync last saw, in a few words."""
    await session.execute(
        "update mailboxes set status = $3, status_at = now() where tenant_id = $1 and mailbox_id = $2",
        tenant_id,
        mailbox_id,
        status,
    )


async def synced(session: Session, tenant_id: UUID, mailbox_id: UUID) -> int:
    """Everything the source had is listed as of now. Holds the row until the transaction ends; its revision."""
    revision: int = await session.fetchval(
        "update mailboxes set last_sync_at = now() where tenant_id = $1 and mailbox_id = $2 returning revision",
        tenant_id,
        mailbox_id,
    )
    return revision


async def hold(session: Session, tenant_id: UUID, mailbox_id: UUID) -> int | None:
    """Holds the row until the transaction ends; its revision, None for a mailbox that is gone."""
    revision: int | None = await session.fetchval(
        "select revision from mailboxes where tenant_id = $1 and mailbox_id = $2 for no key update",
        tenant_id,
        mailbox_id,
    )
    return revision


async def synced_at(session: Session, tenant_id: UUID, times: Mapping[UUID, datetime]) -> None:
    """Many mailboxes, each with the time (aware) at which everything it had was listed."""
    await session.execute(
        """update mailboxes m set last_sync_at = t.at
             from (select * from unnest($2::uuid[], $3::timestamptz[]) as u (id, at) order by id) t
            where m.tenant_id = $1 and m.mailbox_id = t.id and (m.last_sync_at is null or m.last_sync_at < t.at)""",
        tenant_id,
        list(times),
        list(times.values()),
    )


async def renew(session: Session, tenant_id: UUID, mailbox_id: UUID) -> None:
    """Makes whoever reads the mailbox begin anew."""
    await session.execute(
        "update mailboxes set revision = revision + 1 where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )


async def cursors(session: Session, tenant_id: UUID, mailbox_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The stored states of the folders, by mailbox."""
    rows = await session.fetch(
        "select mailbox_id, cursor from folder_cursors where tenant_id = $1 and mailbox_id = any($2)",
        tenant_id,
        list(mailbox_ids),
    )
    found: dict[UUID, list[dict[str, Any]]] = {mailbox_id: [] for mailbox_id in mailbox_ids}
    for row in rows:
        found[row["mailbox_id"]].append(row["cursor"])
    return found


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


async def forget_cursors(session: Session, tenant_id: UUID, mailbox_id: UUID) -> None:
    """The mailbox is read as one that was just connected."""
    await session.execute("delete from folder_cursors where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id)


async def read_from(session: Session, tenant_id: UUID, mailbox_id: UUID, day: date) -> None:
    """The mailbox is to be read from this day on, or the earlier one that was asked for; its readers begin anew.

    Holds the row until the transaction ends.
    """
    await session.execute(
        """update mailboxes
              set settings = settings || jsonb_build_object('since', least(settings ->> 'since', $3::text)),
                  revision = revision + 1
            where tenant_id = $1 and mailbox_id = $2""",
        tenant_id,
        mailbox_id,
        day.isoformat(),
    )
