"""Starts the workflows of messages that are already durable, off the path of their acknowledgement.

Whatever this process cannot start any more, because it dies or Temporal stays away, the mailbox's next tick starts.
"""

from __future__ import annotations

import asyncio

import structlog

from domain.runs import Runs
from storage.ledger import ListedEmail

log = structlog.get_logger("ingress")

CONCURRENCY = 16
BACKLOG = 10_000


class Starter:
    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._queue: asyncio.Queue[ListedEmail] = asyncio.Queue(BACKLOG)

    def start(self, row: ListedEmail) -> None:
        """Never blocks: a full backlog is left to the mailbox's tick."""
        try:
            self._queue.put_nowait(row)
        except asyncio.QueueFull:
            log.warning("more messages than can be started at once; the mailbox's tick will start the rest")

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(self._work())

    async def drained(self) -> None:
        """Runs until everything handed over so far is started."""
        running = asyncio.create_task(self.run())
        try:
            await self._queue.join()
        finally:
            running.cancel()

    async def _work(self) -> None:
        while True:
            row = await self._queue.get()
            pause = 0.5
            while not await self._started(row):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10)
            self._queue.task_done()

    async def _started(self, row: ListedEmail) -> bool:
        try:
            await self._runs.start_email(
                row.email, row.workflow_id, row.message_key, history=row.history, traceparent=row.traceparent
            )
        except Exception as error:  # whatever Temporal answers, the row stays listed and is tried again
            log.warning("Temporal did not take a message yet", error=type(error).__name__)
            return False
        return True
