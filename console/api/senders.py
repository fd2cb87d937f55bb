"""The operations about who writes here: clients with their domains and names, contacts with their addresses."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from console.api import deciding_models as models
from console.api import paging
from console.api.answers import json_answer
from console.api.models import Page
from console.api.paging import PageQuery
from console.api.problems import refusing
from console.api.requests import parse
from console.calls import ApiCall
from storage import clients, contacts


async def list_clients(call: ApiCall) -> web.Response:
    query = paging.parse(PageQuery, call.request.query)
    after = paging.decode(query.cursor, str, UUID)
    async with call.session() as session:
        key = (after[0], after[1]) if after else None
        rows = await clients.page(session, call.tenant_id, after=key, limit=query.limit + 1)
    shown = rows[: query.limit]
    items = [models.Client.model_validate({**row, "id": row["client_id"]}) for row in shown]
    following = paging.encode([shown[-1]["key"], shown[-1]["client_id"]]) if len(rows) > query.limit else None
    return json_answer(Page[models.Client](items=items, next=following))


async def set_client_aliases(call: ApiCall) -> web.Response:
    body, client_id = parse(call, models.Aliases), call.id("id")
    async with call.session() as session:
        with refusing(clients.AliasTaken):
            stored = await clients.set_aliases(session, call.tenant_id, client_id, body.aliases, actor=call.actor)
    return json_answer(models.Aliases(aliases=stored))


async def list_contacts(call: ApiCall) -> web.Response:
    query = paging.parse(PageQuery, call.request.query)
    after = paging.decode(query.cursor, str, UUID)
    async with call.session() as session:
        key = (after[0], after[1]) if after else None
        rows = await contacts.page(session, call.tenant_id, after=key, limit=query.limit + 1)
    shown = rows[: query.limit]
    items = [models.Contact.model_validate({**row, "id": row["contact_id"]}) for row in shown]
    following = paging.encode([shown[-1]["address"], shown[-1]["contact_id"]]) if len(rows) > query.limit else None
    return json_answer(Page[models.Contact](items=items, next=following))


async def add_client(call: ApiCall) -> web.Response:
    return await _save_client(call, None)


async def change_client(call: ApiCall) -> web.Response:
    return await _save_client(call, call.id("id"))


async def _save_client(call: ApiCall, client_id: UUID | None) -> web.Response:
    body = parse(call, models.ClientBody)
    async with call.session() as session:
        with refusing(clients.Refused):
            saved = await clients.save(session, call.tenant_id, client_id, **dict(body), actor=call.actor)
        row = await clients.get(session, call.tenant_id, saved)
    return json_answer(models.Client.model_validate({**row, "id": saved}))


async def add_contact(call: ApiCall) -> web.Response:
    return await _save_contact(call, None)


async def change_contact(call: ApiCall) -> web.Response:
    return await _save_contact(call, call.id("id"))


async def _save_contact(call: ApiCall, contact_id: UUID | None) -> web.Response:
    body = parse(call, models.ContactBody)
    async with call.session() as session:
        with refusing(contacts.Refused):
            saved = await contacts.save(session, call.tenant_id, contact_id, **dict(body), actor=call.actor)
        row = await contacts.get(session, call.tenant_id, saved)
    return json_answer(models.Contact.model_validate({**row, "id": saved}))
