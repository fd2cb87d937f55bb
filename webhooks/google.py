"""`POST /webhooks/google/{mailbox_id}`: Pub/Sub pushes of Gmail's notifications.

cloud.google.com/pubsub/docs/push and …/authenticate-push-subscriptions. Only 102, 200, 201, 202 and 204 acknowledge;
everything else makes Pub/Sub push again, so what can never become useful is acknowledged and counted.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web

from domain.address import canonical
from domain.endpoints import Endpoints
from domain.metrics import GOOGLE_PUSHES
from providers.gmail.settings import GmailSettings
from storage import mailboxes
from storage.database import Database
from webhooks.bodies import read_body
from webhooks.hints import Hints
from webhooks.jwks import Jwks, Unavailable
from webhooks.known import Known
from webhooks.notice import pushed_address
from webhooks.tokens import BadToken, Tokens

log = structlog.get_logger("webhooks")

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
# Seconds that clocks may differ.
LEEWAY = 60
# A push is a few hundred bytes; Gmail's content never travels in it.
BODY_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class PushTarget:
    """The mailbox of one push endpoint, and whose pushes it takes; without an account, nobody's."""

    mailbox_id: UUID
    address: str
    audience: str
    service_account: str | None


class GoogleWebhook:
    def __init__(
        self, db: Database, hints: Hints, keys: Jwks, endpoints: Endpoints, now: Callable[[], float] = time.time
    ) -> None:
        self._db = db
        self._hints = hints
        self._tokens = Tokens(keys)
        self._endpoints = endpoints
        self._now = now
        self._targets: Known[UUID, PushTarget] = Known(self._look_up)

    async def post(self, request: web.Request) -> web.Response:
        """204 once the hint is durable, or when there is nothing to do; 401 not authentic; 503 try again.

        Ids are not to be guessed, so it gives nothing away that one which no mailbox has is answered otherwise.
        """
        try:
            claims = await self._tokens.claims(request.headers.get("Authorization", ""))
            check_issued(claims, self._now())
            target = await self._target(request.match_info["mailbox_id"])
            if target is not None:
                check_addressed(claims, target)
        except BadToken as error:
            log.warning("Pub/Sub push refused", cause=str(error))
            return _answered("refused", 401)
        except Unavailable:
            log.error("a Pub/Sub push cannot be verified without Google's keys")
            return _answered("unverified", 503)
        if target is None:
            # Removed, most likely: its subscription would deliver everything again and again until somebody deletes it.
            return _answered("unknown", 204)
        body = await read_body(request, BODY_LIMIT)
        if body is None:
            return _answered("too large", 204)
        if pushed_address(body) != target.address:
            # Redelivery would not make it any better.
            log.warning("Pub/Sub push of no use", mailbox=str(target.mailbox_id))
            return _answered("useless", 204)
        await self._hints.push(target.mailbox_id)
        return _answered("accepted", 204)

    async def _target(self, mailbox_id: str) -> PushTarget | None:
        """None for a mailbox that does not exist. Raises BadToken for an endpoint that can be none."""
        try:
            return await self._targets.get(UUID(mailbox_id))
        except ValueError:
            raise BadToken("no mailbox takes pushes here") from None

    async def _look_up(self, mailbox_id: UUID) -> PushTarget | None:
        located = await mailboxes.locate(self._db, mailbox_id, drafts=True)
        if located is None:
            return None
        async with self._db.tenant(located.tenant_id) as session:
            mailbox = await mailboxes.get(session, located.tenant_id, mailbox_id)
        if mailbox is None:
            return None
        if mailbox.provider != "gmail":
            return PushTarget(mailbox_id, "", "", None)
        settings = GmailSettings.model_validate(mailbox.settings)
        audience = settings.push_audience or self._endpoints.google_push(str(mailbox_id))
        return PushTarget(mailbox_id, canonical(mailbox.address), audience, settings.push_service_account)


def check_issued(claims: Mapping[str, Any], now: float) -> None:
    """Whether Google says this, of an account it knows, and now. Raises BadToken."""
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, (int, float)) or now > expires + LEEWAY:
        raise BadToken("exp")
    if not isinstance(issued, (int, float)) or now < issued - LEEWAY:
        raise BadToken("iat")
    if claims.get("iss") not in ISSUERS:
        raise BadToken("iss")
    if claims.get("email_verified") is not True:
        raise BadToken("email_verified")


def check_addressed(claims: Mapping[str, Any], target: PushTarget) -> None:
    """Raises BadToken. The audience and the signature alone would let any Google service account in."""
    if target.service_account is None:
        raise BadToken("the mailbox takes no pushes")
    if not _same(claims.get("aud"), target.audience):
        raise BadToken("aud")
    if not _same(claims.get("email"), target.service_account):
        raise BadToken("email")


def _same(given: Any, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _answered(result: str, status: int) -> web.Response:
    GOOGLE_PUSHES.labels(result).inc()
    return web.Response(status=status)
