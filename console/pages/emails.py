"""Find a mail, and everything that happened to it."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from console import mailbox_work, timeline
from console.calls import NotFound, PageCall
from console.mailbox_work import TemporalAway
from console.templating import render
from storage import mailbox_views, task_views, trace

# As many as a page shows.
LATEST = 50


async def find(call: PageCall) -> web.Response:
    """Looks a mail up; the one mail of a Message-ID opens at once."""
    query = call.request.query.get("q", "")[:1000].strip()
    async with call.session() as session:
        if query:
            rows = await trace.search(session, call.tenant_id, query, limit=LATEST + 1)
        else:
            rows = await trace.page(session, call.tenant_id, before=None, limit=LATEST)
        boxes = [] if rows else await mailbox_views.page(session, call.tenant_id)
    asked = call.request.query.get("asked", "")
    if query and len(rows) == 1 and not asked:
        return web.Response(status=303, headers={"Location": f"/emails/{rows[0]['email_id']}"})
    return await render(
        call,
        "find.html",
        query=query,
        emails=rows[:LATEST],
        more=len(rows) > LATEST,
        mailboxes=boxes,
        asked=int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else None,
        away="away" in call.request.query,
    )


async def look(call: PageCall) -> web.Response:
    """Has all mailboxes look for new mail now, and goes on waiting on the page of the search."""
    query = str((await call.request.post()).get("q", ""))[:1000]
    try:
        told = {"asked": await mailbox_work.look(call)}
    except TemporalAway:
        told = {"away": 1}
    return web.Response(status=303, headers={"Location": f"/find?{urlencode({'q': query, **told})}"})


async def show(call: PageCall) -> web.Response:
    """The trace of one message: timeline, decision record, facts."""
    email_id = call.id("id")
    async with call.session() as session:
        email = await trace.get(session, call.tenant_id, email_id)
        if email is None:
            raise NotFound
        content = await trace.content(session, call.tenant_id, email_id)
        tasks = await task_views.of_email(session, call.tenant_id, email_id)
        behind = await trace.waiting_on(session, call.tenant_id, email_id)
        parent = await trace.get(session, call.tenant_id, email["waits_for"]) if email["waits_for"] else None
    steps = timeline.steps(email, tasks)
    end = email["done_at"] or datetime.now(UTC)
    return await render(
        call,
        "trace.html",
        email=email,
        problems=content["problems"] if content else [],
        tasks=tasks,
        answers={task["task_id"]: timeline.answer_label(task) for task in tasks if task["resolution"]},
        behind=behind,
        parent=parent,
        steps=steps,
        became=timeline.became(email),
        total=end - steps[0].at,
        run_url=call.services.run_url(email["workflow_id"]),
    )
