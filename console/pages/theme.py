"""Light, dark, or as the system has it: kept in this browser, since it is about a screen rather than a person."""

from __future__ import annotations

from aiohttp import web

from console import cookies, security
from console.calls import PageCall


async def choose(call: PageCall) -> web.Response:
    form = await call.request.post()
    response = web.Response(status=303, headers={"Location": security.own_path(str(form.get("back", "")))})
    cookies.set_theme(response, call.services, str(form.get("theme", "")))
    return response
