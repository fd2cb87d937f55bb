"""The task inbox, which is home: what waits for a person on one side, the question and its mail on the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from aiohttp import web

from console import timeline
from console.calls import NotFound, PageCall
from console.templating import render
from domain.email import ParsedEmail
from domain.task import TaskResolution
from storage import people, task_views, tasks, trace
from storage.tasks import InvalidChoice, TooLate

# The kinds whose answer can be turned into an association.
TEACHING = frozenset({"identify_client", "review_sender", "choose_ticket"})
# How much of the latest mail home shows when nothing waits.
RECENT = 12
# As many as the inbox lists, so that all that it shows can be answered at once.
MAX_BULK = 200
# The keys of answers that are no candidates; candidates, and what has no letter, are numbered.
_KEYS = {"new_ticket": "n", "no_client": "n", "discard": "d", "retry": "r"}
_RELEASE = "release:"


async def inbox(call: PageCall) -> web.Response:
    return await _page(call, None)


async def show(call: PageCall) -> web.Response:
    return await _page(call, call.id("id"))


async def answer(call: PageCall) -> web.Response:
    """Takes an answer: on to the next task when it won, 409 with the winner when somebody was quicker."""
    task_id = call.id("id")
    form = await call.request.post()
    async with call.session() as session:
        following = _after(_in_order(await task_views.open_tasks(session, call.tenant_id)), task_id)
    try:
        settled = await call.delivery.answer(
            call.tenant_id, task_id, _resolution(call, form), hold=call.services.undo_for
        )
    except LookupError:
        raise NotFound from None
    except InvalidChoice:
        return await _page(call, task_id, status=422, alert="task.invalid")
    if not settled.won:
        return await _page(call, task_id, status=409, lost=True)
    return _go(f"/tasks/{following}" if following else "/", f"done={task_id}")


async def answer_many(call: PageCall) -> web.Response:
    """The same answer for every chosen task. One that somebody else was quicker with keeps that answer."""
    form = await call.request.post()
    chosen = _ids(form.getall("task", []))[:MAX_BULK]
    won = []
    for task_id in chosen:
        try:
            settled = await call.delivery.answer(
                call.tenant_id, task_id, _resolution(call, form), hold=call.services.undo_for
            )
        except (LookupError, InvalidChoice):
            continue
        if settled.won:
            won.append(task_id)
    done = ",".join(str(task_id) for task_id in won)
    return _go("/", f"done={done}&others={len(chosen) - len(won)}")


async def take_back(call: PageCall) -> web.Response:
    """Undoes one's own answers that have not gone on their way yet."""
    ids = _ids(str((await call.request.post()).get("tasks", "")).split(","))[:MAX_BULK]
    late = 0
    for task_id in ids:
        try:
            async with call.session() as session:
                await tasks.take_back(session, call.tenant_id, task_id, actor=call.actor)
        except LookupError:
            raise NotFound from None
        except TooLate:
            late += 1
    if not ids:
        raise NotFound
    return _go(f"/tasks/{ids[0]}", f"late={late}" if late else "undone=1")


async def assign(call: PageCall) -> web.Response:
    """Puts a task into somebody's hands: `me`, a user's id, or nobody's."""
    task_id = call.id("id")
    wanted = str((await call.request.post()).get("assignee", ""))
    try:
        assignee = call.user.user_id if wanted == "me" else UUID(wanted) if wanted else None
        async with call.session() as session:
            await tasks.assign(session, call.tenant_id, task_id, assignee, actor=call.actor)
    except (LookupError, ValueError):
        raise NotFound from None
    return _go(f"/tasks/{task_id}")


