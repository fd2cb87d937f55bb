"""Tells the mailboxes' workflows of durable hints: one signal for all that came meanwhile, at most one a second each.

Whatever could not be told, because Temporal was away or a process died, is told by the next one that looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog

from domain.runs import NotRunning, Runs
from storage import push
from storage.database import Database

log = structlog.get_logger("webhooks")

NOTIFY = "notify"
SIGNALS_AT_ONCE = 8
# Seconds between looks for hints that nobody has told yet, and how long to wait after a signal that failed.
SWEEP = 15.0
RETRY = 1.0
# Seconds until a mailbox is told again. Each telling costs Temporal a transaction and the source a listing; Gmail
# notifies no more often than this anyway.
REST = 1.0


class Teller:
    def __init__(self, db: Database, runs: Runs) -> None:
        self._db = db
        self._runs = runs
        # Each with the database's time, which none of its hints is younger than; the oldest first.
        self._owed: dict[UUID, datetime] = {}
        # Told a moment ago; with the time of what came since, if anything did.
        self._resting: dict[UUID, datetime | None] = {}
        self._told: dict[UUID, datetime] = {}
        self._traces: dict[UUID, str] = {}
        self._some_owed, self._some_told = asyncio.Event(), asyncio.Event()

    def owe(self, hinted: Mapping[UUID, datetime], traces: Mapping[UUID, str] | None = None) -> None:
        """Each mailbox's workflow is to be told of its hints up to this time, and in which trace they came."""
        self._traces.update(traces or {})
        for mailbox_id, until in hinted.items():
            if mailbox_id in self._resting:
                self._resting[mailbox_id] = until
            else:
                self._owed[mailbox_id] = until
        if self._owed:
            self._some_owed.set()

    async def run(self) -> None:
        """For as long as this process lives."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            group.create_task(self._record())
            for _ in range(SIGNALS_AT_ONCE):
                group.create_task(self._tell())

    async def _tell(self) -> None:
        while True:
            while not self._owed:
                self._some_owed.clear()
                await self._some_owed.wait()
            # Rests from now on, not from when it is told: a hint that comes meanwhile asks for another signal.
            mailbox_id = next(iter(self._owed))
            until = self._owed.pop(mailbox_id)
            self._resting[mailbox_id] = None
            try:
                await self._runs.change_mailbox(mailbox_id, NOTIFY, self._traces.pop(mailbox_id, ""))
            except NotRunning:
                # Its workflow begins with a sync when it is started.
                log.info("a notification for a mailbox without a workflow", mailbox=str(mailbox_id))
            except Exception as error:  # whatever Temporal answers, the hint stays owed
                log.warning("a mailbox could not be woken yet", mailbox=str(mailbox_id), error=type(error).__name__)
                await asyncio.sleep(RETRY)
                self._rested(mailbox_id, until)
                continue
            asyncio.get_running_loop().call_later(REST, self._rested, mailbox_id)
            self._told[mailbox_id] = until
            self._some_told.set()

    def _rested(self, mailbox_id: UUID, untold: datetime | None = None) -> None:
        until = self._resting.pop(mailbox_id) or untold
        if until is not None:
            self.owe({mailbox_id: until})

    async def _record(self) -> None:
        """Notes in one statement who was told meanwhile; what cannot be noted is told once more."""
        while True:
            await self._some_told.wait()
            self._some_told.clear()
            told, self._told = self._told, {}
            try:
                await push.hints_signalled(self._db, told)
            except Exception as error:  # the sweep finds them owed
                log.warning("told hints could not be recorded", error=type(error).__name__)

    async def _sweep(self) -> None:
        while True:
            try:
                found = await push.hints_owed(self._db)
                self.owe({m: until for m, until in found.items() if m not in self._owed and m not in self._resting})
            except Exception as error:  # the next look may go better
                log.warning("owed hints could not be read", error=type(error).__name__)
            await asyncio.sleep(SWEEP)
