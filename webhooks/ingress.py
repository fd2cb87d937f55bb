"""The one way in for messages that arrive with their content: durable first, then awake, then acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from domain.identity import header_message_id
from storage import deletions, ledger
from storage.database import Database
from storage.ledger import ListedEmail
from storage.mailboxes import Located
from storage.objects import Objects, raw_key

if TYPE_CHECKING:
    from storage.database import Session
    from webhooks.starter import Starter


class Replayed(Exception):
    """This webhook id was accepted before; nothing was stored."""


class Ingress:
    def __init__(self, db: Database, objects: Objects, starter: Starter, *, max_message_bytes: int) -> None:
        self._db = db
        self._objects = objects
        self._starter = starter
        self.max_message_bytes = max_message_bytes

    async def accept(self, mailbox: Located, raw: bytes, *, webhook_id: str | None = None) -> str:
        """Returns the message's sha256 once its bytes and its ledger row are durable.

        The same bytes again are the same sighting: accepted, and nothing happens twice. Raises Replayed, and whatever
        storage raises: then nothing may be acknowledged.
        """
        sha256 = await asyncio.to_thread(_sha256, raw) if len(raw) > 1 << 20 else _sha256(raw)
        await self._objects.put(raw_key(mailbox.tenant_id, sha256), raw)
        sighting = ledger.Sighting(
            locator=sha256, message_id=header_message_id(raw), raw_sha256=sha256, raw_size=len(raw)
        )
        async with self._db.tenant(mailbox.tenant_id) as session:
            await deletions.hold(session, self._objects, [raw_key(mailbox.tenant_id, sha256)])
            if webhook_id is not None and not await _first_use(session, mailbox, webhook_id):
                raise Replayed(webhook_id)
            listed = await ledger.list_emails(
                session, mailbox.tenant_id, mailbox.mailbox_id, mailbox.provider, [sighting]
            )
            if not listed:
                # Known already, perhaps as erased: then these bytes are nobody's.
                await deletions.owe(session, mailbox.tenant_id, [sha256], [])
        if mailbox.state == "active":
            self._wake(listed)
        return sha256

    def _wake(self, listed: list[ListedEmail]) -> None:
        for row in listed:
            self._starter.start(row)


async def _first_use(session: Session, mailbox: Located, webhook_id: str) -> bool:
    fresh = await session.fetchval(
        """insert into webhook_ids (tenant_id, mailbox_id, webhook_id) values ($1, $2, $3)
           on conflict do nothing returning true""",
        mailbox.tenant_id,
        mailbox.mailbox_id,
        webhook_id,
    )
    return bool(fresh)


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
