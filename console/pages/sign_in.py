"""Signing in by a one-time link, and out."""

from __future__ import annotations

from aiohttp import web

from console import cookies
from console.calls import PageCall, PublicCall
from console.templating import render_public
from storage import access


async def explain(call: PublicCall) -> web.Response:
    """What somebody sees who is not signed in."""
    return render_public("sign_in.html", state="none")


async def offer(call: PublicCall) -> web.Response:
    """A button that signs in. Opening the link uses nothing up, so that mail scanners may do it."""
    if await access.find_link(call.services.db, call.request.match_info["token"], "sign_in") is None:
        return render_public("sign_in.html", status=410, state="used")
    return render_public("sign_in.html", state="valid")


async def sign_in(call: PublicCall) -> web.Response:
    token = await access.sign_in_by_link(call.services.db, call.request.match_info["token"], call.visit)
    if token is None:
        return render_public("sign_in.html", status=410, state="used")
    response = web.Response(status=303, headers={"Location": "/"})
    cookies.set_session(response, call.services, token)
    return response


async def sign_out(call: PageCall) -> web.Response:
    await access.sign_out(call.services.db, call.user)
    response = web.Response(status=303, headers={"Location": "/login"})
    cookies.clear(response, call.services)
    return response
