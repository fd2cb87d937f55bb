"""Delivering outgoing events as Standard Webhooks (standardwebhooks.com, 1.0.0): signed, in order for each subject.

At least once: a receiver tells a repetition by its `webhook-id`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from temporalio import activity

from activities.heartbeat import heartbeating
from domain.events import DeliveryReport, EndpointRef, retry_in
from domain.standard_webhooks import sign
from providers.imap.network import is_public
from storage import events
from storage.database import Database
from storage.secrets import KeyRing

# Subjects at a time, to one endpoint.
_AT_ONCE = 8
_ROUND_SECONDS = 30.0
_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
_ANSWER_BYTES = 65_536


class Refused(Exception):
    """An endpoint that may not be connected to; the text says why."""


class _PublicOnly(AbstractResolver):
    """Resolves to public addresses only, and the connection goes to what was checked."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        public = [address for address in found if is_public(address["host"])]
        if not public:
            raise Refused("on a private network")
        return public

    async def close(self) -> None:
        await self._resolver.close()


class DeliverEvents:
    def __init__(self, db: Database, keyring: KeyRing, *, allow_private_hosts: bool) -> None:
        self._db = db
        self._keyring = keyring
        self._allow_private_hosts = allow_private_hosts

    @activity.defn
    async def deliver_events(self, endpoint: EndpointRef) -> DeliveryReport:
        """Delivers what is due to one endpoint, for half a minute at most; nothing to one that is paused or gone."""
        delivered = failed = 0
        until = time.monotonic() + _ROUND_SECONDS
        async with heartbeating(), self._session() as http:
            while True:
                async with self._db.tenant(endpoint.tenant_id) as session:
                    target = await events.target(session, self._keyring, endpoint)
                    due = await events.due(session, endpoint, _AT_ONCE) if target is not None else []
                if target is None or not due or time.monotonic() > until:
                    return DeliveryReport(delivered=delivered, failed=failed, more=bool(due))
                results = await asyncio.gather(*(self._deliver(http, endpoint, *target, event) for event in due))
                delivered += sum(results)
                failed += len(results) - sum(results)

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=_AT_ONCE, resolver=None if self._allow_private_hosts else _PublicOnly(), use_dns_cache=False
        )
        return aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, headers={"User-Agent": "postroom"})

    async def _deliver(
        self, http: aiohttp.ClientSession, endpoint: EndpointRef, url: str, secret: str, event: events.Due
    ) -> bool:
        error, wish = await self._post(http, url, secret, event)
        async with self._db.tenant(endpoint.tenant_id) as session:
            if not error:
                await events.delivered(session, endpoint, event.seq)
                return True
            await events.failed(session, endpoint, event.seq, error, retry_in(event.attempts + 1, wish))
            if error == "410":
                await events.set_state(
                    session, endpoint.tenant_id, endpoint.endpoint_id, "paused", "it answers 410: it is gone for good"
                )
        return False

    async def _post(
        self, http: aiohttp.ClientSession, url: str, secret: str, event: events.Due
    ) -> tuple[str, timedelta | None]:
        """What went wrong in a word, empty when nothing did; and how long the receiver wishes to be left alone."""
        host = urlsplit(url).hostname or ""
        if not self._allow_private_hosts and _is_private_literal(host):
            return "private network", None
        now = int(time.time())
        body = json.dumps(
            {"type": event.kind, "timestamp": event.created_at.isoformat(), "data": event.data}, separators=(",", ":")
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(event.event_id),
            "webhook-timestamp": str(now),
            "webhook-signature": sign(secret, str(event.event_id), now, body),
        }
        try:
            # A redirect could lead anywhere, also to where the check above would have refused to go.
            async with http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(_ANSWER_BYTES)
                if 200 <= answer.status < 300:
                    return "", None
                wish = answer.headers.get("Retry-After", "")
                return str(answer.status), timedelta(seconds=int(wish[:6])) if wish.isdecimal() else None
        except Refused:
            return "private network", None
        except TimeoutError:
            return "no answer in time", None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__, None


def _is_private_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)
