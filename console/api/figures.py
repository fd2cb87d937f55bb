"""Figures, system health and quarantine over the API: what the console's pages of these names show."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from console import charts, system_health
from console.api.answers import json_answer
from console.calls import ApiCall
from domain.task import TaskKind
from storage import figures, mail_hours, quarantine

HOURS = 168


class Hour(BaseModel):
    """What was done in one hour (its beginning, UTC). Times in milliseconds; null where nothing tells."""

    hour: datetime
    done: int
    tickets: int
    comments: int
    duplicates: int
    excluded: int
    discarded: int
    gone: int
    latency_p50: int | None
    latency_p95: int | None
    latency_p99: int | None
    lag_p50: int | None
    lag_max: int | None


class OpenMail(BaseModel):
    """Messages without an outcome, by state."""

    state: str
    count: int
    oldest: datetime


class WaitingTasks(BaseModel):
    """Open questions, by kind."""

    kind: TaskKind
    count: int
    escalated: int
    oldest: datetime


class Figures(BaseModel):
    """The last week by the hour (hours without mail are left out), and what is open now."""

    hours: list[Hour]
    open: list[OpenMail]
    tasks: list[WaitingTasks]


class SystemPart(BaseModel):
    """`state`: good, warn (look at it) or bad (mend it); `advice` says what to do."""

    name: str
    state: str
    detail: str
    advice: str


class SystemHealth(BaseModel):
    parts: list[SystemPart]


class Held(BaseModel):
    """Mail in quarantine; `POST /tasks/{task_id}/resolution` with one of `options` answers it."""

    task_id: UUID
    email_id: UUID
    group: str
    subject: str | None
    question: str
    options: list[str]
    mailbox: str
    since: datetime
    deadline: datetime


class Quarantine(BaseModel):
    """How much mail each reason stopped, and the oldest 200 that wait for an answer. What is infected or was discarded
    waits for none, and has lists of its own."""

    counts: dict[str, int]
    held: list[Held]


async def get_figures(call: ApiCall) -> web.Response:
    async with call.session() as session:
        hours = await mail_hours.since(session, call.tenant_id, charts.last_hours(HOURS)[0])
        backlog = await figures.backlog(session, call.tenant_id)
        tasks = await figures.waiting_tasks(session, call.tenant_id)
    return json_answer(
        Figures(
            hours=[Hour.model_validate(dict(row)) for row in hours],
            open=[OpenMail(state=row["state"], count=row["n"], oldest=row["oldest"]) for row in backlog],
            tasks=[
                WaitingTasks(kind=row["kind"], count=row["n"], escalated=row["escalated"], oldest=row["oldest"])
                for row in tasks
            ],
        )
    )


async def get_system(call: ApiCall) -> web.Response:
    parts = await system_health.parts(call.services, call.tenant_id)
    return json_answer(
        SystemHealth(parts=[SystemPart(name=p.name, state=p.tone, detail=p.detail, advice=p.advice) for p in parts])
    )


async def get_quarantine(call: ApiCall) -> web.Response:
    async with call.session() as session:
        counts = await quarantine.counts(session, call.tenant_id)
        rows = [
            row
            for group in quarantine.WAITING
            for row in await quarantine.held(session, call.tenant_id, group, limit=50)
        ]
    held = [
        Held(
            task_id=row["task_id"],
            email_id=row["email_id"],
            group=row["held_as"],
            subject=row["subject"],
            question=row["question"],
            options=[option["id"] for option in row["options"]],
            mailbox=row["mailbox"],
            since=row["created_at"],
            deadline=row["deadline"],
        )
        for row in rows
    ]
    return json_answer(Quarantine(counts={str(group): n for group, n in counts.items()}, held=held))
