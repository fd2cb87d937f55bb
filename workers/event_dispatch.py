"""Starts the delivery of outgoing events wherever some are owed: new ones, and those whose time to be retried has come.

What is owed stands in Postgres, so a look a second misses nothing, whichever process committed the event; and a run
that is delivering already is left alone.
"""

from __future__ import annotations

import asyncio

import structlog
from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDConflictPolicy
from temporalio.service import RPCError

from domain.events import EndpointRef
from domain.identity import event_delivery_workflow_id
from storage import events
from storage.database import TRANSIENT, Database
from workflows import names

LOOK_EVERY = 1.0

log = structlog.get_logger("worker")


async def keep_dispatching(db: Database, client: Client) -> None:
    while True:
        try:
            for endpoint in await events.owed(db):
                await start(client, endpoint)
        except (RPCError, *TRANSIENT) as error:
            log.warning("event deliveries could not be started; trying again", error=type(error).__name__)
        await asyncio.sleep(LOOK_EVERY)


async def start(client: Client, endpoint: EndpointRef) -> None:
    await client.start_workflow(
        names.EVENT_DELIVERY,
        endpoint,
        id=event_delivery_workflow_id(endpoint.endpoint_id),
        task_queue=names.MAIL_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        # After live mail, before a backfill.
        priority=Priority(priority_key=4, fairness_key=str(endpoint.tenant_id)),
    )
