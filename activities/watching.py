"""The IMAP mailboxes of every shard that this process serves, watched by one listener."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

from temporalio import activity

from activities.ledger_sink import LedgerSink
from activities.vault import MailboxVault
from domain import tracing
from domain.identity import shard_of
from domain.runs import Runs
from providers.base import AuthFailed
from providers.imap.listener import Listener
from providers.imap.oauth import credentials
from providers.imap.settings import Credentials, ImapSettings
from providers.imap.sync import FolderState
from storage import mailboxes
from storage.database import TRANSIENT, Database
from storage.mailboxes import Listened, Mailbox
from storage.objects import Objects
from storage.secrets import KeyRing, SecretError

# Seconds between looks at which mailboxes there are and which of them changed.
RELOAD = 4.0
# Seconds between notes of when the mailboxes were last known to be in step.
NOTE = 20.0
# Mailboxes that are read from the database at once.
_TOGETHER = 200
_REFRESHES_AT_ONCE = 4


class Watching:
    """Belongs to one event loop. One connection pool, one set of threads, however many shards there are."""

    def __init__(
        self,
        db: Database,
        objects: Objects,
        keyring: KeyRing,
        runs: Runs,
        *,
        shards: int,
        allow_private_hosts: bool,
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._shards = shards
        self._allow_private = allow_private_hosts
        self._served: Counter[int] = Counter()
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._watched: dict[UUID, Listened] = {}
        self._sink = LedgerSink(db, objects, runs, self._watched)
        self._refreshes = asyncio.Semaphore(_REFRESHES_AT_ONCE)
        self._noted: dict[UUID, datetime] = {}

    @asynccontextmanager
    async def serving(self, shard: int) -> AsyncIterator[asyncio.Task[None]]:
        """Watches the shard's mailboxes until the body ends; the task that is given ends only by a defect."""
        self._served[shard] += 1
        self._changed.set()
        if self._running is None or self._running.done():
            # Not in the activity's trace, which would last for as long as the worker: each delivery begins its own.
            with tracing.continuing(""):
                self._running = asyncio.create_task(self._run(), name="imap mailboxes")
        running = self._running
        try:
            yield running
        finally:
            self._served -= Counter([shard])
            self._changed.set()
            if not self._served and running is self._running:
                self._running = None
                running.cancel()
                await asyncio.wait({running})

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        note_at = clock() + NOTE
        self._watched.clear()
        async with AsyncExitStack() as stack:
            listener = Listener(self._sink, allow_private=self._allow_private)
            stack.push_async_callback(listener.close)
            while True:
                self._changed.clear()
                try:
                    await self._reload(listener)
                    if clock() >= note_at:
                        note_at = clock() + NOTE
                        await self._note(listener)
                except TRANSIENT as error:
                    activity.logger.warning("mailboxes could not be read: %s", type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), RELOAD)

    async def _reload(self, listener: Listener) -> None:
        """Makes the listener watch exactly the active mailboxes of the served shards, each as it is now."""
        listened = await mailboxes.listened(self._db)
        wanted = {m.mailbox_id: m for m in listened if shard_of(m.mailbox_id, self._shards) in self._served}
        for mailbox_id in self._watched.keys() - wanted.keys():
            await listener.remove(str(mailbox_id))
            del self._watched[mailbox_id]
        changed = [m for m in wanted.values() if self._watched.get(m.mailbox_id) != m]
        changed.sort(key=lambda m: m.tenant_id)
        for begin in range(0, len(changed), _TOGETHER):
            batch = changed[begin : begin + _TOGETHER]
            for tenant_id in dict.fromkeys(m.tenant_id for m in batch):
                await self._load(listener, tenant_id, [m.mailbox_id for m in batch if m.tenant_id == tenant_id])

    async def _load(self, listener: Listener, tenant_id: UUID, mailbox_ids: Sequence[UUID]) -> None:
        async with self._db.tenant(tenant_id) as session:
            found = await mailboxes.some(session, tenant_id, mailbox_ids)
            cursors = await mailboxes.cursors(session, tenant_id, mailbox_ids)
        for mailbox in found:
            name = str(mailbox.mailbox_id)
            await listener.remove(name)
            self._watched[mailbox.mailbox_id] = Listened(tenant_id, mailbox.mailbox_id, mailbox.revision)
            try:
                settings = ImapSettings.model_validate(mailbox.settings)
                states = [FolderState.model_validate(cursor) for cursor in cursors[mailbox.mailbox_id]]
                secret = self._credentials(mailbox, settings)
            except (ValueError, SecretError, AuthFailed) as error:
                activity.logger.error("mailbox %s cannot be watched: %s", name, type(error).__name__)
                async with self._db.tenant(tenant_id) as session:
                    await mailboxes.report(
                        session, tenant_id, mailbox.mailbox_id, "failed: its settings or its secret cannot be used"
                    )
                continue
            await listener.add(name, settings, secret, states)

    def _credentials(self, mailbox: Mailbox, settings: ImapSettings) -> Credentials:
        vault = MailboxVault(self._db, self._keyring, mailbox.tenant_id, mailbox.mailbox_id, few=self._refreshes)
        return credentials(settings, mailbox.secret(self._keyring), vault, allow_private=self._allow_private)

    async def _note(self, listener: Listener) -> None:
        """Writes when each mailbox was last in step; a tenant's in one statement."""
        times: dict[UUID, dict[UUID, datetime]] = {}
        for name, status in listener.status().items():
            mailbox = self._watched[UUID(name)]
            if status.synced_at is not None and self._noted.get(mailbox.mailbox_id) != status.synced_at:
                times.setdefault(mailbox.tenant_id, {})[mailbox.mailbox_id] = status.synced_at
        for tenant_id, of_tenant in times.items():
            async with self._db.tenant(tenant_id) as session:
                await mailboxes.synced_at(session, tenant_id, of_tenant)
            self._noted.update(of_tenant)
        for mailbox_id in self._noted.keys() - self._watched.keys():
            del self._noted[mailbox_id]
