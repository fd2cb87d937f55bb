"""The operations that change which mails and people a ticket has: move, split, merge, undo, watchers."""

from __future__ import annotations

from aiohttp import web

from console.api import deciding_models as models
from console.api.answers import cut_answer, json_answer
from console.api.problems import Problem, refusing
from console.api.requests import parse
from console.calls import ApiCall, NotFound
from storage import merging, tickets, unmerge, watchers


async def split_comment(call: ApiCall) -> web.Response:
    async with call.session() as session:
        with refusing(unmerge.NotSeparable):
            ticket_id, number = await unmerge.split(session, call.tenant_id, call.id("id"), actor=call.actor)
    return json_answer(models.Split(ticket_id=ticket_id, number=number))


async def move_comment(call: ApiCall) -> web.Response:
    body = parse(call, models.MoveRequest)
    async with call.session() as session:
        with refusing(unmerge.NotSeparable):
            ticket_id = await unmerge.move(session, call.tenant_id, call.id("id"), body.ticket, actor=call.actor)
    return json_answer(models.Split(ticket_id=ticket_id, number=body.ticket))


async def merge_ticket(call: ApiCall) -> web.Response:
    body, ticket_id = parse(call, models.MergeRequest), call.id("id")
    async with call.session() as session:
        if await tickets.get(session, call.tenant_id, ticket_id) is None:
            raise NotFound
        target = await tickets.get(session, call.tenant_id, body.into)
        if target is None:
            raise Problem(409, f"There is no ticket #{body.into}.")
        try:
            await merging.merge(session, call.tenant_id, ticket_id, target["ticket_id"], actor=call.actor)
        except merging.NotMergeable as error:
            raise Problem(409, str(error)) from None
    return json_answer(models.Merged(ticket_id=target["ticket_id"], number=body.into))


async def undo_merge(call: ApiCall) -> web.Response:
    async with call.session() as session:
        with refusing(merging.NotMergeable):
            undone = await merging.undo(session, call.tenant_id, call.id("id"), actor=call.actor)
    return json_answer(models.MergeUndone(number=undone.number, comments=undone.comments, stayed=undone.stayed))


async def list_watchers(call: ApiCall) -> web.Response:
    ticket_id = call.id("id")
    async with call.session() as session:
        if await tickets.get(session, call.tenant_id, ticket_id) is None:
            raise NotFound
        rows = await watchers.of_ticket(session, call.tenant_id, ticket_id)
    items = [models.Watcher.model_validate(dict(row)) for row in rows]
    return cut_answer(call.request.query, items)


async def decide_watcher(call: ApiCall) -> web.Response:
    ticket_id = call.id("id")
    async with call.session() as session:
        if await tickets.get(session, call.tenant_id, ticket_id) is None:
            raise NotFound
        body = parse(call, models.WatcherDecision)
        await watchers.decide(session, call.tenant_id, ticket_id, body.address, body.state, actor=call.actor)
    return await list_watchers(call)
