"""`Idempotency-Key` on POST: a request that is sent again gets the first one's answer, and happens once.

After draft-ietf-httpapi-idempotency-key-header. Answers are kept for 24 hours, sealed: some hold secrets.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from aiohttp import web

from console.api.problems import Problem, not_found
from console.calls import ApiCall, ApiHandler, NotFound
from storage import idempotency
from storage.idempotency import Kept

HEADER: Final = "Idempotency-Key"
PATTERN: Final = r"^[!-~]{1,255}$"
# With these nothing has happened: the same request may be sent again.
_NOTHING_HAPPENED = frozenset({429, 503})


async def once(call: ApiCall, handler: ApiHandler) -> web.StreamResponse:
    """The handler's answer, or the one it gave to the first request with this key. Raises Problem (400, 409, 422)."""
    key = call.request.headers.get(HEADER)
    if key is None:
        return await handler(call)
    if not re.fullmatch(PATTERN, key):
        raise Problem(400, f"`{HEADER}` takes 1 to 255 printable ASCII characters, such as a uuid.")
    digest = hashlib.sha256(b"\0".join([call.request.method.encode(), call.request.raw_path.encode(), call.body]))
    async with call.session() as session:
        first = await idempotency.begin(session, call.tenant_id, call.token.token_id, key, digest.digest())
    if first is not None:
        return _again(call, first, key, digest.digest())
    response = await _answer(call, handler)
    await _keep(call, key, response)
    return response


async def _answer(call: ApiCall, handler: ApiHandler) -> web.Response:
    """Refusals are answers, too."""
    try:
        response = await handler(call)
    except Problem as problem:
        return problem.response()
    except NotFound:
        return not_found().response()
    assert isinstance(response, web.Response)
    return response


async def _keep(call: ApiCall, key: str, response: web.Response) -> None:
    token_id = call.token.token_id
    async with call.session() as session:
        if response.status in _NOTHING_HAPPENED:
            await idempotency.forget(session, call.tenant_id, token_id, key)
            return
        sealed = call.services.keyring.seal(
            (response.text or "").encode(), tenant_id=call.tenant_id, table="idempotency_keys", row=_row(call, key)
        )
        await idempotency.finish(session, call.tenant_id, token_id, key, response.status, response.content_type, sealed)


def _again(call: ApiCall, first: Kept, key: str, request_sha256: bytes) -> web.Response:
    if first.request_sha256 != request_sha256:
        raise Problem(422, "This key was used for another request: take a new one for each.", kind="key-reused")
    if first.status is None and first.overdue:
        raise Problem(
            409,
            "The first request with this key never finished, and may have happened: look, then send a new key.",
            kind="outcome-unknown",
        )
    if first.status is None:
        raise Problem(409, "The first request with this key is at work: ask again later.", kind="request-in-progress")
    body = call.services.keyring.open(
        first.body, tenant_id=call.tenant_id, table="idempotency_keys", row=_row(call, key)
    )
    return web.Response(
        body=body,
        status=first.status,
        headers={"Content-Type": first.content_type, "Idempotency-Replayed": "true"},
    )


def _row(call: ApiCall, key: str) -> str:
    return f"{call.token.token_id}/{key}"
