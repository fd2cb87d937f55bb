"""Mailboxes over the API: how they stand, and everything the console does with them."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime

from aiohttp import web

from console import mailbox_forms, mailbox_work
from console.api import models
from console.api.answers import cut_answer, json_answer
from console.api.problems import Problem
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from console.strings import text
from storage import mailbox_admin, mailbox_jobs, mailbox_views, mailboxes


async def list_mailboxes(call: ApiCall) -> web.Response:
    async with call.session() as session:
        rows = await mailbox_views.page(session, call.tenant_id)
    return cut_answer(call.request.query, [_mailbox(row) for row in rows])


async def get_mailbox(call: ApiCall) -> web.Response:
    async with call.session() as session:
        row = await mailbox_views.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    return json_answer(_mailbox(row))


async def look_for_mail(call: ApiCall) -> web.Response:
    """Has every mailbox that is read look for new mail now, without waiting for it."""
    try:
        asked = await mailbox_work.look(call)
    except mailbox_work.TemporalAway:
        raise Problem(503, text("mailboxes.away")) from None
    return json_answer(models.Asked(mailboxes=asked))


async def add_mailbox(call: ApiCall) -> web.Response:
    body = parse(call, models.NewMailbox)
    try:
        address, provider = mailbox_forms.address(body.model_dump())
        async with call.session() as session:
            mailbox_id = await mailbox_admin.begin(session, call.tenant_id, address, provider, actor=call.actor)
            row = await mailbox_views.get(session, call.tenant_id, mailbox_id)
    except mailbox_forms.WrongForm as wrong:
        raise _wrong(wrong) from None
    except mailbox_admin.Taken:
        raise Problem(409, text("setup.wrong.taken")) from None
    except mailboxes.AddressInUse:
        raise Problem(409, text("setup.wrong.in_use")) from None
    return json_answer(_mailbox(row))


async def connect_mailbox(call: ApiCall) -> web.Response:
    body, mailbox_id = parse(call, models.MailboxAccess), call.id("id")
    async with call.session() as session:
        row = await mailbox_views.get(session, call.tenant_id, mailbox_id)
    if row is None:
        raise NotFound
    try:
        access = mailbox_forms.access(row["provider"], row["address"], body.fields, call.services.endpoints)
    except mailbox_forms.WrongForm as wrong:
        raise _wrong(wrong) from None
    await _told(mailbox_work.connect(call, mailbox_id, access.settings, access.secret))
    async with call.session() as session:
        row = await mailbox_views.get(session, call.tenant_id, mailbox_id)
    secret = access.secret.get("webhook_secret")
    return json_answer(models.Connected(mailbox=_mailbox(row), webhook_secret=secret, consent=access.consent))


async def start_mailbox(call: ApiCall) -> web.Response:
    mailbox_id = call.id("id")
    async with call.session() as session:
        row = await mailbox_views.get(session, call.tenant_id, mailbox_id)
        if row is None:
            raise NotFound
        body = parse(call, models.MailboxStart)
        since = body.since.isoformat() if body.since else None
        if row["state"] != "draft":
            raise Problem(409, "This mailbox is set up already.")
        try:
            await mailbox_admin.go_live(session, call.tenant_id, mailbox_id, since, None, actor=call.actor)
        except mailboxes.AddressInUse:
            raise Problem(409, text("setup.wrong.in_use")) from None
    return await get_mailbox(call)


def _wrong(wrong: mailbox_forms.WrongForm) -> Problem:
    return Problem(422, "; ".join(f"{name}: {text(key)}" for name, key in wrong.faults.items()))


async def pause_mailbox(call: ApiCall) -> web.Response:
    await _told(mailbox_work.pause(call, call.id("id")))
    return await get_mailbox(call)


async def resume_mailbox(call: ApiCall) -> web.Response:
    await _told(mailbox_work.resume(call, call.id("id")))
    return await get_mailbox(call)


async def resync_mailbox(call: ApiCall) -> web.Response:
    body = parse(call, models.Resync)
    since = datetime(body.since.year, body.since.month, body.since.day, tzinfo=UTC)
    await _told(mailbox_work.resync(call, call.id("id"), since))
    return await get_mailbox(call)


async def remove_mailbox(call: ApiCall) -> web.Response:
    await _told(mailbox_work.remove(call, call.id("id")))
    return await list_mailboxes(call)


async def start_mailbox_job(call: ApiCall) -> web.Response:
    body = parse(call, models.JobRequest)
    if body.kind == "count" and body.since is None:
        raise Problem(422, "Say with `since` from which day on to count.")
    since = datetime(body.since.year, body.since.month, body.since.day, tzinfo=UTC) if body.since else None
    job_id = await mailbox_work.start_job(call, call.id("id"), body.kind, since=since, repair=body.repair)
    async with call.session() as session:
        row = await mailbox_jobs.get(session, call.tenant_id, job_id)
    return json_answer(_job(call, row))


async def get_mailbox_job(call: ApiCall) -> web.Response:
    async with call.session() as session:
        row = await mailbox_jobs.get(session, call.tenant_id, call.id("id"))
    if row is None or row["kind"] == "disconnect":  # of a mailbox that is not there any more
        raise NotFound
    return json_answer(_job(call, row))


async def _told(change: Awaitable[None]) -> None:
    try:
        await change
    except mailbox_work.TemporalAway:
        raise Problem(503, "Temporal cannot be reached, so nothing was changed. Try again when it is back.") from None


def _mailbox(row: object) -> models.Mailbox:
    assert isinstance(row, dict)
    return models.Mailbox.model_validate({**row, "id": row["mailbox_id"]})


def _job(call: ApiCall, row: object) -> models.MailboxJob:
    values = dict(row)  # type: ignore[call-overload]
    # Where a person agrees is for admins, as in the console; what tells the answer from a forged one is nobody's.
    result = {name: value for name, value in values["result"].items() if name not in ("url", "state_sha256")}
    url = values["result"].get("url") if call.token.scope == "admin" else None
    return models.MailboxJob.model_validate({**values, "id": values["job_id"], "result": result, "consent_url": url})
