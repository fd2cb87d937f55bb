"""Trying rules out: on one mail, and over past mail. Nothing is changed by either."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp.web_request import FileField

from console import dry_runs, forms
from console.calls import REPLAYS, NotFound, PageCall
from console.pages.answers import back, refused
from console.strings import text
from console.templating import render
from domain.deciding import Decision
from storage import people, replays

# Bytes of a form with a mail in it.
MAX_FORM = 16 << 20
# Of a mail that is written to try rules on.
FIELDS = ("mailbox", "from", "subject", "body")


async def tester(call: PageCall) -> web.Response:
    return await _tester(call, dict.fromkeys(FIELDS, ""))


async def test(call: PageCall) -> web.Response:
    """What would become of the mail that was pasted or uploaded, by the production evaluator."""
    form = await call.request.post()
    told = {name: forms.told(form, name, 200_000) for name in FIELDS}
    upload = form.get("file")
    raw = _uploaded(upload) or dry_runs.written(told)
    try:
        decision = await dry_runs.explain(call.services, call.tenant_id, UUID(told["mailbox"]), raw)
    except (ValueError, LookupError):
        return await _tester(call, told, fault=text("tester.choose_mailbox"), status=422)
    return await _tester(call, told, decision=decision)


async def replay_list(call: PageCall) -> web.Response:
    async with call.session() as session:
        rows = await replays.latest(session, call.tenant_id)
    month_ago = datetime.now(UTC) - timedelta(days=30)
    return await render(
        call, "rule_replays.html", replays=rows, since=month_ago.date().isoformat(), may_change=call.may("admin")
    )


async def begin_replay(call: PageCall) -> web.Response:
    since = forms.told(await call.request.post(), "since", 20)
    try:
        moment = datetime.fromisoformat(since).replace(tzinfo=UTC)
    except ValueError:
        return await refused(call, text("replays.no_date"), "/rule-replays")
    try:
        replay_id = await call.request.app[REPLAYS].start(call.tenant_id, moment, actor=call.actor)
    except replays.Busy:
        return await refused(call, text("replays.busy"), "/rule-replays")
    return back(f"/rule-replays/{replay_id}")


async def show_replay(call: PageCall) -> web.Response:
    async with call.session() as session:
        row = await replays.get(session, call.tenant_id, call.id("id"))
    if row is None:
        raise NotFound
    differences = [
        {**difference, "received_at": datetime.fromisoformat(difference["received_at"])}
        for difference in row["differences"]
    ]
    return await render(call, "rule_replay.html", replay=row, differences=differences)


async def _tester(
    call: PageCall, told: dict[str, str], *, decision: Decision | None = None, fault: str = "", status: int = 200
) -> web.Response:
    async with call.session() as session:
        boxes = await people.mailbox_names(session, call.tenant_id)
    return await render(
        call, "rule_tester.html", status=status, told=told, mailboxes=boxes, decision=decision, fault=fault
    )


def _uploaded(upload: Any) -> bytes:
    return upload.file.read() if isinstance(upload, FileField) else b""
