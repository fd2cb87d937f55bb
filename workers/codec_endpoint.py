"""What lets the Temporal UI show encrypted payloads: `POST /codec/decode` beside the console.

docs.temporal.io/production-deployment/data-encryption: the UI sends payloads as JSON from the person's browser. That
person must be signed in to the console as an admin; only the configured UI's origin may ask; nothing is kept anywhere.
Nothing is encrypted here: the UI starts no workflows of ours.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from console import cookies, security
from console.api.problems import Problem
from console.api.requests import read
from console.roles import may
from console.services import Services
from storage import access
from storage.secrets import SecretError
from workers.payloads import EncryptedPayloads

PATH = "/codec/decode"
# Bytes of one request; the UI sends a page of a history at a time.
LIMIT = 8 << 20


class CodecEndpoint:
    def __init__(self, services: Services, codec: EncryptedPayloads) -> None:
        self._services = services
        self._codec = codec
        ui = urlsplit(services.temporal_ui_url)
        self._origin = f"{ui.scheme}://{ui.netloc}" if ui.netloc else None

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.decode), web.options(PATH, self.preflight)]

    async def preflight(self, request: web.Request) -> web.Response:
        """Browsers ask first whether another origin may ask (fetch.spec.whatwg.org, CORS protocol)."""
        return web.Response(status=204 if self._allowed(request) else 403, headers=self._headers(request))

    async def decode(self, request: web.Request) -> web.Response:
        """200 with what the person may see decoded; 401 not signed in; 403 no admin, or another origin; 400; 413."""
        headers = self._headers(request)
        if not (self._allowed(request) or security.is_same_origin(request, self._services)):
            return web.Response(status=403, headers=headers)
        token = cookies.read(request, self._services)
        user = await access.session_user(self._services.db, token, active=False) if token else None
        if user is None:
            return web.Response(status=401, headers=headers)
        if not may(user.role, "admin"):
            return web.Response(status=403, headers=headers)
        try:
            payloads = json_format.Parse(await read(request, LIMIT), Payloads())
        except Problem:
            return web.Response(status=413, headers=headers)
        except (json_format.ParseError, UnicodeDecodeError, RecursionError):
            return web.Response(status=400, headers=headers)
        alone = await self._alone()
        seen = [await self._seen(payload, str(user.tenant_id), alone) for payload in payloads.payloads]
        return web.Response(
            text=json_format.MessageToJson(Payloads(payloads=seen)), content_type="application/json", headers=headers
        )

    async def _alone(self) -> bool:
        """Whether there is one tenant only: then whatever opens here is its own."""
        async with self._services.db.directory() as session:
            return len(await session.fetch("select * from directory_tenants() limit 2")) == 1

    async def _seen(self, payload: Payload, tenant_id: str, alone: bool) -> Payload:
        """The payload as this tenant's admin may see it: what may be another's, or does not open, stays as it is."""
        try:
            (plain,) = await self._codec.decode([payload])
        except SecretError:
            return payload
        return plain if _is_for(plain, tenant_id, alone) else payload

    def _allowed(self, request: web.Request) -> bool:
        return self._origin is not None and request.headers.get("Origin") == self._origin

    def _headers(self, request: web.Request) -> dict[str, str]:
        always = {"Cache-Control": "no-store", "Vary": "Origin"}
        if not self._allowed(request):
            return always
        return {
            **always,
            "Access-Control-Allow-Origin": str(self._origin),
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "POST, OPTIONS",
            "Access-Control-Allow-Headers": "content-type, x-namespace, authorization",
        }


def _is_for(payload: Payload, tenant_id: str, alone: bool) -> bool:
    """Whether a decoded payload is this tenant's. Many results and all failures name none, so nobody can tell whose
    they are: among several tenants they are nobody's, unless there is nothing in them but a number or a yes or no."""
    try:
        value = json.loads(payload.data or b"null")
        named = _tenants(value)
    except (ValueError, RecursionError):
        return alone
    if named:
        return named == {tenant_id}
    return alone or not value or isinstance(value, (bool, int, float))


def _tenants(value: Any) -> set[str]:
    """The tenants that a value names, at whatever depth."""
    if isinstance(value, dict):
        name = value.get("tenant_id")
        own = {name} if isinstance(name, str) else set()
        return own.union(*map(_tenants, value.values()))
    return set().union(*map(_tenants, value)) if isinstance(value, list) else set()
