"""Adding and changing clients and contacts: the organisations and the people who write here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import ValidationError

from console import forms
from console.api.deciding_models import ClientBody, ContactBody
from console.calls import NotFound, PageCall
from console.fields import MAX_EMAIL, MAX_NAME, clean
from console.pages.answers import back
from console.strings import text
from console.templating import render
from storage import choices, clients, contacts


async def new_client(call: PageCall) -> web.Response:
    return await _client(call, None, {"name": "", "domains": []})


async def show_client(call: PageCall) -> web.Response:
    row = await _client_row(call)
    return await _client(call, row, {"name": row["name"], "domains": [each["domain"] for each in row["domains"]]})


async def add_client(call: PageCall) -> web.Response:
    return await _save_client(call, None)


async def save_client(call: PageCall) -> web.Response:
    return await _save_client(call, await _client_row(call))


async def new_contact(call: PageCall) -> web.Response:
    return await _contact(call, None, {"address": "", "name": "", "also": [], "client": ""})


async def show_contact(call: PageCall) -> web.Response:
    row = await _contact_row(call)
    name = "" if row["name"] == row["address"] else row["name"]
    told = {"address": row["address"], "name": name, "also": row["also"], "client": row["client_name"] or ""}
    return await _contact(call, row, told)


async def add_contact(call: PageCall) -> web.Response:
    return await _save_contact(call, None)


async def save_contact(call: PageCall) -> web.Response:
    return await _save_contact(call, await _contact_row(call))


async def _save_client(call: PageCall, row: Any) -> web.Response:
    form = await call.request.post()
    told = {"name": clean(form.get("name"), MAX_NAME), "domains": forms.lines(form, "domains")}
    try:
        body = ClientBody.model_validate(told)
        async with call.session() as session:
            await clients.save(
                session, call.tenant_id, row["client_id"] if row else None, **dict(body), actor=call.actor
            )
    except ValidationError as error:
        return await _client(call, row, told, status=422, faults=forms.faults(error))
    except clients.Refused as error:
        return await _client(call, row, told, status=409, faults=[str(error)])
    return back("/clients")


async def _save_contact(call: PageCall, row: Any) -> web.Response:
    form = await call.request.post()
    told: dict[str, Any] = {
        "address": clean(form.get("address"), MAX_EMAIL),
        "name": clean(form.get("name"), MAX_NAME),
        "also": forms.lines(form, "also"),
        "client": forms.told(form, "client", MAX_NAME),
    }
    try:
        client_id = await _client_named(call, row, told["client"])
        typed = {name: told[name] for name in ("address", "name", "also")}
        body = ContactBody.model_validate({**typed, "client_id": client_id})
        async with call.session() as session:
            await contacts.save(
                session, call.tenant_id, row["contact_id"] if row else None, **dict(body), actor=call.actor
            )
    except ValidationError as error:
        return await _contact(call, row, told, status=422, faults=forms.faults(error))
    except contacts.Refused as error:
        return await _contact(call, row, told, status=409, faults=[str(error)])
    return back("/contacts")


async def _client_named(call: PageCall, row: Any, name: str) -> UUID | None:
    """The client of this name, which may be the one that the contact has anyway. Raises contacts.Refused."""
    if not name:
        return None
    if row is not None and row["client_name"] == name:
        kept: UUID = row["client_id"]
        return kept
    async with call.session() as session:
        found = await choices.client_named(session, call.tenant_id, name)
    if found is None:
        raise contacts.Refused(text("contact.no_client", name=name))
    return found


async def _client_row(call: PageCall) -> Any:
    async with call.session() as session:
        row = await clients.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    return row


async def _contact_row(call: PageCall) -> Any:
    async with call.session() as session:
        row = await contacts.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    return row


async def _client(
    call: PageCall, row: Any, told: dict[str, Any], *, status: int = 200, faults: list[str] | None = None
) -> web.Response:
    return await render(call, "client.html", status=status, client=row, told=told, faults=faults or [])


async def _contact(
    call: PageCall, row: Any, told: dict[str, Any], *, status: int = 200, faults: list[str] | None = None
) -> web.Response:
    async with call.session() as session:
        known = await choices.clients(session, call.tenant_id)
    return await render(call, "contact.html", status=status, contact=row, told=told, clients=known, faults=faults or [])
