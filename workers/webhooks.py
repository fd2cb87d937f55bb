"""`postroom webhooks`: everything that is pushed to us, over HTTP and SMTP."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import structlog

from providers import web
from storage.objects import Objects
from storage.secrets import KeyRing
from webhooks import app, smtp
from webhooks.google import GoogleWebhook
from webhooks.hints import Hints
from webhooks.ingress import Ingress
from webhooks.jwks import Jwks
from webhooks.microsoft import MicrosoftWebhook
from webhooks.pull import Puller
from webhooks.raw import RawWebhook
from webhooks.starter import Starter
from webhooks.teller import Teller
from workers import health, process
from workers.http_spans import trace_requests
from workers.settings import Settings
from workers.temporal import TemporalRuns, lazy_client

log = structlog.get_logger("webhooks")


async def run(settings: Settings) -> None:
    keyring = KeyRing(settings.master_keys.get_secret_value())
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(process.database(settings))
        runs = TemporalRuns(await lazy_client())
        starter, teller = Starter(runs), Teller(db, runs)
        hints = Hints(db, teller)
        objects = Objects(settings.objects_url)
        ingress = Ingress(db, objects, starter, max_message_bytes=settings.max_message_bytes)
        http = await stack.enter_async_context(web.new_session())
        application = app.build(
            RawWebhook(db, keyring, ingress),
            GoogleWebhook(db, hints, Jwks(http, settings.google_jwks_url), settings.endpoints),
            MicrosoftWebhook(db, hints),
            max_message_bytes=settings.max_message_bytes,
        )
        trace_requests(application)
        application.add_routes(
            health.routes({"postgres": health.postgres(db), "objects": health.object_store(objects)})
        )
        server = await health.serve(application, settings.host, settings.webhooks_port)
        stack.push_async_callback(server.cleanup)
        inbox = await smtp.serve(
            smtp.Inbox(db, ingress), settings.host, settings.smtp_port, max_message_bytes=settings.max_message_bytes
        )
        stack.callback(inbox.close)
        log.info("webhooks are served", http=settings.webhooks_port, smtp=settings.smtp_port)
        puller = Puller(db, keyring, hints, http, settings.endpoints)
        async with asyncio.TaskGroup() as group:
            group.create_task(starter.run())
            group.create_task(teller.run())
            group.create_task(puller.run())
