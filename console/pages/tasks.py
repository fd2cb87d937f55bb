"""The task inbox, which is home: what waits for a person, and the page where it is answered."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from aiohttp import web

from console import timeline
from console.calls import NotFound, PageCall
from console.templating import render
from domain.email import ParsedEmail
from domain.task import TaskResolution
from storage import task_views, trace
from storage.tasks import InvalidChoice

# The kinds whose answer can be turned into an association.
TEACHING = frozenset({"identify_client", "review_sender", "choose_ticket"})
# How much of the latest mail home shows.
RECENT = 12


async def inbox(call: PageCall) -> web.Response:
    async with call.session() as session:
        waiting = await task_views.open_tasks(session, call.tenant_id)
        recent = await trace.page(session, call.tenant_id, before=None, limit=RECENT)
    by_kind = sorted(waiting, key=lambda task: task["kind"])
    groups = {kind: list(tasks) for kind, tasks in groupby(by_kind, key=lambda task: task["kind"])}
    # The group with the oldest question comes first.
    ordered = sorted(groups.items(), key=lambda group: group[1][0]["created_at"])
    return await render(call, "inbox.html", groups=ordered, emails=recent)


async def show(call: PageCall) -> web.Response:
    return await _page(call)


async def answer(call: PageCall) -> web.Response:
    """Takes an answer: back to the task when it won, 409 with the winner when somebody was quicker."""
    task_id = call.id("id")
    form = await call.request.post()
    resolution = TaskResolution(
        choice=str(form.get("choice", ""))[:200], by=call.user.email[:200], remember=form.get("remember") == "yes"
    )
    try:
        settled = await call.delivery.answer(call.tenant_id, task_id, resolution)
    except LookupError:
        raise NotFound from None
    except InvalidChoice:
        return await _page(call, status=422, invalid=True)
    if not settled.won:
        return await _page(call, status=409, lost=True)
    return web.Response(status=303, headers={"Location": f"/tasks/{task_id}"})


async def _page(call: PageCall, *, status: int = 200, lost: bool = False, invalid: bool = False) -> web.Response:
    task_id = call.id("id")
    async with call.session() as session:
        task = await task_views.get(session, call.tenant_id, task_id)
        if task is None:
            raise NotFound
        email_id = task["email_id"]
        email = await trace.get(session, call.tenant_id, email_id) if email_id else None
        content = await trace.content(session, call.tenant_id, email_id) if email_id else None
        behind = await trace.waiting_on(session, call.tenant_id, email_id) if email_id else []
        others = [t for t in await task_views.open_tasks(session, call.tenant_id, limit=2) if t["task_id"] != task_id]
    return await render(
        call,
        "task.html",
        status=status,
        task=task,
        email=email,
        parsed=ParsedEmail.model_validate(content) if content else None,
        behind=behind,
        candidates=_candidates(task),
        options=_other_options(task),
        default=_label(task, task["default_option"]),
        teaches=task["kind"] in TEACHING,
        answered=None if task["resolution"] is None else timeline.answer_label(task),
        next_task=others[0] if others else None,
        lost=lost,
        invalid=invalid,
    )


def _candidates(task: Any) -> list[dict[str, Any]]:
    """The candidates, best first, each with the label of its answer."""
    ordered = sorted(task["candidates"], key=lambda candidate: -candidate["score"])
    return [{**candidate, "label": _label(task, candidate["option"])} for candidate in ordered]


def _other_options(task: Any) -> list[dict[str, str]]:
    shown = {candidate["option"] for candidate in task["candidates"]}
    return [option for option in task["options"] if option["id"] not in shown]


def _label(task: Any, option_id: str) -> str:
    return next((option["label"] for option in task["options"] if option["id"] == option_id), option_id)
