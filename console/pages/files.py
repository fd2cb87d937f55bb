"""Bodies and files of mails: the framed HTML, the raw message, attachments."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from console import bodies, raw_mail
from console.calls import NotFound, PageCall
from console.templating import render
from storage import attachments, tickets, trace


async def html(call: PageCall) -> web.Response:
    """The HTML of a mail, to be shown in a sandboxed frame."""
    email_id = call.id("id")
    async with call.session() as session:
        content = await trace.content(session, call.tenant_id, email_id)
        manifest = await tickets.inline_images(session, call.tenant_id, email_id)
    if not content or not content.get("html"):
        raise NotFound
    return await bodies.frame(call.services, call.tenant_id, content["html"], manifest)


async def raw(call: PageCall) -> web.StreamResponse:
    """The message as it was received, as a file."""
    try:
        return await raw_mail.serve(call, call.id("id"), unlock=call.may("admin"))
    except raw_mail.Locked as locked:
        return await _locked(call, locked.state)


async def headers(call: PageCall) -> web.Response:
    """The header fields of a message as they were received."""
    row, block = await raw_mail.headers(call, call.id("id"))
    return await render(call, "headers.html", email=row, block=block)


async def attachment(call: PageCall) -> web.StreamResponse:
    """A stored part; of one that is infected or not scanned, a page that says so."""
    row = await _attachment(call)
    if row["state"] in attachments.LOCKED:
        return await _locked(call, row["state"], unlock=f"/attachments/{row['attachment_id']}/locked")
    try:
        return await bodies.attachment(call.services, call.request, row)
    except LookupError:
        raise NotFound from None


async def locked_attachment(call: PageCall) -> web.StreamResponse:
    """A part whatever the scanner says of it. Who takes it is noted."""
    row = await _attachment(call)
    async with call.session() as session:
        await attachments.note_reading(session, call.tenant_id, call.actor, row)
    try:
        return await bodies.attachment(call.services, call.request, row, locked=True)
    except LookupError:
        raise NotFound from None


async def _attachment(call: PageCall) -> Any:
    async with call.session() as session:
        row = await attachments.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    return row


async def _locked(call: PageCall, state: attachments.Locked, *, unlock: str = "") -> web.Response:
    """`unlock`: where an administrator gets it."""
    return await render(call, "locked.html", status=403, state=state, unlock=unlock if call.may("admin") else "")
