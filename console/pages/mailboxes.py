"""The mailboxes: how each one stands, what can be done with it, and what a worker found when it was asked to look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiohttp import web

from console import charts, mailbox_work
from console.calls import NotFound, PageCall
from console.formatting import duration
from console.mailbox_health import health
from console.mailbox_work import TemporalAway
from console.strings import text
from console.templating import render
from domain.mailbox_jobs import JobKind
from storage import mail_hours, mailbox_admin, mailbox_jobs, mailbox_views, trace

# What the buttons ask a worker for: its kind, and whether it may mend what it finds.
JOBS: dict[str, tuple[JobKind, bool]] = {
    "diagnose": ("diagnose", False),
    "check": ("reconcile", False),
    "repair": ("reconcile", True),
}
SHOWN: tuple[JobKind, ...] = ("diagnose", "reconcile", "count")


async def listing(call: PageCall) -> web.Response:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with call.session() as session:
        rows = await mailbox_views.page(session, call.tenant_id)
        todays = await mail_hours.per_mailbox(session, call.tenant_id, today)
    boxes = [(row, health(row), todays.get(row["mailbox_id"], 0)) for row in rows]
    return await render(call, "mailboxes.html", boxes=boxes)


async def show(call: PageCall) -> web.Response:
    return await _page(call)


async def _page(call: PageCall, *, status: int = 200, problem: str = "") -> web.Response:
    mailbox_id, hours = call.id("id"), charts.last_hours(24)
    async with call.session() as session:
        mailbox = await mailbox_views.get(session, call.tenant_id, mailbox_id)
        if mailbox is None:
            raise NotFound
        rows = await mail_hours.since(session, call.tenant_id, hours[0], mailbox_id)
        watches = await mailbox_views.watches(session, call.tenant_id, mailbox_id)
        canaries = await mailbox_views.canaries(session, call.tenant_id, mailbox_id)
        check = await mailbox_jobs.check(session, call.tenant_id, mailbox_id)
        jobs = [
            job
            for kind in SHOWN
            if (job := await mailbox_jobs.latest(session, call.tenant_id, mailbox_id, kind)) is not None
        ]
        latest = await trace.of_mailbox(session, call.tenant_id, mailbox_id, limit=8)
    lag = charts.hourly(
        text("mailboxes.lag.title"), rows, hours,
        [("lag_p50", text("mailboxes.lag.p50")), ("lag_max", text("mailboxes.lag.max"))],
        show=lambda milliseconds: duration(milliseconds / 1000),
    )  # fmt: skip
    through = charts.hourly(
        text("mailboxes.hourly.title"), rows, hours, [("done", text("mailboxes.done"))], show=lambda n: f"{n:g}",
        bars=True,
    )  # fmt: skip
    return await render(
        call,
        "mailbox.html",
        status=status,
        problem=problem,
        mailbox=mailbox,
        health=health(mailbox),
        lag=lag,
        through=through,
        watches=watches,
        canaries=canaries,
        check=check,
        jobs=sorted(jobs, key=lambda job: job["created_at"], reverse=True),
        latest=latest,
        today=sum(row["done"] for row in rows if row["hour"] >= hours[-1].replace(hour=0)),
        run_url=call.services.run_url(f"mailbox/{mailbox_id}"),
        week_ago=(datetime.now(UTC) - timedelta(days=7)).date().isoformat(),
    )


async def pause(call: PageCall) -> web.Response:
    try:
        await mailbox_work.pause(call, call.id("id"))
    except TemporalAway:
        return await _page(call, status=503, problem=text("mailboxes.away"))
    return _back(call.id("id"))


async def resume(call: PageCall) -> web.Response:
    try:
        await mailbox_work.resume(call, call.id("id"))
    except TemporalAway:
        return await _page(call, status=503, problem=text("mailboxes.away"))
    return _back(call.id("id"))


async def resync(call: PageCall) -> web.Response:
    since = day(str((await call.request.post()).get("since", "")))
    if since is None:
        return await _page(call, status=422, problem=text("mailboxes.since.wrong"))
    try:
        await mailbox_work.resync(call, call.id("id"), since)
    except TemporalAway:
        return await _page(call, status=503, problem=text("mailboxes.away"))
    return _back(call.id("id"))


async def remove(call: PageCall) -> web.Response:
    """Only whoever types the mailbox's address means it."""
    typed = str((await call.request.post()).get("address", "")).strip().lower()
    async with call.session() as session:
        try:
            mailbox = await mailbox_admin.find(session, call.tenant_id, call.id("id"))
        except LookupError:
            raise NotFound from None
    if typed != mailbox.address:
        return await _page(call, status=422, problem=text("mailboxes.remove.wrong", address=mailbox.address))
    try:
        await mailbox_work.remove(call, mailbox.mailbox_id)
    except TemporalAway:
        return await _page(call, status=503, problem=text("mailboxes.away"))
    return web.Response(status=303, headers={"Location": "/mailboxes"})


async def examine(call: PageCall) -> web.Response:
    """Has a worker try, compare, or count; the page shows what it finds as it goes."""
    form = await call.request.post()
    wanted = str(form.get("work", ""))
    if wanted == "count":
        since = day(str(form.get("since", "")))
        if since is None:
            return await _page(call, status=422, problem=text("mailboxes.since.wrong"))
        await mailbox_work.start_job(call, call.id("id"), "count", since=since)
    elif wanted in JOBS:
        kind, repair = JOBS[wanted]
        await mailbox_work.start_job(call, call.id("id"), kind, repair=repair)
    else:
        return await _page(call, status=422, problem=text("mailboxes.work.wrong"))
    return _back(call.id("id"), "#work")


def day(typed: str) -> datetime | None:
    """A day as forms send it; None for anything else, and for one that has not come yet."""
    try:
        moment = datetime.strptime(typed, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment <= datetime.now(UTC) else None


def _back(mailbox_id: UUID, place: str = "") -> web.Response:
    return web.Response(status=303, headers={"Location": f"/mailboxes/{mailbox_id}{place}"})
