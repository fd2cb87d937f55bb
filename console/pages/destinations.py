"""Inbound defaults: where new mail goes, who uses them, and where they are missing or broken."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import ValidationError

from console import forms
from console.api.deciding_models import DefaultsBody
from console.calls import NotFound, PageCall
from console.pages.answers import back, refused
from console.rule_form import PRIORITIES
from console.templating import render
from storage import choices, defaults


async def listing(call: PageCall) -> web.Response:
    return await _listing(call)


async def add(call: PageCall) -> web.Response:
    return await _save(call, None)


async def show(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await defaults.listing(session, call.tenant_id)
    found = next((row for row in rows if row["defaults_id"] == call.id("id")), None)
    if found is None:
        raise NotFound
    return await _listing(call, told=dict(found), defaults_id=found["defaults_id"])


async def save(call: PageCall) -> web.Response:
    return await _save(call, call.id("id"))


async def of_mailbox(call: PageCall) -> web.Response:
    wanted = forms.some_id(await call.request.post(), "defaults_id")
    async with call.session() as session:
        try:
            await defaults.of_mailbox(session, call.tenant_id, call.id("id"), wanted, actor=call.actor)
        except LookupError:
            raise NotFound from None
        except defaults.Refused as error:
            return await refused(call, str(error), "/defaults")
    return back("/defaults")


async def _save(call: PageCall, defaults_id: UUID | None) -> web.Response:
    form = await call.request.post()
    told: dict[str, Any] = {name: forms.told(form, name, 200) for name in ("name", "queue", "priority")}
    told |= {"assignee_id": forms.some_id(form, "assignee_id"), "active": forms.told(form, "active") == "yes"}
    try:
        body = DefaultsBody.model_validate(told)
    except ValidationError as error:
        return await _listing(call, told=told, defaults_id=defaults_id, faults=forms.faults(error))
    async with call.session() as session:
        try:
            await defaults.save(session, call.tenant_id, defaults_id, **dict(body), actor=call.actor)
        except LookupError:
            raise NotFound from None
        except defaults.Refused as error:
            return await _listing(call, told=told, defaults_id=defaults_id, faults=[str(error)])
    return back("/defaults")


async def _listing(
    call: PageCall,
    *,
    told: dict[str, Any] | None = None,
    defaults_id: UUID | None = None,
    faults: list[str] | None = None,
) -> web.Response:
    async with call.session() as session:
        rows = await defaults.listing(session, call.tenant_id)
        boxes = await defaults.mailboxes(session, call.tenant_id)
        users = await choices.users(session, call.tenant_id, also=(told or {}).get("assignee_id"))
    return await render(
        call,
        "defaults.html",
        status=422 if faults else 200,
        defaults=rows,
        mailboxes=boxes,
        users=users,
        priorities=PRIORITIES,
        told=told or {"name": "", "queue": "", "priority": "normal", "assignee_id": None, "active": True},
        edited=defaults_id,
        faults=faults or [],
        may_change=call.may("admin"),
    )
