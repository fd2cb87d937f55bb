"""`POST|GET /webhooks/microsoft`: Graph's change and lifecycle notifications.

learn.microsoft.com/graph/change-notifications-delivery-webhooks. One request mixes subscriptions, mailboxes and
directories: each item is verified by itself, and a bad one fails no other. The answer must come within three seconds.
"""

from __future__ import annotations

import hmac
import json
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web

from domain.metrics import MICROSOFT_ITEMS
from storage import push
from storage.database import Database
from storage.push import WatchOwner, secret_digest
from webhooks.bodies import read_body
from webhooks.hints import Hints
from webhooks.known import Known

log = structlog.get_logger("webhooks")

TOKEN_LIMIT = 4096
BODY_LIMIT = 1 << 20
ITEMS_LIMIT = 1000


class MicrosoftWebhook:
    def __init__(self, db: Database, hints: Hints) -> None:
        self._db = db
        self._hints = hints
        self._owners: Known[str, WatchOwner] = Known(self._look_up)

    async def handshake(self, request: web.Request) -> web.Response:
        """The token, as text, exactly: Graph asks this while our own request to subscribe is still open."""
        token = request.query.get("validationToken", "")
        if not token or len(token) > TOKEN_LIMIT or not token.isprintable():
            return web.Response(status=400)
        return web.Response(
            text=token, content_type="text/plain", charset="utf-8", headers={"X-Content-Type-Options": "nosniff"}
        )

    async def post(self, request: web.Request) -> web.Response:
        """202 once every authentic item's hint is durable; 400 no notification; 413; 503 try again."""
        if "validationToken" in request.query:
            return await self.handshake(request)
        body = await read_body(request, BODY_LIMIT)
        if body is None:
            return web.Response(status=413)
        items = notifications(body)
        if items is None:
            return web.Response(status=400)
        mailboxes: dict[UUID, None] = {}
        for item in items:
            owner = await self._authentic(item)
            if owner is not None:
                await self._lifecycle(owner, item)
                mailboxes[owner.mailbox_id] = None
            MICROSOFT_ITEMS.labels("accepted" if owner is not None else "dropped").inc()
        if mailboxes:
            await self._hints.push(*mailboxes)
        return web.Response(status=202)

    async def _authentic(self, item: dict[str, Any]) -> WatchOwner | None:
        watch_id, state = item.get("subscriptionId"), item.get("clientState")
        if not isinstance(watch_id, str) or not 0 < len(watch_id) <= 100 or not watch_id.isascii():
            return None
        owner = await self._owners.get(watch_id)
        if owner is None:
            log.info("a Graph notification of an unknown subscription")
            return None
        if not isinstance(state, str) or not hmac.compare_digest(secret_digest(state), owner.secret_sha256):
            log.warning("a Graph notification with a wrong clientState", mailbox=str(owner.mailbox_id))
            return None
        return owner

    async def _lifecycle(self, owner: WatchOwner, item: dict[str, Any]) -> None:
        """The sync that every notification asks for renews what is due, and makes what is gone."""
        event, watch_id = item.get("lifecycleEvent"), item["subscriptionId"]
        if event not in ("reauthorizationRequired", "subscriptionRemoved"):
            return
        async with self._db.tenant(owner.tenant_id) as session:
            if event == "reauthorizationRequired":
                await push.renewal_due(session, owner.tenant_id, owner.mailbox_id, watch_id)
            else:
                await push.forget_watch(session, owner.tenant_id, owner.mailbox_id, watch_id)

    async def _look_up(self, watch_id: str) -> WatchOwner | None:
        return await push.watch_owner(self._db, watch_id)


def notifications(body: bytes) -> list[dict[str, Any]] | None:
    """The items of a notification; None for anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    items = document.get("value") if isinstance(document, dict) else None
    if not isinstance(items, list) or len(items) > ITEMS_LIMIT:
        return None
    return [item for item in items if isinstance(item, dict)]
