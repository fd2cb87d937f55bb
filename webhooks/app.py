"""The webhooks application: each handler authenticates, makes durable, wakes, answers."""

from __future__ import annotations

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from storage.database import TRANSIENT
from webhooks.google import GoogleWebhook
from webhooks.microsoft import MicrosoftWebhook
from webhooks.raw import RawWebhook

log = structlog.get_logger("webhooks")


@web.middleware
async def unavailable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What could not be made durable is not acknowledged: the sender tries again."""
    try:
        return await handler(request)
    except TRANSIENT as error:
        log.error("a webhook could not be made durable", error=type(error).__name__)
        return web.json_response(
            {"status": 503, "detail": "Storage is not reachable; send it again later."},
            status=503,
            content_type="application/problem+json",
            headers={"Retry-After": "5"},
        )


def build(
    raw: RawWebhook, google: GoogleWebhook, microsoft: MicrosoftWebhook, *, max_message_bytes: int
) -> web.Application:
    application = web.Application(client_max_size=max_message_bytes, middlewares=[unavailable])
    application.add_routes(
        [
            web.post("/webhooks/raw/{mailbox_id}", raw.post),
            web.post("/webhooks/google/{mailbox_id}", google.post),
            web.get("/webhooks/microsoft", microsoft.handshake),
            web.post("/webhooks/microsoft", microsoft.post),
        ]
    )
    return application
