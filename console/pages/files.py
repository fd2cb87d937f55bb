"""Bodies and files of mails: the framed HTML, the raw message, attachments."""

from __future__ import annotations

from aiohttp import web

from console import bodies
from console.calls import NotFound, PageCall
from console.templating import render
from storage import attachments, audit, tickets, trace
from storage.objects import raw_key


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
    """The message as it was received, as a file. Who reads it is noted: it holds more than the ticket shows."""
    email_id = call.id("id")
    async with call.session() as session:
        row = await trace.get(session, call.tenant_id, email_id)
        if row is None or row["raw_sha256"] is None:
            raise NotFound
        await audit.record(session, call.tenant_id, call.actor, "read_raw_mail", f"email/{email_id}")
    name = f"{row['subject'] or 'mail'}.eml"
    try:
        return await bodies.raw_mail(
            call.services, call.request, raw_key(call.tenant_id, row["raw_sha256"]), name, row["raw_size"]
        )
    except LookupError:
        raise NotFound from None


async def headers(call: PageCall) -> web.Response:
    """The header fields of a message as they were received."""
    async with call.session() as session:
        row = await trace.get(session, call.tenant_id, call.id("id"))
    if row is None or row["raw_sha256"] is None:
        raise NotFound
    try:
        block = await bodies.header_block(call.services, raw_key(call.tenant_id, row["raw_sha256"]))
    except LookupError:
        raise NotFound from None
    return await render(call, "headers.html", email=row, block=block)


async def attachment(call: PageCall) -> web.StreamResponse:
    async with call.session() as session:
        row = await attachments.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    try:
        return await bodies.attachment(call.services, call.request, row)
    except LookupError:
        raise NotFound from None
