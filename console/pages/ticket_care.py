"""What people put right on a ticket: comments that belong elsewhere, tickets that are one, who watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from console import forms
from console.api.deciding_models import MailAddress
from console.calls import NotFound, PageCall
from console.pages.answers import back, refused
from console.strings import text
from console.templating import render
from storage import merging, tickets, unmerge, watchers

if TYPE_CHECKING:
    from storage.database import Session

_ADDRESS: TypeAdapter[str] = TypeAdapter(MailAddress)


async def values(session: Session, tenant_id: UUID, ticket_id: UUID) -> dict[str, Any]:
    """What `ticket_watchers.html` and `ticket_merges.html` show beside a ticket."""
    return {
        "watchers": await watchers.of_ticket(session, tenant_id, ticket_id),
        "merged_here": await merging.merged_here(session, tenant_id, ticket_id),
    }


async def split(call: PageCall) -> web.Response:
    async with call.session() as session:
        try:
            _, number = await unmerge.split(session, call.tenant_id, call.id("id"), actor=call.actor)
        except LookupError:
            raise NotFound from None
        except unmerge.NotSeparable as error:
            return await refused(call, str(error), "/tickets")
    return back(f"/tickets/{number}")


async def move(call: PageCall) -> web.Response:
    number = _number(await call.request.post(), "ticket")
    async with call.session() as session:
        try:
            await unmerge.move(session, call.tenant_id, call.id("id"), number, actor=call.actor)
        except LookupError:
            raise NotFound from None
        except unmerge.NotSeparable as error:
            return await refused(call, str(error), "/tickets")
    return back(f"/tickets/{number}")


async def merge(call: PageCall) -> web.Response:
    number = _number(await call.request.post(), "into")
    async with call.session() as session:
        ticket = await _existing(session, call)
        target = await tickets.get(session, call.tenant_id, number)
        path = f"/tickets/{ticket['number']}"
        if target is None:
            return await refused(call, text("ticket.merge.unknown", number=number), path)
        try:
            await merging.merge(session, call.tenant_id, ticket["ticket_id"], target["ticket_id"], actor=call.actor)
        except merging.NotMergeable as error:
            return await refused(call, str(error), path)
    return back(f"/tickets/{number}")


async def undo_merge(call: PageCall) -> web.Response:
    async with call.session() as session:
        try:
            undone = await merging.undo(session, call.tenant_id, call.id("id"), actor=call.actor)
        except LookupError:
            raise NotFound from None
        except merging.NotMergeable as error:
            return await refused(call, str(error), "/tickets")
    if undone.stayed:
        why = text("ticket.merge.stayed", n=undone.stayed)
        return await render(call, "merge_undone.html", number=undone.number, why=why)
    return back(f"/tickets/{undone.number}")


async def watch(call: PageCall) -> web.Response:
    """Accepts or dismisses a proposal, or adds somebody."""
    form = await call.request.post()
    state = "dismissed" if forms.told(form, "state") == "dismissed" else "watching"
    async with call.session() as session:
        ticket = await _existing(session, call)
        path = f"/tickets/{ticket['number']}"
        try:
            address = _ADDRESS.validate_python(forms.told(form, "address", 320))
        except ValidationError:
            return await refused(call, text("watchers.no_address"), path)
        await watchers.decide(
            session,
            call.tenant_id,
            ticket["ticket_id"],
            address,
            "dismissed" if state == "dismissed" else "watching",
            actor=call.actor,
        )
    return back(path)


async def _existing(session: Session, call: PageCall) -> Any:
    ticket = await tickets.get(session, call.tenant_id, call.id("id"))
    if ticket is None:
        raise NotFound
    return ticket


def _number(form: Any, name: str) -> int:
    """A ticket's number, with or without its `#`; 0 for anything else."""
    told = forms.told(form, name, 20).removeprefix("#")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0
