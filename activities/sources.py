"""The open connections to sources: one provider object per mailbox, kept while its settings stay the same."""

from __future__ import annotations

import asyncio
from uuid import UUID

from providers.base import Permanent, Provider
from providers.imap.mailbox import ImapMailbox
from providers.imap.settings import ImapSettings, Password
from storage import mailboxes
from storage.database import Database
from storage.secrets import KeyRing


class Sources:
    """`get` hands out the provider of a mailbox; `close` ends every connection."""

    def __init__(self, db: Database, keyring: KeyRing, *, allow_private_hosts: bool) -> None:
        self._db = db
        self._keyring = keyring
        self._allow_private_hosts = allow_private_hosts
        self._open: dict[UUID, tuple[int, Provider]] = {}
        self._lock = asyncio.Lock()

    async def get(self, tenant_id: UUID, mailbox_id: UUID) -> Provider:
        """Raises Permanent for a mailbox that is gone, or whose messages arrive with their content."""
        async with self._db.tenant(tenant_id) as session:
            mailbox = await mailboxes.get(session, tenant_id, mailbox_id)
        if mailbox is None or mailbox.provider != "imap":
            raise Permanent("this mailbox has no source to fetch from")
        async with self._lock:
            version, provider = self._open.get(mailbox_id, (0, None))
            if provider is None or version != mailbox.version:
                if provider is not None:
                    await provider.close()
                provider = self._connect(mailbox)
                self._open[mailbox_id] = (mailbox.version, provider)
            return provider

    async def close(self) -> None:
        for _, provider in self._open.values():
            await provider.close()
        self._open.clear()

    def _connect(self, mailbox: mailboxes.Mailbox) -> Provider:
        return ImapMailbox(
            ImapSettings.model_validate(mailbox.settings),
            Password(mailbox.secret(self._keyring)["password"]),
            allow_private=self._allow_private_hosts,
        )
