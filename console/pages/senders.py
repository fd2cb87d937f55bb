"""Who writes here: what was learned about senders, the clients, the contacts, and where their mail goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from console import forms
from console.api import paging
from console.api.problems import Problem
from console.calls import NotFound, PageCall
from console.pages.answers import back, refused
from console.templating import render
from storage import associations, choices, clients, contacts, destinations

PAGE = 100


async def learned(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await associations.page(session, call.tenant_id, after=_learned_after(call), limit=PAGE + 1)
    shown = rows[:PAGE]
    last = shown[-1] if len(rows) > PAGE else None
    following = paging.encode([last["created_at"].isoformat(), last["kind"], last["value"]]) if last else ""
    return await render(call, "senders.html", learned=shown, next=following, may_change=call.may("admin"))


async def revoke(call: PageCall) -> web.Response:
    form = await call.request.post()
    kind, value = forms.told(form, "kind", 20), forms.told(form, "value", 320)
    async with call.session() as session:
        try:
            await associations.revoke(session, call.tenant_id, kind, value, actor=call.actor)
        except LookupError:
            raise NotFound from None
    return back("/senders")


async def client_list(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await clients.page(session, call.tenant_id, after=_after(call), limit=PAGE + 1)
        known = await choices.destinations(session, call.tenant_id)
    shown = rows[:PAGE]
    following = paging.encode([shown[-1]["key"], shown[-1]["client_id"]]) if len(rows) > PAGE else ""
    return await render(
        call, "clients.html", clients=shown, destinations=known, next=following, may_change=call.may("admin")
    )


async def contact_list(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await contacts.page(session, call.tenant_id, after=_after(call), limit=PAGE + 1)
        known = await choices.destinations(session, call.tenant_id)
    shown = rows[:PAGE]
    following = paging.encode([shown[-1]["address"], shown[-1]["contact_id"]]) if len(rows) > PAGE else ""
    return await render(
        call, "contacts.html", contacts=shown, destinations=known, next=following, may_change=call.may("admin")
    )


async def of_client(call: PageCall) -> web.Response:
    wanted = forms.some_id(await call.request.post(), "defaults_id")
    async with call.session() as session:
        done = destinations.of_client(session, call.tenant_id, call.id("id"), wanted, actor=call.actor)
        return await _assigned(call, done, "/clients")


async def set_aliases(call: PageCall) -> web.Response:
    """The other names by which rules recognise a client."""
    wanted = [alias[:200] for alias in forms.lines(await call.request.post(), "aliases")[:100]]
    async with call.session() as session:
        try:
            await clients.set_aliases(session, call.tenant_id, call.id("id"), wanted, actor=call.actor)
        except LookupError:
            raise NotFound from None
        except clients.AliasTaken as error:
            return await refused(call, str(error), "/clients")
    return back("/clients")


async def of_contact(call: PageCall) -> web.Response:
    wanted = forms.some_id(await call.request.post(), "defaults_id")
    async with call.session() as session:
        done = destinations.of_contact(session, call.tenant_id, call.id("id"), wanted, actor=call.actor)
        return await _assigned(call, done, "/contacts")


async def of_domain(call: PageCall) -> web.Response:
    form = await call.request.post()
    wanted, domain = forms.some_id(form, "defaults_id"), forms.told(form, "domain", 255)
    async with call.session() as session:
        done = destinations.of_domain(session, call.tenant_id, domain, wanted, actor=call.actor)
        return await _assigned(call, done, "/clients")


async def _assigned(call: PageCall, done: Awaitable[None], path: str) -> web.Response:
    try:
        await done
    except LookupError:
        raise NotFound from None
    except destinations.NoDestination as error:
        return await refused(call, str(error), path)
    return back(path)


def _learned_after(call: PageCall) -> tuple[datetime, str, str] | None:
    found = _cursor(call, datetime.fromisoformat, paging.text, paging.text)
    return (found[0], found[1], found[2]) if found and found[0].tzinfo else None


def _after(call: PageCall) -> tuple[str, UUID] | None:
    found = _cursor(call, str, UUID)
    return (found[0], found[1]) if found else None


def _cursor(call: PageCall, *kinds: Callable[[Any], Any]) -> list[Any] | None:
    """The key in the page's cursor; one that is none of ours begins at the start."""
    try:
        return paging.decode(call.request.query.get("after") or None, *kinds)
    except Problem:
        return None
