"""The mailboxes and how each one stands."""

from __future__ import annotations

from aiohttp import web

from console.calls import PageCall
from console.templating import render
from storage import people


async def listing(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await people.mailboxes(session, call.tenant_id)
    return await render(call, "mailboxes.html", mailboxes=rows)
