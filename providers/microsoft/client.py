"""Calls of Microsoft Graph for one mailbox: token, gate, errors, and never a token for a foreign host."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
from yarl import URL

from providers import web
from providers.base import Gate, Permanent, ProviderError
from providers.microsoft.errors import classify
from providers.oauth import TokenSource

# Ids that stay the same when a message moves within its mailbox; has to be asked for with every request.
IMMUTABLE_IDS = 'IdType="ImmutableId"'
_ERROR_LIMIT = 64 * 1024
_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{1,64}")
_log = logging.getLogger(__name__)


class GraphClient:
    """Every method raises a `ProviderError`."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str, tokens: TokenSource, gate: Gate) -> None:
        self._http = http
        self._base = URL(base_url)
        self._tokens = tokens
        self._gate = gate

    def url(self, path: str, **query: str) -> str:
        """Of a resource of v1.0; `path` is encoded already."""
        return str(URL(f"{self._base}/v1.0/{path}", encoded=True).with_query(query))

    async def call(self, verb: str, url: str, *, json: Any = None, prefer: str = IMMUTABLE_IDS) -> dict[str, Any]:
        async with self._sent(verb, url, json, prefer) as response:
            if response.status == 204:
                return {}
            answer = await web.read_json(response)
        return answer if isinstance(answer, dict) else {}

    async def post_text(self, url: str, data: bytes) -> None:
        async with self._sent("POST", url, data, IMMUTABLE_IDS):
            return

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """A GET whose body the caller reads."""
        async with self._sent("GET", url, None, IMMUTABLE_IDS) as response:
            yield response

    @asynccontextmanager
    async def _sent(self, verb: str, url: str, body: Any, prefer: str) -> AsyncIterator[aiohttp.ClientResponse]:
        target = self._own(url)
        token = await self._tokens.token()
        async with self._gate.request(), web.network("Graph"):
            response = await self._request(verb, target, body, prefer, token)
            if response.status == 401:
                response.release()
                # Once: a token can be revoked before it ends, and then a new one may do.
                token = await self._tokens.token(refused=token)
                response = await self._request(verb, target, body, prefer, token)
            async with response:
                if not 200 <= response.status < 300:
                    error = classify(response.status, response.headers, await _error_body(response))
                    # By these Microsoft's support finds the request.
                    request_id = response.headers.get("request-id", "")
                    _log.info(
                        "%s, request-id %s", error, request_id if _REQUEST_ID.fullmatch(request_id) else "unknown"
                    )
                    raise error
                yield response

    async def _request(self, verb: str, url: URL, body: Any, prefer: str, token: str) -> aiohttp.ClientResponse:
        headers = {"Authorization": f"Bearer {token}", "Prefer": prefer, "client-request-id": str(uuid4())}
        if isinstance(body, bytes):
            headers["Content-Type"] = "text/plain"
            return await self._http.request(verb, url, data=body, headers=headers, allow_redirects=False)
        return await self._http.request(verb, url, json=body, headers=headers, allow_redirects=False)

    def _own(self, url: str) -> URL:
        """Links in answers are absolute: the token goes to the configured Graph and nowhere else."""
        try:
            target = URL(url, encoded=True)
            ours = target.absolute and target.origin() == self._base.origin() and target.user is None
        except ValueError:
            ours = False
        if not ours:
            raise Permanent("a link in Graph's answer leads to another host")
        return target


async def _error_body(response: aiohttp.ClientResponse) -> Any:
    try:
        return await web.read_json(response, _ERROR_LIMIT)
    except ProviderError:
        return None
