"""The operations about mails: found, traced, and as they were received."""

from __future__ import annotations

from typing import Any, NoReturn

from aiohttp import web

from console import raw_mail
from console.api import models, paging, views
from console.api.answers import json_answer, page_answer
from console.api.handlers import locked
from console.api.problems import Problem
from console.calls import ApiCall, NotFound
from domain.email import ParsedEmail
from storage import quarantine, tickets, trace
from storage.quarantine import Group


async def list_emails(call: ApiCall) -> web.Response:
    query = paging.parse(models.EmailQuery, call.request.query)
    if query.q.strip():
        return await _found(call, query)
    before = _before(query)
    async with call.session() as session:
        rows = await trace.page(
            session,
            call.tenant_id,
            message_id=query.message_id,
            state=query.state,
            outcome=query.outcome,
            before=before,
            limit=query.limit + 1,
        )
    return _page(rows, query)


async def _found(call: ApiCall, query: models.EmailQuery) -> web.Response:
    """What the console's Find finds, by the same search."""
    if query.message_id is not None or query.state or query.outcome:
        raise Problem(400, "Leave out `message_id`, `state` and `outcome` where `q` is given: it searches all mail.")
    before = _before(query)
    async with call.session() as session:
        rows = await trace.search(session, call.tenant_id, query.q, before=before, limit=query.limit + 1)
    return _page(rows, query)


async def get_email(call: ApiCall) -> web.Response:
    async with call.session() as session:
        row = await trace.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    return json_answer(views.email(row))


async def get_email_content(call: ApiCall) -> web.Response:
    """What a person reads before they answer a question about it."""
    email_id = call.id("id")
    async with call.session() as session:
        if await trace.get(session, call.tenant_id, email_id) is None:
            raise NotFound
        content = await trace.content(session, call.tenant_id, email_id)
        manifest = await tickets.inline_images(session, call.tenant_id, email_id)
    if content is None:
        raise Problem(409, "Nothing of this mail is kept to be read: it was not parsed, or retention took it.")
    parsed = ParsedEmail.model_validate(content)
    return json_answer(
        models.EmailContent(
            to=[models.Sender(name=one.name, address=one.address) for one in parsed.to],
            cc=[models.Sender(name=one.name, address=one.address) for one in parsed.cc],
            text=parsed.text,
            reply_text=parsed.reply_text,
            html=await views.html(parsed.html, manifest),
            problems=[models.ParseProblem(code=one.code, detail=one.detail) for one in parsed.problems],
        )
    )


async def get_raw_email(call: ApiCall) -> web.StreamResponse:
    try:
        return await raw_mail.serve(call, call.id("id"), unlock=call.token.scope == "admin")
    except raw_mail.Locked as error:
        raise locked(error.state, "a token of scope admin gets the mail all the same") from None
    except raw_mail.NotStored:
        _not_stored()


async def get_email_headers(call: ApiCall) -> web.Response:
    try:
        _, block = await raw_mail.headers(call, call.id("id"))
    except raw_mail.NotStored:
        _not_stored()
    return json_answer(models.EmailHeaders(text=block))


async def list_infected(call: ApiCall) -> web.Response:
    return await _stopped(call, "infected")


async def list_discarded(call: ApiCall) -> web.Response:
    return await _stopped(call, "discarded")


async def _stopped(call: ApiCall, group: Group) -> web.Response:
    query = paging.parse(paging.PageQuery, call.request.query)
    before = _before(query)
    async with call.session() as session:
        rows = await quarantine.emails(session, call.tenant_id, group, before=before, limit=query.limit + 1)
    return _page(rows, query)


def _before(query: paging.PageQuery) -> int | None:
    key = paging.decode(query.cursor, paging.sequence)
    return key[0] if key else None


def _page(rows: list[Any], query: paging.PageQuery) -> web.Response:
    items = [views.email(row) for row in rows[: query.limit]]
    return page_answer(items, rows, query.limit, lambda row: [row["seq"]])


def _not_stored() -> NoReturn:
    raise Problem(
        409, "The bytes of this mail are not stored: not fetched yet, or kept no longer.", kind="not-stored"
    ) from None
