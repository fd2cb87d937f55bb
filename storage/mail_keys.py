"""The keys and certificates of a mailbox, sealed. They are opened only for a mail that needs them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from domain.mail_keys import MailKey
from storage import audit

if TYPE_CHECKING:
    from storage.database import Session
    from storage.secrets import KeyRing

_TABLE = "mailbox_keys"


async def add(
    session: Session, keyring: KeyRing, tenant_id: UUID, mailbox_id: UUID, key: MailKey, label: str, *, actor: str
) -> UUID | None:
    """The new key's id, or None where the mailbox has it already; audited."""
    key_id = uuid4()
    sealed = keyring.seal(key.content.encode(), tenant_id=tenant_id, table=_TABLE, row=str(key_id))
    added: UUID | None = await session.fetchval(
        """insert into mailbox_keys (tenant_id, mailbox_id, key_id, kind, label, fingerprint, sealed_key)
           values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant_id, mailbox_id, fingerprint) do nothing
           returning key_id""",
        tenant_id,
        mailbox_id,
        key_id,
        key.kind,
        label,
        hashlib.sha256(key.content.encode()).digest(),
        sealed,
    )
    if added is not None:
        detail = {"key": str(added), "kind": key.kind, "label": label}
        await audit.record(session, tenant_id, actor, "add_mailbox_key", f"mailbox/{mailbox_id}", detail)
    return added


async def listed(session: Session, tenant_id: UUID, mailbox_id: UUID) -> list[Any]:
    """key_id, kind, label and created_at of each, oldest first."""
    return await session.fetch(
        """select key_id, kind, label, created_at from mailbox_keys
            where tenant_id = $1 and mailbox_id = $2 order by created_at, key_id""",
        tenant_id,
        mailbox_id,
    )


async def remove(session: Session, tenant_id: UUID, mailbox_id: UUID, key_id: UUID, *, actor: str) -> bool:
    """Whether there was such a key; audited."""
    removed = await session.fetchrow(
        "delete from mailbox_keys where tenant_id = $1 and mailbox_id = $2 and key_id = $3 returning kind, label",
        tenant_id,
        mailbox_id,
        key_id,
    )
    if removed is not None:
        detail = {"key": str(key_id), **removed}
        await audit.record(session, tenant_id, actor, "remove_mailbox_key", f"mailbox/{mailbox_id}", detail)
    return removed is not None


async def of_mailbox(session: Session, keyring: KeyRing, tenant_id: UUID, mailbox_id: UUID) -> list[MailKey]:
    """Every key of the mailbox, open. Raises SecretError where one does not open."""
    rows = await session.fetch(
        """select key_id, kind, sealed_key from mailbox_keys
            where tenant_id = $1 and mailbox_id = $2 order by created_at, key_id""",
        tenant_id,
        mailbox_id,
    )
    return [
        MailKey(
            kind=row["kind"],
            content=keyring.open(row["sealed_key"], tenant_id=tenant_id, table=_TABLE, row=str(row["key_id"])).decode(),
        )
        for row in rows
    ]
