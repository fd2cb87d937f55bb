"""From a source's listing to the ledger: rows and cursor in one transaction, page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.mailbox import MailboxRef
from providers.base import Changes, Listed, Provider
from storage import deletions, ledger, mailboxes, push
from storage.database import Database
from storage.objects import Objects, raw_key

# Messages in one transaction; the source's own pages may be smaller.
PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """`email_ids` of the rows that are new; `note` is the source's, for people."""

    email_ids: list[UUID]
    more: bool
    note: str = ""


async def list_page(db: Database, objects: Objects, provider: Provider, mailbox: MailboxRef) -> Page:
    """Lists what comes after the stored cursor. Raises a `ProviderError`, and then nothing has moved.

    Two at once are safe: whoever commits second finds the cursor moved and leaves it as it is.
    """
    tenant_id, mailbox_id = mailbox.tenant_id, mailbox.mailbox_id
    async with db.tenant(tenant_id) as session:
        state = await push.sync_state(session, tenant_id, mailbox_id)
        before = await push.cursor(session, tenant_id, mailbox_id)
    changes = await provider.changes(None if before is None else json.dumps(before), PAGE)
    sightings = [sighting(message, state.connected_at) for message in changes.messages]
    async with db.tenant(tenant_id) as session:
        if await push.cursor(session, tenant_id, mailbox_id, lock=True) != before:
            return Page([], more=True)
        await deletions.hold(
            session, objects, [raw_key(tenant_id, s.raw_sha256) for s in sightings if s.raw_sha256 is not None]
        )
        listed = await ledger.list_emails(session, tenant_id, mailbox_id, mailbox.provider, sightings)
        await mailboxes.move_cursor(session, tenant_id, mailbox_id, "", _document(changes))
    return Page([row.email.email_id for row in listed], changes.more, changes.note)


def sighting(message: Listed, connected_at: datetime) -> ledger.Sighting:
    """A listed message as the ledger takes it; what came before the mailbox was connected is history."""
    return ledger.Sighting(
        message.locator,
        message.message_id,
        received_at=message.received_at,
        raw_sha256=message.sha256,
        raw_size=message.size if message.sha256 else None,
        # Graph tells whole seconds.
        history=message.received_at is not None and message.received_at < connected_at.replace(microsecond=0),
        thread_id=message.thread_id,
    )


def _document(changes: Changes) -> dict[str, object]:
    document: dict[str, object] = json.loads(changes.cursor)
    return document
