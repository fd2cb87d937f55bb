"""A message as it was received, for pages and API: whom it is for, and the note of who read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiohttp import web

from console import bodies
from console.calls import Call, NotFound
from storage import attachments, audit, trace
from storage.objects import raw_key

if TYPE_CHECKING:
    from storage.database import Session


class NotStored(NotFound):
    """The message is known and its bytes are not here: not fetched yet, or kept no longer."""


class Locked(Exception):
    """A mail is as locked as the worst of its parts."""

    def __init__(self, state: attachments.Locked) -> None:
        super().__init__(state)
        self.state = state


async def serve(call: Call, email_id: UUID, *, unlock: bool) -> web.StreamResponse:
    """The message as a file. Who reads it is noted: it holds more than the ticket shows. Raises NotFound, NotStored,
    and Locked unless it is to be unlocked."""
    async with call.session() as session:
        row = await _row(session, call, email_id)
        scanning = call.services.ask_scanner is not None
        locked = await attachments.locked(session, call.tenant_id, email_id, scanning=scanning)
        if locked is not None and not unlock:
            raise Locked(locked)
        detail = {"state": locked} if locked else None
        await audit.record(session, call.tenant_id, call.actor, "read_raw_mail", f"email/{email_id}", detail)
    name = f"{row['subject'] or 'mail'}.eml"
    key = raw_key(call.tenant_id, row["raw_sha256"])
    try:
        return await bodies.raw_mail(call.services, call.request, key, name, row["raw_size"])
    except LookupError:
        raise NotStored from None


async def headers(call: Call, email_id: UUID) -> tuple[Any, str]:
    """The message's row, and its header fields as they were received. Raises NotFound and NotStored."""
    async with call.session() as session:
        row = await _row(session, call, email_id)
    try:
        return row, await bodies.header_block(call.services, raw_key(call.tenant_id, row["raw_sha256"]))
    except LookupError:
        raise NotStored from None


async def _row(session: Session, call: Call, email_id: UUID) -> Any:
    row = await trace.get(session, call.tenant_id, email_id)
    if row is None:
        raise NotFound
    if row["raw_sha256"] is None:
        raise NotStored
    return row
