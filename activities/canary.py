"""Delivery canaries: a mailbox that asks for them sends itself a mail now and then.

`storage.canary` tells how they fare. Sending is no part of reading: what goes wrong here is noted, and nothing else.
"""

from __future__ import annotations

from datetime import timedelta

from activities.services import Services
from activities.sources import Sources
from domain import canary as domain_canary
from domain.mailbox import MailboxRef
from providers.base import ProviderError
from storage import canary, mailboxes

SHORTEST = timedelta(minutes=5)


class Canaries:
    def __init__(self, services: Services, sources: Sources) -> None:
        self._db = services.db
        self._keys = services.token_keys
        self._sources = sources

    async def keep(self, mailbox: MailboxRef) -> None:
        """Sends the mailbox's next canary if it is due."""
        tenant_id, mailbox_id = mailbox.tenant_id, mailbox.mailbox_id
        async with self._db.tenant(tenant_id) as session:
            row = await mailboxes.get(session, tenant_id, mailbox_id)
            minutes = row.settings.get("canary_minutes") if row is not None and row.state == "active" else None
            if row is None or not minutes:
                return
            begun = await canary.begin(session, tenant_id, mailbox_id, max(timedelta(minutes=minutes), SHORTEST))
        if begun is None:
            return
        canary_id, sent_at = begun
        mail = domain_canary.mail(self._keys, tenant_id, mailbox_id, canary_id, row.address, sent_at)
        try:
            await self._sources.sender(row).send(mail.as_bytes())
        except ProviderError as error:
            async with self._db.tenant(tenant_id) as session:
                await canary.failed(session, tenant_id, mailbox_id, canary_id, str(error))
