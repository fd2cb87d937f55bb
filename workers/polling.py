"""Whether this process still polls its task queues, as the Temporal server sees it.

A worker that lost its pollers looks well from inside: its process runs, its health port answers, and no mail moves. So
the server is asked who polls. While Temporal itself is away the process is not ready; only when it has not been seen to
poll for `LIMIT` is it not live, since by then the SDK should have come back by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

log = structlog.get_logger("health")

# A long poll lasts a minute: whoever polls was last seen within that, and a little.
SEEN_WITHIN = timedelta(seconds=75)
# Long enough for an upgrade of the server.
LIMIT = 300.0
_EVERY = 10.0
_STARTING = 5.0


class Polling:
    """`watch` looks for as long as the process lives; `ready` and `alive` are its checks (`workers.health`)."""

    def __init__(self, client: Client, queues: Sequence[tuple[str, int]], *, limit: float = LIMIT) -> None:
        self._client = client
        self._queues = queues
        self._limit = limit
        self._cause: str | None = "it has not polled yet"
        self._seen = time.monotonic()

    async def watch(self) -> None:
        told: str | None = None
        while True:
            cause = await self._look()
            # A moment after the start there is no poll on record yet.
            if cause not in (None, told) and time.monotonic() - self._seen > _STARTING:
                log.warning("this process does not poll", cause=cause)
                told = cause
            self._cause = cause
            if cause is None:
                self._seen, told = time.monotonic(), None
            # At the start every moment counts: work is sent here once it is ready.
            await asyncio.sleep(_EVERY if cause is None else 1.0)

    async def ready(self) -> str | None:
        return self._cause

    async def alive(self) -> str | None:
        silent = time.monotonic() - self._seen
        return None if silent <= self._limit else f"for {silent:.0f} s: {self._cause or 'nobody looks any more'}"

    async def _look(self) -> str | None:
        for queue, kind in self._queues:
            try:
                described = await self._client.workflow_service.describe_task_queue(
                    DescribeTaskQueueRequest(
                        namespace=self._client.namespace,
                        task_queue=TaskQueue(name=queue),
                        task_queue_type=kind,  # type: ignore[arg-type]
                    ),
                    timeout=timedelta(seconds=5),
                )
            except RPCError as error:
                return f"Temporal does not answer ({error.status.name})"
            oldest = datetime.now(UTC) - SEEN_WITHIN
            if not any(
                poller.identity == self._client.identity and poller.last_access_time.ToDatetime(tzinfo=UTC) >= oldest
                for poller in described.pollers
            ):
                return f"it does not poll the task queue {queue}"
        return None


WORKFLOWS, ACTIVITIES = (
    int(TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
    int(TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
)
