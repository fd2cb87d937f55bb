"""API tokens: which systems may call, how far, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from console.calls import NotFound, PageCall
from console.fields import MAX_NAME, clean
from console.templating import render
from storage import api_tokens
from storage.api_tokens import SCOPES

PAGE = 100
# Days until a token ends; 0: until it is revoked.
LIFETIMES = (30, 90, 365, 0)


async def listing(call: PageCall) -> web.Response:
    return await _page(call)


async def add(call: PageCall) -> web.Response:
    """Makes a token and shows it, this once."""
    form = await call.request.post()
    name, scope, days = clean(form.get("name"), MAX_NAME), form.get("scope"), str(form.get("days", ""))
    if not name or scope not in SCOPES or days not in map(str, LIFETIMES):
        return await _page(call, status=422, fault="name", given={"name": name, "scope": scope, "days": days})
    async with call.session() as session:
        _, token = await api_tokens.create(
            session, call.tenant_id, name, scope, actor=call.actor,
            lifetime=timedelta(days=int(days)) if int(days) else None,
        )  # fmt: skip
    return await _page(call, made=token)


async def revoke(call: PageCall) -> web.Response:
    async with call.session() as session:
        try:
            await api_tokens.revoke(session, call.tenant_id, call.id("id"), actor=call.actor)
        except LookupError:
            raise NotFound from None
    return web.Response(status=303, headers={"Location": "/tokens?done=revoked"})


async def _page(
    call: PageCall,
    *,
    status: int = 200,
    fault: str | None = None,
    made: str | None = None,
    given: dict[str, Any] | None = None,
) -> web.Response:
    try:
        before = UUID(call.request.query.get("before", ""))
    except ValueError:
        before = None
    async with call.session() as session:
        rows = await api_tokens.page(session, call.tenant_id, before=before, limit=PAGE + 1)
    return await render(
        call,
        "tokens.html",
        status=status,
        tokens=rows[:PAGE],
        following=rows[PAGE - 1]["token_id"] if len(rows) > PAGE else None,
        fault=fault,
        made=made,
        given=given or {"name": "", "scope": SCOPES[0], "days": str(LIFETIMES[1])},
        revoked="done" in call.request.query,
        scopes=SCOPES,
        lifetimes=LIFETIMES,
    )
