"""Keeps one entity workflow running per mailbox and one per listener shard, also for those added while we run."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from uuid import UUID

import structlog
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from domain.identity import listener_workflow_id
from domain.inbound import Provider
from domain.mailbox import MailboxRef
from storage import mailboxes
from storage.database import TRANSIENT, Database
from workers.settings import Settings
from workers.temporal import TemporalRuns
from workflows import names

log = structlog.get_logger("worker")

LOOK_EVERY = 5.0
# How often even those that were started are started again, should an operator have terminated one.
FORGET_EVERY = timedelta(minutes=5)

UPKEEP_EVERY = timedelta(minutes=5)
RETENTION_EVERY = timedelta(hours=1)


async def keep_running(db: Database, runs: TemporalRuns, settings: Settings) -> None:
    started: set[UUID] = set()
    forget_at = 0.0
    clock = asyncio.get_running_loop().time
    while True:
        try:
            if clock() >= forget_at:
                started.clear()
                await _start_shards(runs, settings.listener_shards)
                await schedule_upkeep(runs)
                await schedule_retention(runs)
                forget_at = clock() + FORGET_EVERY.total_seconds()
            present = await mailboxes.locate_all(db)
            # One that was removed may come back, and then it has no run.
            started.intersection_update(mailbox.mailbox_id for mailbox in present)
            for mailbox in present:
                if mailbox.mailbox_id not in started:
                    await runs.start_mailbox(
                        MailboxRef(
                            tenant_id=mailbox.tenant_id,
                            mailbox_id=mailbox.mailbox_id,
                            provider=mailbox.provider,
                            paused=mailbox.state == "paused",
                            reconcile_every=_reconcile_every(mailbox.provider, settings),
                        )
                    )
                    started.add(mailbox.mailbox_id)
        except (RPCError, *TRANSIENT) as error:
            log.warning("mailboxes could not be looked after; trying again", error=type(error).__name__)
        await asyncio.sleep(LOOK_EVERY)


def _reconcile_every(provider: Provider, settings: Settings) -> timedelta:
    """The listener reads IMAP mailboxes; what is left for their own tick is what a listener that died did not start."""
    return timedelta(seconds=settings.reconcile_seconds * (5 if provider == "imap" else 1))


async def _start_shards(runs: TemporalRuns, shards: int) -> None:
    for shard in range(shards):
        await runs.client.start_workflow(
            names.LISTENER,
            shard,
            id=listener_workflow_id(shard),
            task_queue=names.MAIL_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )


async def schedule_upkeep(runs: TemporalRuns) -> None:
    await _schedule(runs, names.UPKEEP, names.UPKEEP_ID, UPKEEP_EVERY)


async def schedule_retention(runs: TemporalRuns) -> None:
    await _schedule(runs, names.RETENTION, names.RETENTION_ID, RETENTION_EVERY)


async def _schedule(runs: TemporalRuns, workflow: str, schedule_id: str, every: timedelta) -> None:
    """One that is there stays as it is: an operator may have paused it, or set it to other times."""
    action = ScheduleActionStartWorkflow(workflow, id=schedule_id, task_queue=names.MAIL_QUEUE)
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
    with contextlib.suppress(ScheduleAlreadyRunningError):
        await runs.client.create_schedule(schedule_id, Schedule(action=action, spec=spec))
