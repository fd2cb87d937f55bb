"""Pub/Sub pull subscriptions, where the internet cannot reach our webhooks: pulled, durable, then acknowledged.

Every `postroom webhooks` process pulls; Pub/Sub gives each notification to one of them, and to another one when it is
not acknowledged in time.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiohttp
import structlog

from domain.address import canonical
from domain.endpoints import Endpoints
from domain.metrics import GOOGLE_PULLS
from providers.base import ProviderError, RateLimited
from providers.gmail import auth
from providers.gmail.pubsub import PullSubscription
from providers.gmail.settings import SUBSCRIPTION
from storage import mailboxes, push
from storage.database import Database
from storage.mailboxes import Mailbox
from storage.secrets import KeyRing, SecretError
from webhooks.hints import Hints
from webhooks.notice import decoded, told_address

log = structlog.get_logger("webhooks")

# Seconds between looks for mailboxes that were connected, changed or removed.
LOOK = 30.0
# Seconds to wait after a failure, and twice as long after each further one, up to the second figure.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


@dataclass(frozen=True)
class Pulling:
    """One subscription of a tenant, the key to it, and its mailboxes by canonical address."""

    tenant_id: UUID
    subscription: str
    secret: dict[str, Any]
    mailboxes: dict[str, UUID]


class Puller:
    def __init__(
        self, db: Database, keyring: KeyRing, hints: Hints, http: aiohttp.ClientSession, endpoints: Endpoints
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._hints = hints
        self._http = http
        self._endpoints = endpoints
        self._running: dict[tuple[UUID, str], tuple[Pulling, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """For as long as this process lives."""
        try:
            while True:
                try:
                    self._follow(await self._wanted())
                except Exception as error:  # whatever it is, pushes and mails are taken all the same
                    log.error("the subscriptions to pull could not be read", error=type(error).__name__)
                await asyncio.sleep(LOOK)
        finally:
            self._follow([])

    def _follow(self, wanted: list[Pulling]) -> None:
        """One task for each subscription. What a task that ends had pulled comes again, to whoever pulls then."""
        by_key = {(pulling.tenant_id, pulling.subscription): pulling for pulling in wanted}
        for key, (pulling, task) in list(self._running.items()):
            if by_key.get(key) != pulling:
                task.cancel()
                del self._running[key]
        for key, pulling in by_key.items():
            if key not in self._running:
                self._running[key] = pulling, asyncio.create_task(self._pull(pulling))

    async def _wanted(self) -> list[Pulling]:
        tenants = {located.tenant_id for located in await mailboxes.locate_all(self._db) if located.provider == "gmail"}
        found: dict[tuple[UUID, str], Pulling] = {}
        for tenant_id in tenants:
            async with self._db.tenant(tenant_id) as session:
                rows = await mailboxes.with_setting(session, tenant_id, "gmail", "subscription")
            for mailbox in rows:
                name = mailbox.settings["subscription"]
                if not re.fullmatch(SUBSCRIPTION, str(name)):
                    continue
                pulling = found.setdefault((tenant_id, name), Pulling(tenant_id, name, self._key(mailbox), {}))
                pulling.mailboxes[canonical(mailbox.address)] = mailbox.mailbox_id
        return list(found.values())

    def _key(self, mailbox: Mailbox) -> dict[str, Any]:
        """What of the mailbox's secret does not change with each of its tokens."""
        try:
            secret = mailbox.secret(self._keyring)
        except SecretError:
            return {}
        return {name: secret[name] for name in _KEY_FIELDS if name in secret}

    async def _pull(self, pulling: Pulling) -> None:
        pause, failing = FIRST_PAUSE, True
        while True:
            try:
                tokens = auth.pull_tokens(self._http, self._endpoints, pulling.secret)
                source = PullSubscription(self._http, self._endpoints.google_pubsub, pulling.subscription, tokens)
                while True:
                    await self._take(pulling, source)
                    if failing:
                        await self._report(pulling, None)
                    pause, failing = FIRST_PAUSE, False
            except ProviderError as error:
                failing, wait = True, _wait(error, pause)
                log.warning("a Pub/Sub subscription cannot be pulled", cause=str(error))
                await self._report(pulling, str(error))
            except Exception as error:  # what could not be made durable is not acknowledged: it comes again
                failing, wait = True, pause
                log.error("a pulled notification could not be made durable", error=type(error).__name__)
            await asyncio.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _take(self, pulling: Pulling, source: PullSubscription) -> None:
        messages = await source.pull()
        told = [pulling.mailboxes.get(told_address(decoded(message.data)) or "") for message in messages]
        hinted = {mailbox_id for mailbox_id in told if mailbox_id is not None}
        if hinted:
            await self._hints.push(*hinted)
        if messages:
            # Also what is of no use: redelivery would not make it any better.
            await source.acknowledge([message.ack_id for message in messages])
        for mailbox_id in told:
            GOOGLE_PULLS.labels("accepted" if mailbox_id is not None else "useless").inc()

    async def _report(self, pulling: Pulling, failure: str | None) -> None:
        """For the mailboxes' status."""
        try:
            async with self._db.tenant(pulling.tenant_id) as session:
                for mailbox_id in sorted(pulling.mailboxes.values()):
                    await push.set_sync_state(session, pulling.tenant_id, mailbox_id, pull_failure=failure)
        except Exception as error:  # a mailbox may be gone meanwhile
            log.warning("a failing subscription could not be reported", error=type(error).__name__)


_KEY_FIELDS = ("kind", "client_email", "private_key", "private_key_id", "puller")


def _wait(error: ProviderError, pause: float) -> float:
    if isinstance(error, RateLimited) and error.until is not None:
        return max((error.until - datetime.now(UTC)).total_seconds(), pause)
    return pause
