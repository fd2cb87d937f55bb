"""Light, dark, or as the system has it: kept in this browser, since it is about a screen rather than a person."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from console import cookies
from console.calls import PageCall


async def choose(call: PageCall) -> web.Response:
    form = await call.request.post()
    response = web.Response(status=303, headers={"Location": _own(str(form.get("back", "")))})
    cookies.set_theme(response, call.services, str(form.get("theme", "")))
    return response


def _own(back: str) -> str:
    """The page to go back to when it is one of ours, home otherwise."""
    try:
        parts = urlsplit(back)
    except ValueError:
        return "/"
    ours = back.startswith("/") and not parts.netloc and "\\" not in back and back.isascii() and back.isprintable()
    return back if ours else "/"
