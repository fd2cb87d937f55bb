"""How much mail goes through, how fast, and what waits; and how the installation itself stands."""

from __future__ import annotations

from aiohttp import web

from console import charts, system_health
from console.calls import PageCall
from console.formatting import duration
from console.strings import text
from console.templating import render
from storage import figures, mail_hours

SPANS = {"day": 24, "week": 168}
OUTCOMES = ("tickets", "comments", "duplicates", "excluded", "discarded", "gone")


async def show(call: PageCall) -> web.Response:
    span = call.request.query.get("span", "day")
    hours = charts.last_hours(SPANS.get(span, SPANS["day"]))
    async with call.session() as session:
        rows = await mail_hours.since(session, call.tenant_id, hours[0])
        backlog = await figures.backlog(session, call.tenant_id)
        oldest = await figures.oldest_waiting(session, call.tenant_id)
        tasks = await figures.waiting_tasks(session, call.tenant_id)
    through = charts.hourly(
        text("dashboard.throughput"), rows, hours, [("done", text("mailboxes.done"))], show=lambda n: f"{n:g}",
        bars=True,
    )  # fmt: skip
    latency = charts.hourly(
        text("dashboard.latency"),
        rows,
        hours,
        [("latency_p50", "p50"), ("latency_p95", "p95"), ("latency_p99", "p99")],
        show=lambda milliseconds: duration(milliseconds / 1000),
    )
    return await render(
        call,
        "dashboard.html",
        span=span if span in SPANS else "day",
        through=through,
        latency=latency,
        outcomes=[(name, sum(row[name] for row in rows)) for name in OUTCOMES],
        done=sum(row["done"] for row in rows),
        backlog=backlog,
        open=sum(row["n"] for row in backlog),
        oldest=oldest,
        tasks=tasks,
        waiting_tasks=sum(row["n"] for row in tasks),
    )


async def system(call: PageCall) -> web.Response:
    return await render(call, "system.html", parts_=await system_health.parts(call.services, call.tenant_id))
