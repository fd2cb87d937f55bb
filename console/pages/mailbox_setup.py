"""Setting a mailbox up, step by step; what was entered stays, so anybody may go on with it later."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from aiohttp import web

from console import mailbox_forms, mailbox_work
from console.calls import NotFound, PageCall
from console.mailbox_forms import Way, WrongForm
from console.mailbox_work import TemporalAway
from console.pages.mailboxes import day
from console.strings import text
from console.templating import render
from domain.mailbox_jobs import JobKind
from storage import mailbox_admin, mailbox_jobs, mailbox_views, mailboxes, people, trace


async def choose(call: PageCall) -> web.Response:
    return await render(call, "mailbox_new.html", providers=mailbox_forms.PROVIDERS, given={}, faults={})


async def begin(call: PageCall) -> web.Response:
    form = await call.request.post()
    try:
        address, provider = mailbox_forms.address(form)
        async with call.session() as session:
            mailbox_id = await mailbox_admin.begin(session, call.tenant_id, address, provider, actor=call.actor)
    except WrongForm as wrong:
        faults = wrong.faults
    except mailbox_admin.Taken:
        faults = {"address": "setup.wrong.taken"}
    except mailboxes.AddressInUse:
        faults = {"address": "setup.wrong.in_use"}
    else:
        return _back(mailbox_id)
    return await render(
        call, "mailbox_new.html", status=422, providers=mailbox_forms.PROVIDERS, given=dict(form), faults=faults
    )


async def show(call: PageCall) -> web.Response:
    return await _page(call)


async def enter_access(call: PageCall) -> web.Response:
    """How the mailbox is reached; then a worker tries it, or its user is asked to agree."""
    mailbox_id, form = call.id("id"), await call.request.post()
    async with call.session() as session:
        mailbox = await mailbox_views.get(session, call.tenant_id, mailbox_id)
    if mailbox is None:
        raise NotFound
    try:
        access = mailbox_forms.access(mailbox["provider"], mailbox["address"], form, call.services.endpoints)
    except WrongForm as wrong:
        return await _page(call, status=422, given=dict(form), faults=wrong.faults)
    try:
        await mailbox_work.connect(call, mailbox_id, access.settings, access.secret)
    except TemporalAway:
        return await _page(call, status=503, given=dict(form), problem=text("mailboxes.away"))
    if secret := access.secret.get("webhook_secret"):
        return await _page(call, webhook_secret=secret)
    return _back(mailbox_id, "#test")


async def examine(call: PageCall) -> web.Response:
    """Has a worker try the access, or prepare the page on which the mailbox's user agrees."""
    wanted = str((await call.request.post()).get("work", ""))
    kind: JobKind = "consent" if wanted == "consent" else "diagnose"
    await mailbox_work.start_job(call, call.id("id"), kind)
    return _back(call.id("id"), "#test")


async def start(call: PageCall) -> web.Response:
    """From here on it is read: mail from now on, or since a day."""
    mailbox_id, form = call.id("id"), await call.request.post()
    since, typed, given = None, str(form.get("since", "")), dict(form)
    if form.get("from") == "day":
        moment = day(typed)
        if moment is None:
            return await _page(call, status=422, given=given, faults={"since": "mailboxes.since.wrong"})
        since = moment.date().isoformat()
    elif typed:
        return await _page(call, status=422, given=given, faults={"since": "setup.wrong.since"})
    async with call.session() as session:
        try:
            defaults_id = UUID(str(form.get("defaults", "")))
        except ValueError:
            defaults_id = None
        if defaults_id is not None and defaults_id not in {
            row["defaults_id"] for row in await people.active_defaults(session, call.tenant_id)
        }:
            return await _page(call, status=422, given=given, faults={"defaults": "setup.wrong.choice"})
        try:
            await mailbox_admin.go_live(session, call.tenant_id, mailbox_id, since, defaults_id, actor=call.actor)
        except LookupError:
            raise NotFound from None
        except mailboxes.AddressInUse:
            return await _page(call, status=422, given=given, problem=text("setup.wrong.in_use"))
    return _back(mailbox_id, "#arrive")


