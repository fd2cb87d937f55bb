"""Answers to human tasks: settled in Postgres first, then delivered to the waiting run, if need be later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from console.services import Services
from domain.runs import NotRunning
from domain.task import TaskResolution
from storage import tasks
from storage.tasks import Settled

# A person who has clicked waits this long for Temporal; the answer is safe either way.
PATIENCE = 2.0
# How often answers that are still owed are tried again.
INTERVAL = 3.0
_AT_ONCE = 5

log = structlog.get_logger("console.delivery")


class Delivery:
    """Settles answers and owes them to the runs until they are taken."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._delivering: set[UUID] = set()
        self._held: set[asyncio.Task[None]] = set()

    async def answer(
        self, tenant_id: UUID, task_id: UUID, resolution: TaskResolution, *, hold: timedelta = timedelta(0)
    ) -> Settled:
        """The answer that won, this one or an earlier one. Raises what `storage.tasks.settle` raises.

        With `hold` it is delivered that much later, unless it is taken back; if this process ends, another delivers it.
        """
        async with self._services.db.tenant(tenant_id) as session:
            settled = await tasks.settle(session, tenant_id, task_id, resolution, delivered=False, hold=hold)
        if settled.won and hold:
            held = asyncio.create_task(self._deliver_later(tenant_id, task_id, hold))
            self._held.add(held)
            held.add_done_callback(self._held.discard)
        elif settled.won:
            await self._deliver(tenant_id, task_id)
        return settled

    async def _deliver_later(self, tenant_id: UUID, task_id: UUID, hold: timedelta) -> None:
        # A little more than that: the clock that counts is the database's.
        await asyncio.sleep(hold.total_seconds() + 0.02)
        await self._deliver(tenant_id, task_id)

    async def keep_delivering(self) -> None:
        """Delivers what is owed, for as long as the process runs: answers outlive it and Temporal's absences."""
        while True:
            try:
                await self.deliver_owed()
            except Exception as error:  # Postgres is away: the next round finds the same answers
                log.warning("cannot look for owed answers", error=type(error).__name__)
            await asyncio.sleep(INTERVAL)

    async def deliver_owed(self) -> None:
        async with self._services.db.directory() as connection:
            owed = await connection.fetch("select * from directory_undelivered_tasks()")
        # A few at a time: an answer that cannot be delivered does not hold up the others.
        for start in range(0, len(owed), _AT_ONCE):
            batch = owed[start : start + _AT_ONCE]
            await asyncio.gather(*(self._deliver(row["tenant_id"], row["task_id"]) for row in batch))

    async def _deliver(self, tenant_id: UUID, task_id: UUID) -> None:
        # One delivery at a time: a request's own and the loop's would both be taken, and one noted as ignored.
        if task_id in self._delivering:
            return
        self._delivering.add(task_id)
        try:
            async with self._services.db.tenant(tenant_id) as session:
                owed = await tasks.owed(session, tenant_id, task_id)
            if owed is None:
                return
            try:
                await asyncio.wait_for(self._services.runs.resolve_task(*owed), PATIENCE)
            except NotRunning:
                log.info("the run that asked has ended", task_id=str(task_id))
            async with self._services.db.tenant(tenant_id) as session:
                await tasks.mark_delivered(session, tenant_id, task_id)
        except Exception as error:  # whatever keeps Temporal from taking it, the answer stays owed
            log.warning("answer is still owed", task_id=str(task_id), error=type(error).__name__)
        finally:
            self._delivering.discard(task_id)
