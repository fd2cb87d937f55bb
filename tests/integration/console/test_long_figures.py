"""Mailboxes, dashboard and quarantine in a long history: nothing is read from end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from storage import figures, mail_hours, mailbox_views, quarantine, trace
from storage.database import Database
from tests import bulk, postgres
from tests.integration.deciding.test_plans import LARGE, Explaining, _nodes

MESSAGES = 20_000
Query = Callable[[Any, bulk.History], Awaitable[object]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def closed(postgres_server: postgres.PostgresServer) -> AsyncIterator[tuple[Database, bulk.History]]:
    """A history of ninety days whose hours are counted."""
    url = await postgres.fresh_database(postgres_server)
    history = await bulk.fill(url, MESSAGES)
    db = await Database.connect(url)
    async with db.tenant(history.tenant_id) as session:
        await mail_hours.close_hours(session, history.tenant_id)
    yield db, history
    await db.close()
    await postgres.drop_database(postgres_server, url)


def _week_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=7)


QUERIES: dict[str, Query] = {
    "mailboxes": lambda s, h: mailbox_views.page(s, h.tenant_id),
    "mailbox": lambda s, h: mailbox_views.get(s, h.tenant_id, h.mailbox_id),
    "today": lambda s, h: mail_hours.per_mailbox(s, h.tenant_id, _week_ago()),
    "hours": lambda s, h: mail_hours.since(s, h.tenant_id, _week_ago()),
    "hours of a mailbox": lambda s, h: mail_hours.since(s, h.tenant_id, _week_ago(), h.mailbox_id),
    "latest of a silent mailbox": lambda s, h: trace.of_mailbox(s, h.tenant_id, UUID(int=1), limit=8),
    "backlog": lambda s, h: figures.backlog(s, h.tenant_id),
    "oldest waiting": lambda s, h: figures.oldest_waiting(s, h.tenant_id),
    "quarantine": lambda s, h: quarantine.counts(s, h.tenant_id),
    "discarded": lambda s, h: quarantine.emails(s, h.tenant_id, "discarded", limit=50),
    "held": lambda s, h: quarantine.held(s, h.tenant_id, "rule", limit=50),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_is_on_an_index(closed: tuple[Database, bulk.History], name: str) -> None:
    db, history = closed
    async with db.tenant(history.tenant_id) as session:
        explaining = Explaining(session)
        await QUERIES[name](explaining, history)
    assert explaining.plans
    for sql, plan in explaining.plans:
        read_whole = {n["Relation Name"] for n in _nodes(plan) if n["Node Type"] == "Seq Scan"} & LARGE
        assert not read_whole, f"{read_whole} read from end to end by: {sql}"


async def test_closing_the_hours_twice_counts_nothing_twice(closed: tuple[Database, bulk.History]) -> None:
    db, history = closed
    async with db.tenant(history.tenant_id) as session:
        await mail_hours.close_hours(session, history.tenant_id)
        counted = await mail_hours.per_mailbox(session, history.tenant_id, mail_hours.NEVER)
    assert counted == {history.mailbox_id: MESSAGES, mail_hours.ALL: MESSAGES}
