"""`postroom listener`: watches IMAP mailboxes, shard by shard, as Temporal hands them out."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from aiohttp import web
from temporalio.worker import Worker

from activities.listen import Listen
from storage.secrets import KeyRing
from workers import health, process, temporal
from workers.settings import Settings
from workflows import names

log = structlog.get_logger("listener")


async def run(settings: Settings) -> None:
    keyring = KeyRing(settings.master_keys.get_secret_value())
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(process.database(settings))
        client = await temporal.connect()
        listen = Listen(
            db,
            keyring,
            temporal.TemporalRuns(client),
            shards=settings.listener_shards,
            allow_private_hosts=settings.allow_private_hosts,
        )
        if settings.health_port:
            application = web.Application()
            application.add_routes(health.routes({"postgres": health.postgres(db)}))
            server = await health.serve(application, settings.host, settings.health_port)
            stack.push_async_callback(server.cleanup)
        log.info("listener is polling")
        await Worker(
            client,
            task_queue=names.LISTENER_QUEUE,
            activities=[listen.listen],
            max_concurrent_activities=settings.listener_shards,
            graceful_shutdown_timeout=timedelta(seconds=5),
        ).run()
