"""From a source's listing to the ledger: rows and cursor in one transaction, page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

from domain.mailbox import MailboxRef
from providers.base import Changes, Provider
from storage import ledger, mailboxes, push
from storage.database import Database

# Messages in one transaction; the source's own pages may be smaller.
PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """`email_ids` of the rows that are new."""

    email_ids: list[UUID]
    more: bool


async def list_page(db: Database, provider: Provider, mailbox: MailboxRef) -> Page:
    """Lists what comes after the stored cursor. Raises a `ProviderError`, and then nothing has moved.

    Two at once are safe: whoever commits second finds the cursor moved and leaves it as it is.
    """
    tenant_id, mailbox_id = mailbox.tenant_id, mailbox.mailbox_id
    async with db.tenant(tenant_id) as session:
        state = await push.sync_state(session, tenant_id, mailbox_id)
        before = await push.cursor(session, tenant_id, mailbox_id)
    changes = await provider.changes(None if before is None else json.dumps(before), PAGE)
    sightings = [
        ledger.Sighting(
            m.locator,
            m.message_id,
            received_at=m.received_at,
            raw_sha256=m.sha256,
            raw_size=m.size if m.sha256 else None,
            # Graph tells whole seconds.
            history=m.received_at is not None and m.received_at < state.connected_at.replace(microsecond=0),
            thread_id=m.thread_id,
        )
        for m in changes.messages
    ]
    async with db.tenant(tenant_id) as session:
        if await push.cursor(session, tenant_id, mailbox_id, lock=True) != before:
            return Page([], more=True)
        listed = await ledger.list_emails(session, tenant_id, mailbox_id, mailbox.provider, sightings)
        await mailboxes.move_cursor(session, tenant_id, mailbox_id, "", _document(changes))
    return Page([row.email.email_id for row in listed], changes.more)


def _document(changes: Changes) -> dict[str, object]:
    document: dict[str, object] = json.loads(changes.cursor)
    return document
