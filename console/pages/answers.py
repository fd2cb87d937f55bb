"""Answers that many pages give: back to a page, or why something was not done."""

from __future__ import annotations

from aiohttp import web

from console.calls import PageCall
from console.templating import render


def back(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})


async def refused(call: PageCall, why: str, path: str) -> web.Response:
    """Nothing was changed, and why; `path` is the page to go back to."""
    return await render(call, "refused.html", status=409, why=why, back=path)
