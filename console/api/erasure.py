"""Erasing a message or a person over the API: what the command `postroom erase` does."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console.api.answers import json_answer
from console.api.problems import Problem
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from console.fields import is_email
from storage import deletions, erasure


class ErasureRequest(BaseModel):
    """`what`: a Message-ID or the id of a message; for a person the mail address. `reason` stays as evidence."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["message", "person"]
    what: str = Field(min_length=1, max_length=600)
    reason: str = Field(min_length=3, max_length=500, description="why; stays in the audit log, so name nobody in it")
    dry_run: bool = Field(default=False, description="only say what would be erased")


class Erasure(BaseModel):
    """`still_open`: messages that are erased once they are done. `mentioned`: mails of others, which stay."""

    dry_run: bool
    messages: list[UUID]
    still_open: list[UUID]
    mentioned: int
    contacts: int


async def erase(call: ApiCall) -> web.Response:
    body = parse(call, ErasureRequest)
    if body.kind == "person" and not is_email(body.what):
        raise Problem(422, "Send the person's mail address in `what`.")
    tenant_id, db = call.tenant_id, call.services.db
    async with call.session() as session:
        find = erasure.find_message if body.kind == "message" else erasure.find_person
        found = await find(session, tenant_id, body.what)
    if body.kind == "message" and not (found.messages or found.still_open):
        raise NotFound
    if not body.dry_run:
        if body.kind == "message":
            await erasure.erase_messages(db, tenant_id, found, by=call.actor, reason=body.reason)
        else:
            await erasure.erase_person(db, tenant_id, body.what, found, by=call.actor, reason=body.reason)
        while await deletions.work_off(db, call.services.objects, tenant_id):
            pass
    return json_answer(
        Erasure(
            dry_run=body.dry_run,
            messages=found.messages,
            still_open=found.still_open,
            mentioned=found.mentioned,
            contacts=found.contacts,
        )
    )
