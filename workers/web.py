"""`postroom web`: the console and the JSON API."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import structlog

from console.application import make_application
from console.calls import REACH
from console.delivery import Delivery
from console.oidc import Client, OpenIdConnect
from console.services import Services
from storage.objects import Objects
from storage.secrets import KeyRing
from workers import health, payloads, process, temporal
from workers.codec_endpoint import CodecEndpoint
from workers.http_spans import trace_requests
from workers.settings import Settings

log = structlog.get_logger("web")


async def run(settings: Settings) -> None:
    """Serves until it is cancelled. Pages come from Postgres: Temporal may be away when this starts, and later."""
    keyring = KeyRing(settings.master_keys.get_secret_value())
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(process.database(settings))
        client = await temporal.lazy_client()
        services = Services(
            db=db,
            objects=Objects(settings.objects_url),
            runs=temporal.TemporalRuns(client),
            keyring=keyring,
            token_keys=keyring.derive("reply-token"),
            public_url=settings.public_url,
            endpoints=settings.endpoints,
            temporal_ui_url=settings.temporal_ui_url,
            temporal_namespace=client.namespace,
            trusted_proxies=settings.proxies,
            oidc=await _oidc(settings, stack),
            ask_scanner=settings.scanner.version if settings.scanner else None,
        )
        delivery = Delivery(services)
        application = make_application(services, delivery)
        trace_requests(application)
        if codec := payloads.configured():
            application.add_routes(CodecEndpoint(services, codec).routes())
        application.add_routes(
            health.routes({"postgres": health.postgres(db), "objects": health.object_store(services.objects)})
        )
        server = await health.serve(application, settings.host, settings.web_port)
        stack.push_async_callback(server.cleanup)
        log.info("console and API are up", port=settings.web_port)
        async with asyncio.TaskGroup() as group:
            group.create_task(delivery.keep_delivering())
            group.create_task(application[REACH].keep_asking())


async def _oidc(settings: Settings, stack: AsyncExitStack) -> OpenIdConnect | None:
    if not settings.oidc_issuer:
        return None
    client = Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value() or None,
        label=settings.oidc_label,
    )
    http = await stack.enter_async_context(aiohttp.ClientSession())
    return OpenIdConnect(http, client, f"{settings.public_url.rstrip('/')}/login/oidc/callback")
