"""Notifications as hints: durable in one statement for all that came meanwhile, then one signal per mailbox.

A hint is acknowledged once it is in Postgres. Its mailbox's workflow is told at once; whatever could not be told,
because Temporal was away or this process died, is told by the next one that looks (`Hints.run`).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from domain.runs import NotRunning, Runs
from storage import push
from storage.database import TRANSIENT, Database

log = structlog.get_logger("webhooks")

NOTIFY = "notify"
# Seconds until a provider is told to try again; Graph counts what takes longer than three as failed.
PATIENCE = 0.9
SIGNALS_AT_ONCE = 8
# Seconds between looks for hints that nobody has told yet, and how long to wait after a signal that failed.
SWEEP = 15.0
RETRY = 1.0


class Hints:
    def __init__(self, db: Database, runs: Runs) -> None:
        self._db = db
        self._runs = runs
        self._batch: dict[UUID, None] = {}
        self._stored: asyncio.Future[None] | None = None
        self._storing: asyncio.Task[None] | None = None
        self._pending: dict[UUID, datetime] = {}
        self._wake = asyncio.Event()

    async def push(self, *mailbox_ids: UUID) -> None:
        """Returns once the hints are durable.

        Raises TimeoutError, or what storage raises: then nothing may be acknowledged.
        """
        self._batch |= dict.fromkeys(mailbox_ids)
        if self._stored is None:
            self._stored = asyncio.get_running_loop().create_future()
            # A batch that fails after its callers gave up must not be reported as an exception nobody looked at.
            self._stored.add_done_callback(lambda stored: stored.cancelled() or stored.exception())
        stored = self._stored
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())
        await asyncio.wait_for(asyncio.shield(stored), PATIENCE)

    async def run(self) -> None:
        """Tells the workflows, for as long as this process lives."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            for _ in range(SIGNALS_AT_ONCE):
                group.create_task(self._signal())

    async def _store(self) -> None:
        """One statement at a time; what arrives meanwhile is the next one's."""
        while self._stored is not None:
            batch, stored = list(self._batch), self._stored
            self._batch, self._stored = {}, None
            try:
                until = await asyncio.wait_for(push.hint(self._db, batch), PATIENCE)
            except Exception as error:
                stored.set_exception(error)
                continue
            stored.set_result(None)
            self._pending |= dict.fromkeys(batch, until)
            self._wake.set()

    async def _signal(self) -> None:
        while True:
            while not self._pending:
                self._wake.clear()
                await self._wake.wait()
            # The oldest first. Taken out before it is told: a hint that comes meanwhile asks for another signal.
            mailbox_id = next(iter(self._pending))
            until = self._pending.pop(mailbox_id)
            try:
                await self._runs.change_mailbox(mailbox_id, NOTIFY, "")
            except NotRunning:
                # Its workflow begins with a sync when it is started.
                log.info("a notification for a mailbox without a workflow", mailbox=str(mailbox_id))
            except Exception as error:  # whatever Temporal answers, the hint stays owed
                log.warning("a mailbox could not be woken yet", mailbox=str(mailbox_id), error=type(error).__name__)
                await asyncio.sleep(RETRY)
                self._pending.setdefault(mailbox_id, until)
                continue
            await self._told(mailbox_id, until)

    async def _told(self, mailbox_id: UUID, until: datetime) -> None:
        try:
            await push.hints_signalled(self._db, [mailbox_id], until)
        except TRANSIENT as error:
            log.warning("a told hint could not be recorded", error=type(error).__name__)

    async def _sweep(self) -> None:
        while True:
            try:
                self._pending = {**await push.hints_owed(self._db), **self._pending}
            except TRANSIENT as error:
                log.warning("owed hints could not be read", error=type(error).__name__)
            if self._pending:
                self._wake.set()
            await asyncio.sleep(SWEEP)