async def agreed(call: PageCall) -> web.Response:
    """Where the provider sends the mailbox's user back to. It changes nothing by itself: the page's button does."""
    query = call.request.query
    return await render(
        call,
        "mailbox_agreed.html",
        state=query.get("state", "")[:500],
        code=query.get("code", "")[:4000],
        refused=bool(query.get("error")),
    )


async def take_consent(call: PageCall) -> web.Response:
    """The code goes to a worker, sealed; it counts only with the state of a request that we made ourselves."""
    form = await call.request.post()
    state_sha256 = hashlib.sha256(str(form.get("state", "")).encode("utf-8", "replace")).hexdigest()
    code = str(form.get("code", ""))[:4000]
    async with call.session() as session:
        asked = await mailbox_jobs.consent_of(session, call.tenant_id, state_sha256)
    if asked is None or not code:
        return await render(call, "mailbox_agreed.html", status=422, state="", code="", refused=False)
    answer = {"code": code, "asked_by_job": str(asked["job_id"])}
    await mailbox_work.start_job(call, asked["mailbox_id"], "redeem", sealed=json.dumps(answer))
    return _back(asked["mailbox_id"], "#test")


async def _page(
    call: PageCall,
    *,
    status: int = 200,
    given: dict[str, Any] | None = None,
    faults: dict[str, str] | None = None,
    problem: str = "",
    webhook_secret: str = "",
) -> web.Response:
    mailbox_id = call.id("id")
    kinds: tuple[JobKind, ...] = ("consent", "redeem", "diagnose")
    async with call.session() as session:
        mailbox = await mailbox_views.get(session, call.tenant_id, mailbox_id)
        if mailbox is None:
            raise NotFound
        has_secret = await mailbox_admin.has_secret(session, call.tenant_id, mailbox_id)
        jobs = {kind: await mailbox_jobs.latest(session, call.tenant_id, mailbox_id, kind) for kind in kinds}
        defaults = await people.active_defaults(session, call.tenant_id)
        latest = await trace.of_mailbox(session, call.tenant_id, mailbox_id, limit=5)
    way, kept = _kept(call, mailbox, (given or call.request.query).get("way"))
    return await render(
        call,
        "mailbox_setup.html",
        status=status,
        mailbox=mailbox,
        ways=mailbox_forms.WAYS,
        way=way,
        asks=_asks(mailbox),
        given={**{name: _shown(value) for name, value in kept.items()}, **(given or {})},
        faults=faults or {},
        problem=problem,
        webhook_secret=webhook_secret,
        has_secret=has_secret,
        jobs=jobs,
        defaults=defaults,
        latest=latest,
        callback=f"{call.services.public_url.rstrip('/')}/oauth/callback",
        needs_source=mailbox["provider"] in ("imap", "gmail", "microsoft"),
    )


def _kept(call: PageCall, mailbox: Any, wanted: Any) -> tuple[Way | None, dict[str, Any]]:
    """What the form shows of the settings; for IMAP, of the way that is wanted, or that the mailbox goes already."""
    settings, endpoints = mailbox["settings"], call.services.endpoints
    if mailbox["provider"] != "imap":
        return None, settings
    goes = mailbox_forms.imap_way(settings, endpoints)
    way = next((way for way in mailbox_forms.WAYS if way == wanted), goes)
    return way, mailbox_forms.imap_fields(settings, endpoints) if way == goes else {}


def _asks(mailbox: Any) -> bool:
    """Whether the mailbox's user may be asked to agree."""
    if mailbox["provider"] == "imap":
        return ((mailbox["settings"].get("oauth") or {}).get("grant")) == "refresh_token"
    return mailbox["provider"] in ("gmail", "microsoft")


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value if value is not None else "")


def _back(mailbox_id: UUID, place: str = "") -> web.Response:
    return web.Response(status=303, headers={"Location": f"/mailboxes/{mailbox_id}/setup{place}"})
