"""The gate before a source that counts what all workers ask of a mailbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from providers.base import RateLimited
from storage import push
from storage.database import Database

# Graph allows four requests at once per app and mailbox; one is left to whoever else uses the app's mailbox.
SLOTS = 3
_UNTOLD = timedelta(seconds=10)


class MailboxGate:
    """`providers.microsoft.client.Gate`: slots and silences, kept in Postgres and so the same for every worker."""

    def __init__(self, db: Database, tenant_id: UUID, mailbox_id: UUID) -> None:
        self._db = db
        self._tenant_id = tenant_id
        self._mailbox_id = mailbox_id

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Around one request. Raises RateLimited while the source wants silence; one that says so is remembered."""
        async with self._db.tenant(self._tenant_id) as session:
            state = await push.sync_state(session, self._tenant_id, self._mailbox_id)
        if state.blocked:
            raise RateLimited("the source asked for silence", state.blocked_until)
        async with push.slot(self._db, self._tenant_id, self._mailbox_id, SLOTS):
            try:
                yield
            except RateLimited as error:
                until = error.until or datetime.now(UTC) + _UNTOLD
                async with self._db.tenant(self._tenant_id) as session:
                    await push.set_sync_state(session, self._tenant_id, self._mailbox_id, blocked_until=until)
                raise
