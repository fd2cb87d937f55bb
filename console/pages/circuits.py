"""Mail storms that the loop governor stopped: how each stands, and its reset."""

from __future__ import annotations

from aiohttp import web

from console.calls import NotFound, PageCall
from console.pages.answers import back, refused
from console.strings import text
from console.templating import render
from storage import circuits, loops, policies


async def listing(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await circuits.named(session, call.tenant_id)
        limits = (await policies.tenant(session, call.tenant_id)).loops
    return await render(call, "circuits.html", circuits=rows, limits=limits, may_change=call.may("admin"))


async def reset(call: PageCall) -> web.Response:
    async with call.session() as session:
        try:
            await loops.reset(session, call.tenant_id, call.id("id"), actor=call.actor)
        except LookupError:
            raise NotFound from None
        except loops.NotOpen:
            return await refused(call, text("circuits.closed"), "/circuits")
    return back("/circuits")
