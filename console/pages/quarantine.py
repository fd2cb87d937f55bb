"""Mail that was stopped, by its reason; what a person does with it answers its question, one or many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from console.calls import PageCall
from console.templating import render
from domain.task import TaskResolution
from storage import quarantine
from storage.quarantine import GROUPS, WAITING, Group
from storage.tasks import InvalidChoice

SHOWN = 100
# Answered with one click at most.
MAX_AT_ONCE = 500
# What the buttons stand for, as the beginnings of options; the first that a question has is its answer.
VERBS = {"release": ("release:",), "retry": ("retry", "ticket"), "discard": ("discard",)}


async def show(call: PageCall) -> web.Response:
    query = call.request.query
    async with call.session() as session:
        counts = await quarantine.counts(session, call.tenant_id)
        group = _group(query.get("group", ""), counts)
        held = await quarantine.held(session, call.tenant_id, group, limit=SHOWN) if group in WAITING else []
        emails = [] if group in WAITING else await quarantine.emails(session, call.tenant_id, group, limit=SHOWN)
    return await render(
        call,
        "quarantine.html",
        group=group,
        counts=counts,
        held=held,
        emails=emails,
        verbs=[verb for verb in VERBS if any(_option(row["options"], verb) for row in held)],
        done=_number(query.get("done", "")),
        others=_number(query.get("others", "")),
        most=MAX_AT_ONCE,
    )


async def answer(call: PageCall) -> web.Response:
    """The same verb for every chosen mail, or for the whole group. What somebody else answered keeps that answer."""
    form = await call.request.post()
    group = _group(str(form.get("group", "")), {})
    verb = str(form.get("verb", ""))
    async with call.session() as session:
        rows = await quarantine.held(session, call.tenant_id, group, limit=MAX_AT_ONCE) if group in WAITING else []
    chosen = {str(task) for task in form.getall("task", [])}
    wanted = rows if form.get("all") == "yes" else [row for row in rows if str(row["task_id"]) in chosen]
    done = 0
    for row in wanted:
        done += await _answered(call, row["task_id"], _option(row["options"], verb))
    others = len(wanted) - done
    return web.Response(status=303, headers={"Location": f"/quarantine?group={group}&done={done}&others={others}"})


async def _answered(call: PageCall, task_id: UUID, option: str | None) -> bool:
    if option is None:
        return False
    try:
        settled = await call.delivery.answer(
            call.tenant_id, task_id, TaskResolution(choice=option, by=call.actor[:200]), hold=call.services.undo_for
        )
    except (LookupError, InvalidChoice):
        return False
    return settled.won


def _option(options: Sequence[dict[str, Any]], verb: str) -> str | None:
    for beginning in VERBS.get(verb, ()):
        for option in options:
            if option["id"] == beginning or (beginning.endswith(":") and option["id"].startswith(beginning)):
                return str(option["id"])
    return None


def _group(wanted: str, counts: dict[Group, int]) -> Group:
    """The group of this name; without one, the first that has something in it."""
    for group in GROUPS:
        if group == wanted:
            return group
    return next((group for group in GROUPS if counts.get(group)), GROUPS[0])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
