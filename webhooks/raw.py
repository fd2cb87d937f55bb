"""`POST /webhooks/raw/{mailbox_id}`: one message as RFC 5322 bytes, signed as Standard Webhooks."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from uuid import UUID

import structlog
from aiohttp import web

from domain import webhook_secret
from domain.metrics import RAW_WEBHOOKS
from domain.standard_webhooks import BadSignature, claim, verify
from storage import mailboxes
from storage.database import Database
from storage.secrets import KeyRing
from webhooks.ingress import Ingress, Replayed

log = structlog.get_logger("webhooks")

# Bytes that any number of requests may hold, and how many larger ones are read at a time: who knows a mailbox's id can
# send as much as he likes before his signature is seen to be wrong.
_SMALL, _LARGE_AT_ONCE = 1 << 20, 2
# Seconds that a body may take.
_BODY_TIME = 300.0


class RawWebhook:
    def __init__(self, db: Database, keyring: KeyRing, ingress: Ingress) -> None:
        self._db = db
        self._keyring = keyring
        self._ingress = ingress
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def post(self, request: web.Request) -> web.Response:
        """202 once the message is durable; 401 unsigned or unknown, 409 replayed, 413 too large, 503 try again."""
        mailbox = await self._mailbox(request.match_info["mailbox_id"])
        if mailbox is None:
            return _problem(401, "No raw mailbox accepts this signature.")
        try:
            claimed = claim(request.headers)
            body = await self._body(request)
            verify(claimed, webhook_secret.valid(mailbox.secret(self._keyring), datetime.now(UTC)), body)
        except BadSignature as error:
            log.warning("raw webhook refused", mailbox=str(mailbox.mailbox_id), cause=str(error))
            return _problem(401, f"No raw mailbox accepts this signature: {error}.")
        except TimeoutError:
            return _problem(408, f"The message did not arrive within {_BODY_TIME:.0f} seconds.")
        located = mailboxes.Located(mailbox.tenant_id, mailbox.mailbox_id, mailbox.provider, mailbox.state)
        try:
            sha256 = await self._ingress.accept(located, body, webhook_id=claimed.webhook_id)
        except Replayed:
            return _problem(409, "This webhook-id was accepted before; send every message under an id of its own.")
        RAW_WEBHOOKS.labels("accepted").inc()
        return web.json_response({"locator": sha256}, status=202)

    async def _body(self, request: web.Request) -> bytes:
        """Raises TimeoutError, and HTTPRequestEntityTooLarge as `Request.read` does."""
        small = (request.content_length or _SMALL + 1) <= _SMALL and "Content-Encoding" not in request.headers
        async with nullcontext() if small else self._large, asyncio.timeout(_BODY_TIME):
            return await request.read()

    async def _mailbox(self, mailbox_id: str) -> mailboxes.Mailbox | None:
        try:
            located = await mailboxes.locate(self._db, UUID(mailbox_id))
        except ValueError:
            return None
        if located is None or located.provider != "raw":
            return None
        async with self._db.tenant(located.tenant_id) as session:
            return await mailboxes.get(session, located.tenant_id, located.mailbox_id)


def _problem(status: int, detail: str) -> web.Response:
    RAW_WEBHOOKS.labels("replayed" if status == 409 else "refused").inc()
    return web.json_response(
        {"status": status, "detail": detail}, status=status, content_type="application/problem+json"
    )
