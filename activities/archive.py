"""Where a source that reads ahead keeps the messages it has read, and what it need not read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from domain.identity import header_message_id
from providers.base import Permanent
from providers.gmail.mailbox import Kept
from storage import push
from storage.database import Database
from storage.objects import Objects, Spool, raw_key

_HEAD = 256 * 1024


class MailboxArchive:
    """`providers.gmail.mailbox.Archive` over the ledger and the object store."""

    def __init__(
        self, db: Database, objects: Objects, tenant_id: UUID, mailbox_id: UUID, *, max_message_bytes: int
    ) -> None:
        self._db = db
        self._objects = objects
        self._tenant_id = tenant_id
        self._mailbox_id = mailbox_id
        self._max_message_bytes = max_message_bytes

    async def known(self, locators: Sequence[str]) -> set[str]:
        async with self._db.tenant(self._tenant_id) as session:
            return await push.known_locators(session, self._tenant_id, self._mailbox_id, locators)

    async def listed_blind(self, locator: str) -> bool:
        async with self._db.tenant(self._tenant_id) as session:
            return await push.listed_blind(session, self._tenant_id, self._mailbox_id, locator)

    @contextmanager
    def receive(self) -> Iterator[_Arriving]:
        with Spool(self._max_message_bytes) as spool:
            yield _Arriving(spool, self._objects, self._tenant_id)


class CountingArchive(MailboxArchive):
    """Counts what a source asks about. `look_only`: nothing is read; what is not known is only counted."""

    def __init__(
        self,
        db: Database,
        objects: Objects,
        tenant_id: UUID,
        mailbox_id: UUID,
        *,
        max_message_bytes: int,
        look_only: bool,
    ) -> None:
        super().__init__(db, objects, tenant_id, mailbox_id, max_message_bytes=max_message_bytes)
        self._look_only = look_only
        self.passed_over = 0
        self.unread = 0

    async def known(self, locators: Sequence[str]) -> set[str]:
        known = await super().known(locators)
        self.passed_over += len(known)
        if not self._look_only:
            return known
        self.unread += len(set(locators) - known)
        return set(locators)


class _Arriving:
    def __init__(self, spool: Spool, objects: Objects, tenant_id: UUID) -> None:
        self._spool = spool
        self._objects = objects
        self._tenant_id = tenant_id
        self._head = b""

    def write(self, chunk: bytes) -> None:
        if len(self._head) < _HEAD:
            self._head += chunk[: _HEAD - len(self._head)]
        try:
            self._spool.write(chunk)
        except ValueError:
            raise Permanent("message too large") from None

    async def keep(self) -> Kept:
        self._spool.finish()
        await self._objects.put(raw_key(self._tenant_id, self._spool.sha256), self._spool.path)
        return Kept(self._spool.sha256, self._spool.size, header_message_id(self._head))
