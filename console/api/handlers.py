"""The operations of the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from console import bodies
from console.api import models, paging, requests, views
from console.api.answers import json_answer, page_answer
from console.api.problems import Problem
from console.calls import ApiCall, NotFound
from domain.task import TaskResolution
from storage import attachments, task_views, tickets
from storage.tasks import InvalidChoice

# How much of each conversation a list of tickets carries.
LISTED_COMMENTS = 20


async def list_tickets(call: ApiCall) -> web.Response:
    query = paging.parse(models.TicketQuery, call.request.query)
    key = paging.decode(query.cursor, paging.sequence)
    async with call.session() as session:
        rows = await tickets.page(
            session,
            call.tenant_id,
            tickets.Filter(
                words=query.q,
                status=query.status,
                client_id=query.client_id,
                assignee_id=query.assignee_id,
                unassigned=query.unassigned,
                mailbox_id=query.mailbox_id,
                tag=query.tag.replace("\0", "") if query.tag else None,
            ),
            before=key[0] if key else None,
            limit=query.limit + 1,
        )
        shown = rows[: query.limit]
        conversations = await _conversations(call, session, [row["ticket_id"] for row in shown], LISTED_COMMENTS)
    items = [views.ticket(row, conversations[row["ticket_id"]], call.services) for row in shown]
    return page_answer(items, rows, query.limit, lambda row: [row["number"]])


async def get_ticket(call: ApiCall) -> web.Response:
    wanted = call.request.match_info["id"]
    number = wanted.isascii() and wanted.isdigit() and len(wanted) < 19
    async with call.session() as session:
        row = await tickets.get(session, call.tenant_id, int(wanted) if number else call.id("id"))
        if row is None:
            raise NotFound
        conversations = await _conversations(call, session, [row["ticket_id"]], None)
    return json_answer(views.ticket(row, conversations[row["ticket_id"]], call.services))


async def list_tasks(call: ApiCall) -> web.Response:
    query = paging.parse(models.TaskQuery, call.request.query)
    key = paging.decode(query.cursor, _timestamp, UUID)
    async with call.session() as session:
        rows = await task_views.page(
            session,
            call.tenant_id,
            state=query.state,
            before=(key[0], key[1]) if key else None,
            limit=query.limit + 1,
        )
    items = [views.task(row) for row in rows[: query.limit]]
    return page_answer(items, rows, query.limit, lambda row: [row["created_at"].isoformat(), row["task_id"]])


async def get_task(call: ApiCall) -> web.Response:
    async with call.session() as session:
        row = await task_views.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    return json_answer(views.task(row))


async def resolve_task(call: ApiCall) -> web.Response:
    """Settles a task: 200 for the answer that won, 409 for one that came second, 422 for one that is no option."""
    task_id = call.id("id")
    body = requests.parse(call, models.Resolution)
    resolution = TaskResolution(choice=body.choice, by=call.actor, remember=body.remember)
    try:
        settled = await call.delivery.answer(
            call.tenant_id, task_id, resolution, hold=timedelta(seconds=body.hold_seconds)
        )
    except LookupError:
        raise NotFound from None
    except InvalidChoice:
        async with call.session() as session:
            row = await task_views.get(session, call.tenant_id, task_id)
        options = [option["id"] for option in row["options"]]
        raise Problem(
            422, f"Choose one of the task's options: {', '.join(options)}.", kind="invalid-choice", options=options
        ) from None
    if not settled.won:
        winner = settled.resolution
        raise Problem(
            409,
            f"{winner.by} has answered first: {winner.choice}. Nothing is left to do.",
            kind="already-resolved",
            resolved_by=winner.by,
            choice=winner.choice,
        )
    return await get_task(call)


async def get_attachment(call: ApiCall) -> web.StreamResponse:
    async with call.session() as session:
        row = await attachments.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    if row["state"] in attachments.LOCKED:
        raise locked(
            row["state"], "GET …/locked with a token of scope admin serves it all the same", reason=row["reason"]
        )
    return await _served(call, row)


async def get_locked_attachment(call: ApiCall) -> web.StreamResponse:
    async with call.session() as session:
        row = await attachments.get(session, call.tenant_id, call.id("id"))
        if row is None:
            raise NotFound
        await attachments.note_reading(session, call.tenant_id, call.actor, row)
    return await _served(call, row, locked=True)


def locked(state: attachments.Locked, otherwise: str, **members: Any) -> Problem:
    """Why an attachment, or a mail with such a part, is not served, and how it would be."""
    why = "found something in it" if state == "infected" else "has not seen all of it"
    return Problem(
        403,
        f"The virus scanner {why}: {otherwise}.",
        kind="infected" if state == "infected" else "not-scanned",
        **members,
    )


async def _served(call: ApiCall, row: Any, *, locked: bool = False) -> web.StreamResponse:
    try:
        return await bodies.attachment(call.services, call.request, row, locked=locked)
    except LookupError:
        raise Problem(
            409,
            "The bytes of this attachment are not stored: its state and reason say why.",
            kind="not-stored",
            state=row["state"],
        ) from None


async def _conversations(
    call: ApiCall, session: Any, ticket_ids: list[UUID], newest: int | None
) -> dict[UUID, list[models.Comment]]:
    rows = await tickets.comments(session, call.tenant_id, ticket_ids, newest=newest, html=True)
    manifests: dict[UUID, list[Any]] = {row["comment_id"]: [] for row in rows}
    for part in await tickets.attachments(session, call.tenant_id, list(manifests)):
        manifests[part["comment_id"]].append(part)
    conversations: dict[UUID, list[models.Comment]] = {ticket_id: [] for ticket_id in ticket_ids}
    for row in rows:
        conversations[row["ticket_id"]].append(await views.comment(row, manifests[row["comment_id"]]))
    return conversations


def _timestamp(value: Any) -> datetime:
    # In UTC, as Postgres takes it: at the ends of time this overflows here, not there.
    return datetime.fromisoformat(value).astimezone(UTC)
