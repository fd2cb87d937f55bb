"""`postroom listener`: watches IMAP mailboxes, shard by shard, as Temporal hands them out."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from aiohttp import web
from temporalio.worker import Worker

from activities.listen import Listen
from activities.watching import Watching
from storage.objects import Objects
from storage.secrets import KeyRing
from workers import health, process, temporal
from workers.polling import ACTIVITIES, Polling
from workers.settings import Settings
from workflows import names

log = structlog.get_logger("listener")


async def run(settings: Settings) -> None:
    keyring = KeyRing(settings.master_keys.get_secret_value())
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(process.database(settings))
        client = await temporal.connect()
        watching = Watching(
            db,
            Objects(settings.objects_url),
            keyring,
            temporal.TemporalRuns(client),
            shards=settings.listener_shards,
            allow_private_hosts=settings.allow_private_hosts,
        )
        polling = Polling(client, [(names.LISTENER_QUEUE, ACTIVITIES)])
        if settings.health_port:
            application = web.Application()
            checks = {"postgres": health.postgres(db), "polls": polling.ready}
            application.add_routes(health.routes(checks, {"polling": polling.alive}))
            server = await health.serve(application, settings.host, settings.health_port)
            stack.push_async_callback(server.cleanup)
        worker = Worker(
            client,
            task_queue=names.LISTENER_QUEUE,
            activities=[Listen(watching).listen],
            # One more than there are shards, so that it polls, and can be seen to, even while it holds all of them.
            max_concurrent_activities=settings.listener_shards + 1,
            graceful_shutdown_timeout=timedelta(seconds=5),
        )
        log.info("listener is polling")
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            group.create_task(polling.watch())
