"""`fetch_message`: from the source to the object store, streamed, content-addressed, once."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.heartbeat import heartbeating
from activities.services import Services
from activities.sources import Sources
from domain import identity, tracing
from domain.inbound import Fetched, InboundEmail
from providers.base import Gone, Permanent
from storage import deletions, ledger, mailboxes
from storage.objects import Spool, TooLarge, raw_key

NOT_YET = timedelta(minutes=1)


class FetchMessage:
    def __init__(self, services: Services, sources: Sources) -> None:
        self._services = services
        self._sources = sources

    @activity.defn
    async def fetch_message(self, email: InboundEmail) -> Fetched:
        """Raises Permanent for a message above the size limit; a message that vanished is a result."""
        async with heartbeating():
            return await self._fetch(email)

    async def _fetch(self, email: InboundEmail) -> Fetched:
        services = self._services
        async with services.db.tenant(email.tenant_id) as session:
            row = await ledger.get(session, email.tenant_id, email.email_id)
            removed = await mailboxes.state(session, email.tenant_id, email.mailbox_id) == "removed"
        if row["raw_sha256"] is not None:
            return Fetched(size=row["raw_size"])
        if removed:
            return Fetched(gone=True)  # nobody may ask its source any more
        with Spool(services.max_message_bytes) as spool:
            try:
                source = await self._sources.get(email.tenant_id, email.mailbox_id)
                with tracing.span("provider fetch", {"postroom.provider": email.provider}, tracing.CLIENT):
                    async for chunk in source.fetch(row["locator"]):
                        spool.write(chunk)
            except TooLarge:
                raise Permanent("message too large") from None
            except Gone:
                # Graph may not show yet what it lists: once more, much later, and not in this slot.
                if email.provider == "microsoft" and activity.info().attempt == 1:
                    raise ApplicationError(
                        "not found yet", type="NotFoundYet", next_retry_delay=NOT_YET,
                        category=ApplicationErrorCategory.BENIGN,
                    ) from None  # fmt: skip
                return Fetched(gone=True)
            spool.finish()
            if email.provider == "imap" and is_another(spool.head(), row["message_key"]):
                return Fetched(gone=True)
            await services.objects.put(raw_key(email.tenant_id, spool.sha256), spool.path)
            async with services.db.tenant(email.tenant_id) as session:
                await deletions.hold(session, services.objects, [raw_key(email.tenant_id, spool.sha256)])
                await ledger.fetched(session, email.tenant_id, email.email_id, spool.sha256, spool.size)
            return Fetched(size=spool.size)


def is_another(head: bytes, key: str) -> bool:
    """Whether a source gave another message than was listed: after a restored backup its number may be given again.

    In doubt it is the one that was listed: its key was derived, or the source renders it without its Message-ID.
    """
    found = identity.message_id(identity.header_message_id(head))
    return found is not None and not identity.is_derived(key) and found != key
