"""A mailbox that was removed is no longer notified of: its watches are ended at the source, as far as that is easy.

What cannot be ended, the source ends by itself within days, and what it notifies of meanwhile wakes nobody.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from activities.gate import pause_after
from activities.sources import Sources, notifies
from domain.mailbox_jobs import FormerAccess
from providers.base import RateLimited, Transient
from storage import mailboxes
from storage.database import Database
from storage.mailboxes import Mailbox

# With the pauses between them about a minute.
ATTEMPTS = 6


async def disconnect(
    db: Database, sources: Sources, tenant_id: UUID, mailbox_id: UUID, former: FormerAccess, sealed_secret: str
) -> None:
    """Raises ProviderError when the source refuses, or was away at every attempt; ValidationError."""
    if former.provider == "gmail" and await _read_elsewhere(db, former.address):
        return
    source = sources.former(
        Mailbox(
            tenant_id=tenant_id,
            mailbox_id=mailbox_id,
            address=former.address,
            provider=former.provider,
            settings=former.settings,
            sealed_secret=sealed_secret,
            state="removed",
            status="",
            revision=0,
        )
    )
    assert notifies(source)
    left = list(former.watch_ids)
    try:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                while left:
                    await source.unwatch(left[-1])
                    left.pop()
                return
            except (Transient, RateLimited):
                if attempt == ATTEMPTS:
                    raise
            await asyncio.sleep(pause_after(attempt).total_seconds())
    finally:
        await source.close()


async def _read_elsewhere(db: Database, address: str) -> bool:
    """Gmail has one watch of a user for all that the project does: it is another tenant's, too, or one set up anew."""
    return any(found.provider == "gmail" for found in await mailboxes.locate_address(db, address))
