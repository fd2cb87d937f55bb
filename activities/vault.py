"""A mailbox's sealed secret, for token sources that have to write it back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from providers.base import AuthFailed
from storage import mailboxes, push
from storage.database import Database
from storage.secrets import KeyRing

if TYPE_CHECKING:
    from storage.database import Session


class MailboxVault:
    """`providers.oauth.Vault`: one holder at a time among all processes; what it stored is committed at the end.

    A holder keeps a database connection while the token server answers, so `few` bounds the holders of this process.
    """

    def __init__(
        self, db: Database, keyring: KeyRing, tenant_id: UUID, mailbox_id: UUID, *, few: asyncio.Semaphore
    ) -> None:
        self._few = few
        self._db = db
        self._keyring = keyring
        self._tenant_id = tenant_id
        self._mailbox_id = mailbox_id

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[_Open]:
        async with self._few, self._db.tenant(self._tenant_id) as session:
            await push.hold_secret(session, self._mailbox_id)
            mailbox = await mailboxes.get(session, self._tenant_id, self._mailbox_id)
            if mailbox is None:
                raise AuthFailed("the mailbox is gone")
            yield _Open(session, self._keyring, self._tenant_id, self._mailbox_id, mailbox.secret(self._keyring))


class FormerVault:
    """`providers.oauth.Vault` of a mailbox that was removed: what is refreshed is used once more and kept nowhere."""

    def __init__(self, secret: Mapping[str, Any]) -> None:
        self.secret = secret

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[FormerVault]:
        yield self

    async def store(self, secret: Mapping[str, Any]) -> None:
        self.secret = secret


class _Open:
    def __init__(
        self, session: Session, keyring: KeyRing, tenant_id: UUID, mailbox_id: UUID, secret: Mapping[str, Any]
    ) -> None:
        self.secret = secret
        self._session = session
        self._keyring = keyring
        self._tenant_id = tenant_id
        self._mailbox_id = mailbox_id

    async def store(self, secret: Mapping[str, Any]) -> None:
        sealed = self._keyring.seal(
            json.dumps(dict(secret)).encode(),
            tenant_id=self._tenant_id,
            table="mailboxes",
            row=str(self._mailbox_id),
        )
        await push.store_secret(self._session, self._tenant_id, self._mailbox_id, sealed)
        self.secret = secret