async def _page(
    call: PageCall, task_id: UUID | None, *, status: int = 200, lost: bool = False, alert: str = ""
) -> web.Response:
    query = call.request.query
    async with call.session() as session:
        waiting = _in_order(await task_views.open_tasks(session, call.tenant_id))
        shown = task_id or (waiting[0]["task_id"] if waiting else None)
        task = await task_views.get(session, call.tenant_id, shown) if shown else None
        if task_id is not None and task is None:
            raise NotFound
        email_id = task["email_id"] if task else None
        email = await trace.get(session, call.tenant_id, email_id) if email_id else None
        content = await trace.content(session, call.tenant_id, email_id) if email_id else None
        behind = await trace.waiting_on(session, call.tenant_id, email_id) if email_id else []
        recent = [] if task else await trace.page(session, call.tenant_id, before=None, limit=RECENT)
        users = await people.users(session, call.tenant_id, also=task["assignee_id"]) if task else []
        done = await task_views.answered(session, call.tenant_id, _ids(query.get("done", "").split(",")), call.actor)
    if query.get("late"):
        alert = "task.late"
    return await render(
        call,
        "inbox.html",
        status=status,
        chosen=task_id is not None,
        groups=_groups(waiting),
        listed=len(waiting),
        task=task,
        email=email,
        parsed=ParsedEmail.model_validate(content) if content else None,
        behind=behind,
        emails=recent,
        users=users,
        **(_question(task) if task else {}),
        following=_after(waiting, shown) if shown else None,
        preceding=_after(waiting[::-1], shown) if shown else None,
        lost=lost,
        alert=alert,
        toast=_toast(done, query.get("others", "0")),
        undone="undone" in query,
    )


def _question(task: Any) -> dict[str, Any]:
    """The answers to choose from, each with its label and key, and the one that was given."""
    ordered = sorted(task["candidates"], key=lambda candidate: -candidate["score"])
    shown = {candidate["option"] for candidate in ordered}
    labels = {option["id"]: option["label"] for option in task["options"]}
    numbered = iter("123456789")
    candidates = [
        {**candidate, "label": labels.get(candidate["option"], candidate["option"]), "key": next(numbered, "")}
        for candidate in ordered
    ]
    options = [
        {**option, "key": _key(option["id"]) or next(numbered, "")}
        for option in task["options"]
        if option["id"] not in shown
    ]
    return {
        "candidates": candidates,
        "options": options,
        "default": labels.get(task["default_option"], task["default_option"]),
        "teaches": task["kind"] in TEACHING,
        "answered": None if task["resolution"] is None else timeline.answer_label(task),
    }


def _key(option: str) -> str:
    return "r" if option.startswith(_RELEASE) else _KEYS.get(option, "")


def _in_order(waiting: Sequence[Any]) -> list[Any]:
    """Oldest first within each kind; the kind with the oldest question comes first."""
    first: dict[str, int] = {}
    for position, task in enumerate(waiting):
        first.setdefault(task["kind"], position)
    return sorted(waiting, key=lambda task: first[task["kind"]])


def _groups(waiting: list[Any]) -> list[tuple[str, list[Any], list[dict[str, str]]]]:
    """(kind, its tasks, the options that all of them have)."""
    groups = []
    for kind, members in groupby(waiting, key=lambda task: task["kind"]):
        asked = list(members)
        common = set.intersection(*({option["id"] for option in task["options"]} for task in asked))
        groups.append((str(kind), asked, [option for option in asked[0]["options"] if option["id"] in common]))
    return groups


def _after(waiting: Sequence[Any], task_id: UUID) -> UUID | None:
    """The task after this one; after the last one, or when it is not among them, the first other one."""
    ids = [task["task_id"] for task in waiting]
    if task_id in ids:
        ids = ids[ids.index(task_id) + 1 :] + ids[: ids.index(task_id)]
    return ids[0] if ids else None


def _toast(done: list[Any], others: str) -> dict[str, Any] | None:
    """What has just been answered, and whether it may still be taken back."""
    if not done:
        return None
    held = [task for task in done if task["held_until"] and task["held_until"] > datetime.now(UTC)]
    return {
        "count": len(done),
        "label": timeline.answer_label(done[0]),
        "others": int(others) if others.isascii() and others.isdigit() and len(others) < 4 else 0,
        "held": ",".join(str(task["task_id"]) for task in held),
        "owed": not held and any(task["delivered_at"] is None for task in done),
        "until": max((task["held_until"] for task in held), default=None),
    }


def _resolution(call: PageCall, form: Any) -> TaskResolution:
    return TaskResolution(
        choice=str(form.get("choice", ""))[:200], by=call.actor[:200], remember=form.get("remember") == "yes"
    )


def _ids(texts: Sequence[Any]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(str(text)))
        except ValueError:
            continue
    return found


def _go(path: str, query: str = "") -> web.Response:
    return web.Response(status=303, headers={"Location": f"{path}?{query}" if query else path})
