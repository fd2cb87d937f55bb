"""The audit log: who did what, when; what changed by it; the whole of it as a file."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from aiohttp import web

from console.calls import NotFound, PageCall
from console.fields import clean
from console.templating import render
from storage import audit

PAGE = 100
_MAX = 200


async def listing(call: PageCall) -> web.Response:
    wanted, given = _wanted(call)
    before = call.request.query.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    async with call.session() as session:
        rows = await audit.page(session, call.tenant_id, wanted, before=number, limit=PAGE + 1)
        actions = await audit.actions(session, call.tenant_id)
        chain = await audit.head(session, call.tenant_id)
    return await render(
        call,
        "audit.html",
        rows=rows[:PAGE],
        older=rows[PAGE - 1]["audit_id"] if len(rows) > PAGE else None,
        given=given,
        filters={name: value for name, value in given.items() if value},
        actions=actions,
        chain=chain,
    )


async def show(call: PageCall) -> web.Response:
    wanted = call.request.match_info["id"]
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        raise NotFound
    async with call.session() as session:
        row = await audit.get(session, call.tenant_id, int(wanted))
    if row is None:
        raise NotFound
    changes = differences(row["detail"], row["detail_before"])
    facts = {key: said(value) for key, value in row["detail"].items() if key != "changed" and key not in changes}
    return await render(call, "audit_row.html", row=row, changes=changes, facts=facts)


async def export(call: PageCall) -> web.StreamResponse:
    """The filtered log as CSV, oldest first, as a stream."""
    wanted, _ = _wanted(call)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="audit-{datetime.now(UTC):%Y-%m-%d}.csv"',
        }
    )
    async with call.session() as session:
        await response.prepare(call.request)
        await response.write(_line(["at", "actor", "action", "object", "detail"]))
        async for row in audit.everything(session, call.tenant_id, wanted):
            detail = json.dumps(row["detail"], ensure_ascii=False, sort_keys=True) if row["detail"] else ""
            await response.write(_line([row["at"].isoformat(), row["actor"], row["action"], row["object"], detail]))
    await response.write_eof()
    return response


def differences(now: dict[str, Any], before: dict[str, Any] | None) -> dict[str, tuple[str, str]]:
    """What an action changed: as it says itself, or against what the same action had said before it."""
    if isinstance(now.get("changed"), dict):
        return {key: (said(pair[0]), said(pair[1])) for key, pair in now["changed"].items()}
    if before is None:
        return {}
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return {key: (said(before.get(key)), said(now.get(key))) for key in keys}


def said(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _wanted(call: PageCall) -> tuple[audit.Filter, dict[str, str]]:
    given = {name: clean(call.request.query.get(name), _MAX) for name in ("actor", "action", "object")}
    dates = {name: _date(call.request.query.get(name, "")) for name in ("since", "until")}
    until = dates["until"]
    wanted = audit.Filter(
        actor=given["actor"],
        action=given["action"],
        thing=given["object"],
        since=_midnight(dates["since"]),
        # The last day counts whole.
        until=_midnight(until + timedelta(days=1) if until else None),
    )
    return wanted, given | {name: day.isoformat() if day else "" for name, day in dates.items()}


def _date(value: str) -> date | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    # Years that Postgres and the day after them have.
    return day if 1900 <= day.year <= 9000 else None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _line(cells: list[str]) -> bytes:
    """One line of CSV (RFC 4180). A spreadsheet takes a cell that begins like a formula for one: it gets a quote."""
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in cells])
    return out.getvalue().encode()
