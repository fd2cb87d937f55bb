"""The operations of daily work: tasks in somebody's hands, answers taken back, properties and notes of tickets."""

from __future__ import annotations

from aiohttp import web

from console.api import handlers, models, views
from console.api.answers import json_answer
from console.api.problems import Problem
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from storage import task_views, tasks, ticket_changes, tickets


async def take_back_answer(call: ApiCall) -> web.Response:
    """Undoes an answer of this token that was given with `hold_seconds`, until they have passed."""
    async with call.session() as session:
        try:
            await tasks.take_back(session, call.tenant_id, call.id("id"), actor=call.actor)
        except LookupError:
            raise NotFound from None
        except tasks.TooLate:
            raise Problem(409, "No answer of this token is held for this task: it may have gone on its way.") from None
    return await handlers.get_task(call)


async def assign_task(call: ApiCall) -> web.Response:
    task_id = call.id("id")
    async with call.session() as session:
        if await task_views.get(session, call.tenant_id, task_id) is None:
            raise NotFound
        body = parse(call, models.Assignment)
        try:
            await tasks.assign(session, call.tenant_id, task_id, body.assignee_id, actor=call.actor)
        except LookupError:
            raise Problem(422, "There is no user with this id.") from None
    return await handlers.get_task(call)


async def change_ticket(call: ApiCall) -> web.Response:
    ticket_id = call.id("id")
    async with call.session() as session:
        if await tickets.get(session, call.tenant_id, ticket_id) is None:
            raise NotFound
        body = parse(call, models.TicketChange)
        wanted = ticket_changes.Changes(
            status=body.status,
            priority=body.priority,
            assign="assignee_id" in body.model_fields_set,
            assignee_id=body.assignee_id,
            tags=body.tags,
        )
        try:
            await ticket_changes.change(session, call.tenant_id, ticket_id, wanted, actor=call.actor)
        except LookupError:
            raise Problem(422, "There is no user with this id.") from None
        except ticket_changes.Unchangeable:
            raise Problem(409, "This ticket was merged into another one: change that one.") from None
    return await handlers.get_ticket(call)


async def add_note(call: ApiCall) -> web.Response:
    """A note of the calling system, which colleagues see and customers never get."""
    ticket_id = call.id("id")
    async with call.session() as session:
        if await tickets.get(session, call.tenant_id, ticket_id) is None:
            raise NotFound
        body = parse(call, models.Note)
        try:
            comment_id = await ticket_changes.add_note(
                session, call.tenant_id, ticket_id, body.text, name=call.token.name, address="", actor=call.actor
            )
        except ticket_changes.Unchangeable:
            raise Problem(409, "This ticket was merged into another one: write there.") from None
        rows = await tickets.comments(session, call.tenant_id, [ticket_id])
    row = next(row for row in rows if row["comment_id"] == comment_id)
    return json_answer(await views.comment(row, []))
