"""Notifications as hints: durable in one statement for all that came meanwhile, and then acknowledged."""

from __future__ import annotations

import asyncio
from uuid import UUID

from domain import tracing
from storage import push
from storage.database import Database
from webhooks.teller import Teller

# Seconds until a provider is told to try again; Graph counts what takes longer than three as failed.
PATIENCE = 0.9


class Hints:
    def __init__(self, db: Database, teller: Teller) -> None:
        self._db = db
        self._teller = teller
        # Each with the trace of its last notification.
        self._batch: dict[UUID, str] = {}
        self._stored: asyncio.Future[None] | None = None
        self._storing: asyncio.Task[None] | None = None

    async def push(self, *mailbox_ids: UUID) -> None:
        """Returns once the hints are durable; the mailboxes' workflows are told after that.

        Raises TimeoutError, or what storage raises: then nothing may be acknowledged.
        """
        self._batch |= dict.fromkeys(mailbox_ids, tracing.traceparent())
        if self._stored is None:
            self._stored = asyncio.get_running_loop().create_future()
            # A batch that fails after its callers gave up must not be reported as an exception nobody looked at.
            self._stored.add_done_callback(lambda stored: stored.cancelled() or stored.exception())
        stored = self._stored
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())
        await asyncio.wait_for(asyncio.shield(stored), PATIENCE)

    async def _store(self) -> None:
        """One statement at a time; what arrives meanwhile is the next one's."""
        while self._stored is not None:
            batch, stored = self._batch, self._stored
            self._batch, self._stored = {}, None
            try:
                until = await asyncio.wait_for(push.hint(self._db, list(batch)), PATIENCE)
            except Exception as error:
                stored.set_exception(error)
                continue
            stored.set_result(None)
            self._teller.owe(dict.fromkeys(batch, until), batch)
