"""Tickets: the list, and one with its conversation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import UUID

from aiohttp import web

from console.calls import NotFound, PageCall
from console.pages import ticket_care
from console.templating import render
from storage import people, ticket_changes, tickets, trace

PAGE = 50
# A conversation longer than this opens with its newest messages.
SHOWN = 100
MAX_NOTE = 20_000
STATUSES = ("open", "pending", "closed", "merged")


async def listing(call: PageCall) -> web.Response:
    query = call.request.query
    words, status, tag = (
        query.get("q", "")[:200].strip(),
        query.get("status", ""),
        query.get("tag", "")[:50].replace("\0", ""),
    )
    status = status if status in STATUSES else ""
    assignee, mailbox, client = query.get("assignee", ""), _uuid(query.get("mailbox")), _uuid(query.get("client"))
    before = _number(query.get("before", ""))
    wanted = tickets.Filter(
        words=words,
        status=status or None,
        client_id=client,
        assignee_id=call.user.user_id if assignee == "me" else _uuid(assignee),
        unassigned=assignee == "none",
        mailbox_id=mailbox,
        tag=tag or None,
    )
    async with call.session() as session:
        rows = await tickets.page(session, call.tenant_id, wanted, before=before, limit=PAGE + 1)
        users = await people.users(session, call.tenant_id, stopped=True)
        boxes = await people.mailbox_names(session, call.tenant_id, also=mailbox)
        client_name = await people.client_name(session, call.tenant_id, client) if client else None
    shown = rows[:PAGE]
    chosen = {"q": words, "status": status, "assignee": assignee, "mailbox": str(mailbox or ""),
              "client": str(client or ""), "tag": tag}  # fmt: skip
    chosen = {name: value for name, value in chosen.items() if value}
    return await render(
        call,
        "tickets.html",
        tickets=shown,
        chosen=chosen,
        statuses=STATUSES,
        users=users,
        mailboxes=boxes,
        client_name=client_name,
        before=before,
        older=shown[-1]["number"] if len(rows) > PAGE else None,
    )


async def show(call: PageCall) -> web.Response:
    wanted = call.request.match_info["id"]
    is_number = wanted.isascii() and wanted.isdigit() and len(wanted) < 19
    async with call.session() as session:
        ticket = await tickets.get(session, call.tenant_id, int(wanted) if is_number else call.id("id"))
        if ticket is None:
            raise NotFound
        newest = None if "all" in call.request.query else SHOWN
        comments = await tickets.comments(session, call.tenant_id, [ticket["ticket_id"]], newest=newest)
        parts = await tickets.attachments(session, call.tenant_id, [c["comment_id"] for c in comments])
        emails = await trace.of_ticket(session, call.tenant_id, ticket["ticket_id"])
        users = await people.users(session, call.tenant_id, also=ticket["assignee_id"])
        care = await ticket_care.values(session, call.tenant_id, ticket["ticket_id"])
    manifests: dict[UUID, list[Any]] = {comment["comment_id"]: [] for comment in comments}
    for part in parts:
        manifests[part["comment_id"]].append(part)
    first = next((email for email in emails if email["outcome"] == "ticket"), None)
    return await render(
        call,
        "ticket.html",
        ticket=ticket,
        comments=comments,
        older=ticket["comment_count"] - len(comments),
        manifests=manifests,
        emails=emails,
        users=users,
        run_url=call.services.run_url,
        decision=first["decision"] if first else None,
        reply_address=call.services.reply_address(call.tenant_id, ticket["number"], ticket["mailbox"]),
        **care,
    )


async def change(call: PageCall) -> web.Response:
    """Sets what the form names: status, priority, assignee, tags; not what still is as the page showed it (`was.…`)."""
    form = await call.request.post()
    given = {name: str(value) for name, value in form.items() if form.get(f"was.{name}") != value}
    status, priority = given.get("status"), given.get("priority")
    if status not in (None, "open", "pending", "closed") or priority not in (None, "low", "normal", "high", "urgent"):
        raise NotFound
    assignee = given.get("assignee", "")
    wanted = ticket_changes.Changes(
        status=cast("ticket_changes.Status | None", status),
        priority=cast("ticket_changes.Priority | None", priority),
        assign="assignee" in given,
        assignee_id=call.user.user_id if assignee == "me" else _uuid(assignee),
        tags=given["tags"].split(",") if "tags" in given else None,
    )
    return await _change(
        call, lambda session, ticket: ticket_changes.change(session, call.tenant_id, ticket, wanted, actor=call.actor)
    )


async def note(call: PageCall) -> web.Response:
    """Adds a note between colleagues."""
    text = str((await call.request.post()).get("text", "")).strip()[:MAX_NOTE]
    if not text:
        return web.Response(status=303, headers={"Location": f"/tickets/{call.id('id')}#note"})
    return await _change(
        call,
        lambda session, ticket: ticket_changes.add_note(
            session, call.tenant_id, ticket, text, name=call.user.name, address=call.user.email, actor=call.actor
        ),
    )


async def _change(call: PageCall, act: Callable[[Any, UUID], Awaitable[Any]]) -> web.Response:
    async with call.session() as session:
        ticket = await tickets.get(session, call.tenant_id, call.id("id"))
        if ticket is None:
            raise NotFound
        try:
            await act(session, ticket["ticket_id"])
        except (LookupError, ticket_changes.Unchangeable):
            raise NotFound from None
    return web.Response(status=303, headers={"Location": f"/tickets/{ticket['number']}"})


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
