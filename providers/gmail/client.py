"""Calls of the Gmail API for one user: token, quota, errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp

from providers import web
from providers.base import Gate, ProviderError
from providers.gmail.errors import classify
from providers.gmail.quota import COST
from providers.oauth import TokenSource

Parameters = Mapping[str, str | int | list[str]]
_ERROR_LIMIT = 64 * 1024


class GmailClient:
    """Every method raises a `ProviderError`. `address` is the mailbox's user."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        base_url: str,
        address: str,
        tokens: TokenSource,
        gate: Gate,
        *,
        units_per_message: int,
    ) -> None:
        self._http = http
        self._user = f"{base_url}/gmail/v1/users/{quote(address, safe='@')}"
        self._tokens = tokens
        self._gate = gate
        self._cost = {**COST, "messages.get": units_per_message}

    async def call(
        self, method: str, verb: str, path: str, parameters: Parameters | None = None, json: Any = None
    ) -> Any:
        """The decoded answer; `method` is the API's name of it, by which it costs quota."""
        async with self._sent(method, verb, path, parameters, json) as response:
            return await web.read_json(response) if response.status != 204 else {}

    @asynccontextmanager
    async def open(self, method: str, path: str, parameters: Parameters) -> AsyncIterator[aiohttp.ClientResponse]:
        """A GET whose body the caller reads."""
        async with self._sent(method, "GET", path, parameters, None) as response:
            yield response

    @asynccontextmanager
    async def _sent(
        self, method: str, verb: str, path: str, parameters: Parameters | None, json: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        token = await self._tokens.token()
        async with self._gate.request(self._cost[method]), web.network("Gmail"):
            response = await self._request(verb, path, parameters, json, token)
            if response.status == 401:
                response.release()
                # Once: a token can be revoked before it ends, and then a new one may do.
                response = await self._request(verb, path, parameters, json, await self._tokens.token(refused=token))
            async with response:
                if not 200 <= response.status < 300:
                    raise classify(response.status, response.headers, await _error_body(response))
                yield response

    async def _request(
        self, verb: str, path: str, parameters: Parameters | None, json: Any, token: str
    ) -> aiohttp.ClientResponse:
        query = [
            (name, str(value))
            for name, values in (parameters or {}).items()
            for value in (values if isinstance(values, list) else [values])
        ]
        headers = {"Authorization": f"Bearer {token}"}
        return await self._http.request(
            verb, f"{self._user}/{path}", params=query, json=json, headers=headers, allow_redirects=False
        )


async def _error_body(response: aiohttp.ClientResponse) -> Any:
    try:
        return await web.read_json(response, _ERROR_LIMIT)
    except ProviderError:
        return None
