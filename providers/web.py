"""HTTP towards the providers: bounded answers, and network failures as `Transient`."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from domain import tracing
from providers.base import Transient

JSON_LIMIT = 16 << 20
# Longer waits than this are not taken from a header: a wrong clock there must not silence a mailbox for years.
_LONGEST_WAIT = timedelta(hours=24)


class Pinned(AbstractResolver):
    """Resolves every name to addresses that were checked, whatever its server says by now."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def new_session(resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """For API calls: redirects are never followed with our token, no cookies are kept, silence ends after a minute."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, connect=15, sock_read=60),
        connector=aiohttp.TCPConnector(limit=200, limit_per_host=100, resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "postroom"},
        trace_configs=[_tracing()] if tracing.enabled() else None,
    )


def _tracing() -> aiohttp.TraceConfig:
    """A span for each request, by method and host: paths and queries may name people and hold tokens."""

    async def began(session: aiohttp.ClientSession, call: SimpleNamespace, params: Any) -> None:
        call.began = time.monotonic()

    async def ended(session: aiohttp.ClientSession, call: SimpleNamespace, params: Any) -> None:
        attributes: dict[str, str | int] = {"http.request.method": params.method, "server.address": params.url.host}
        if isinstance(params, aiohttp.TraceRequestEndParams):
            attributes["http.response.status_code"] = params.response.status
        failure = params.exception if isinstance(params, aiohttp.TraceRequestExceptionParams) else None
        tracing.add_ended(f"{params.method} {params.url.host}", time.monotonic() - call.began, attributes, failure)

    config = aiohttp.TraceConfig()
    config.on_request_start.append(began)
    config.on_request_end.append(ended)
    config.on_request_exception.append(ended)
    return config


@asynccontextmanager
async def network(what: str) -> AsyncIterator[None]:
    """Turns what aiohttp raises into `Transient`, whose text names `what` and the failure's class, no URL."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
        raise Transient(f"{what} is not reachable ({type(error).__name__})") from None


async def read_json(response: aiohttp.ClientResponse, limit: int = JSON_LIMIT) -> Any:
    """The decoded body. Raises Transient for one that is too long or no JSON: a proxy's page, or a cut answer."""
    body = await read(response, limit)
    try:
        return json.loads(body)
    except ValueError:
        raise Transient(f"an answer ({response.status}) was not JSON") from None


async def read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, up to `limit` bytes. Raises Transient for a longer one."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > limit:
            raise Transient(f"an answer ({response.status}) was larger than {limit} bytes")
    return bytes(body)


def retry_after(value: str | None, now: datetime | None = None) -> datetime | None:
    """When to call again: Retry-After as seconds or HTTP date (RFC 9110 section 10.2.3), None if it says nothing."""
    now = now or datetime.now(UTC)
    if not value:
        return None
    value = value.strip()
    try:
        until = now + timedelta(seconds=float(value)) if value[:1].isdigit() else parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until, now), now + _LONGEST_WAIT)
