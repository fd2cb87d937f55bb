"""Tickets: the list, and one with its conversation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from console.calls import NotFound, PageCall
from console.templating import render
from storage import people, tickets, trace

PAGE = 50
# A conversation longer than this opens with its newest messages.
SHOWN = 100
STATUSES = ("open", "pending", "closed", "merged")


async def listing(call: PageCall) -> web.Response:
    query = call.request.query.get("q", "")[:200].strip()
    status = call.request.query.get("status", "")
    status = status if status in STATUSES else ""
    before = call.request.query.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    async with call.session() as session:
        rows = await tickets.page(
            session, call.tenant_id, query=query, status=status or None, before=number, limit=PAGE + 1
        )
        boxes = [] if rows else await people.mailboxes(session, call.tenant_id)
    shown = rows[:PAGE]
    return await render(
        call,
        "tickets.html",
        tickets=shown,
        query=query,
        chosen=status,
        statuses=STATUSES,
        before=number,
        older=shown[-1]["number"] if len(rows) > PAGE else None,
        mailboxes=boxes,
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
        decision=first["decision"] if first else None,
        reply_address=call.services.reply_address(call.tenant_id, ticket["number"], ticket["mailbox"]),
    )
